//! What the management tells of an organisation: each list and each thing as a file of JSON, as the API has it. Secrets are
//! in none, for it shows none.

use std::collections::VecDeque;

use futures_util::StreamExt as _;
use serde::Serialize;
use serde_json::{Value, json};
use wharf_core::{Entropy, Error, Kind, OrganisationName, Result};
use wharf_outbound::{Api, Asked, Method, Spot};

use super::{folder::Folder, report::Report};
use crate::{course::Course, world::SystemEntropy};

/// The management, asked about one organisation.
pub(super) struct Documents<'a> {
    api: Api,
    organisation: OrganisationName,
    report: &'a Report,
}

/// A list, read page by page as it is walked.
pub(super) struct Pages<'a> {
    documents: &'a Documents<'a>,
    path: Vec<String>,
    read: VecDeque<Value>,
    last: Option<String>,
    course: Course,
    is_over: bool,
}

impl<'a> Documents<'a> {
    pub(super) fn of(api: Api, organisation: &OrganisationName, report: &'a Report) -> Self {
        Self { api, organisation: organisation.clone(), report }
    }

    /// Notes what failed alone: what is no better asked for again, and what broke off while the server still answers.
    ///
    /// # Errors
    /// What would fail again for all that is left.
    pub(super) async fn alone<T>(&self, what: &str, done: Result<T>) -> Result<Option<T>> {
        let error = match done {
            Ok(done) => return Ok(Some(done)),
            Err(error) => error,
        };
        let is_alone = fails_alone(error.kind()) || (error.is_passing() && self.one(&[]).await.is_ok());
        if !is_alone {
            return Err(error);
        }
        self.report.fail(what, &error);
        Ok(None)
    }

    /// The organisation itself, to one of its admins.
    pub(super) async fn organisation(&self) -> Result<Value> {
        let organisation = self.one(&[]).await?;
        // Members may look at much of it, and nobody but its admins at this.
        self.one(&["issuers"]).await.map(|_| organisation)
    }

    /// The names of its registries.
    pub(super) async fn registries(&self) -> Result<Vec<String>> {
        let all = self.list(&["registries"]).all().await?;
        Ok(all.iter().filter_map(|one| text(one, "name")).map(str::to_owned).collect())
    }

    /// A list below the organisation.
    pub(super) fn list(&self, below: &[&str]) -> Pages<'_> {
        let path = self.path(below);
        Pages {
            documents: self,
            path,
            read: VecDeque::new(),
            last: None,
            course: Course::default(),
            is_over: false,
        }
    }

    /// Writes what is told of the organisation beside its registries. What fails alone is noted, and nothing of it is
    /// written.
    pub(super) async fn write(&self, folder: &Folder) -> Result<()> {
        let usage = self.one(&["usage"]).await;
        self.put(folder, ("", "usage"), usage).await?;
        for name in ["members", "invitations", "webhooks"] {
            let told = self.list(&[name]).all().await;
            self.put(folder, ("", name), told).await?;
        }
        for (name, inner) in [("robots", "tokens"), ("issuers", "rules")] {
            let told = self.with(name, inner).await;
            self.put(folder, ("", name), told).await?;
        }
        let audit = self.write_audit(folder).await;
        self.alone("audit.ndjson", audit).await.map(drop)
    }

    /// Writes the audit log, as the API exports it.
    async fn write_audit(&self, folder: &Folder) -> Result<()> {
        let broken = |error| Error::new(Kind::Unavailable, "the audit log broke off").because(error);
        let path = ["orgs", self.organisation.as_str(), "audit", "export"];
        let mut told = self.api.stream(Spot { path: &path, query: &[] }).await?;
        let mut records = folder.begin(&["audit.ndjson"]).await?;
        while let Some(piece) = told.next().await {
            records.write(&piece.map_err(broken)?).await?;
        }
        records.keep().await
    }

    /// Writes what is told of a registry beside its repositories. What fails alone is noted.
    pub(super) async fn write_registry(&self, name: &str, folder: &Folder) -> Result<()> {
        let of = format!("{name}/");
        let registry = self.one(&["registries", name]).await;
        self.put(folder, (&of, "registry"), registry).await?;
        for rules in ["retention", "immutability", "keys"] {
            let told = self.list(&["registries", name, rules]).all().await;
            self.put(folder, (&of, rules), told).await?;
        }
        Ok(())
    }

    /// Writes what was told as a file of JSON, or notes that it was not.
    async fn put<T: Serialize>(
        &self,
        folder: &Folder,
        (of, name): (&str, &str),
        told: Result<T>,
    ) -> Result<()> {
        let name = format!("{name}.json");
        match self.alone(&format!("{of}{name}"), told).await? {
            Some(told) => folder.put(&name, &json!(told)).await,
            None => Ok(()),
        }
    }

    /// Writes what is told of a repository beside its content: what it is, what became of the project, and what is yanked.
    pub(super) async fn write_repository(
        &self,
        registry: &str,
        repository: &Value,
        folder: &Folder,
    ) -> Result<()> {
        folder.put("repository.json", repository).await?;
        let name = text(repository, "name").ok_or_else(odd)?;
        let status = self.one(&["registries", registry, "repositories", name, "status"]).await?;
        folder.put("status.json", &status).await
    }

    /// A list in which each has a list of its own.
    async fn with(&self, list: &str, inner: &str) -> Result<Vec<Value>> {
        let mut all = self.list(&[list]).all().await?;
        for one in &mut all {
            let name = text(one, "name").unwrap_or_default().to_owned();
            let told = self.list(&[list, &name, inner]).all().await?;
            if let Some(fields) = one.as_object_mut() {
                fields.insert(inner.to_owned(), json!(told));
            }
        }
        Ok(all)
    }

    async fn one(&self, below: &[&str]) -> Result<Value> {
        let said = self.api.ask(asked(&self.path(below), Vec::new())).await?;
        said.body.ok_or_else(odd)
    }

    fn path(&self, below: &[&str]) -> Vec<String> {
        ["orgs", self.organisation.as_str()].iter().chain(below).map(|part| (*part).to_owned()).collect()
    }
}

impl Pages<'_> {
    /// The next entry.
    pub(super) async fn next(&mut self) -> Result<Option<Value>> {
        while self.read.is_empty() && !self.is_over {
            let last = self.last.take().map(|last| ("last", last));
            let said = self.documents.api.ask(asked(&self.path, last.into_iter().collect())).await?;
            let items = said.body.as_ref().and_then(|body| body.get("items")?.as_array()).ok_or_else(odd)?;
            self.last = said.next.map(|next| self.course.follow(items, &next)).transpose()?;
            self.is_over = self.last.is_none();
            self.read.extend(items.iter().cloned());
        }
        Ok(self.read.pop_front())
    }

    /// All that is left.
    pub(super) async fn all(mut self) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        while let Some(one) = self.next().await? {
            all.push(one);
        }
        Ok(all)
    }
}

fn asked<'a>(path: &'a [String], query: Vec<(&'a str, String)>) -> Asked<'a> {
    let entropy: &dyn Entropy = &SystemEntropy::new();
    let key = entropy.id::<16>();
    Asked { method: Method::GET, path, query, body: None, key }
}

/// A field that is a text.
pub(super) fn text<'a>(of: &'a Value, field: &str) -> Option<&'a str> {
    of.get(field)?.as_str()
}

fn odd() -> Error {
    Error::new(Kind::Invalid, "the server answered with what nobody expected")
}

/// Whether something else may still go well.
fn fails_alone(kind: Kind) -> bool {
    matches!(kind, Kind::NotFound(_) | Kind::Invalid | Kind::Denied | Kind::TooLarge | Kind::Unsupported)
}
