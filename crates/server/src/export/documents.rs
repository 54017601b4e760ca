//! What the management tells of an organisation: each list and each thing as a file of JSON, as the API has it. Secrets are
//! in none, for it shows none.

use std::collections::VecDeque;

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use wharf_core::{Entropy, Error, Kind, OrganisationName, Result};
use wharf_outbound::{Api, Asked, Method, Spot};

use super::folder::Folder;
use crate::{course::Course, world::SystemEntropy};

/// The management, asked about one organisation.
pub(super) struct Documents {
    api: Api,
    organisation: OrganisationName,
}

/// A list, read page by page as it is walked.
pub(super) struct Pages<'a> {
    documents: &'a Documents,
    path: Vec<String>,
    read: VecDeque<Value>,
    last: Option<String>,
    course: Course,
    is_over: bool,
}

impl Documents {
    pub(super) fn of(api: Api, organisation: &OrganisationName) -> Self {
        Self { api, organisation: organisation.clone() }
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

    /// Writes what is told of the organisation beside its registries.
    pub(super) async fn write(&self, folder: &Folder) -> Result<()> {
        folder.put("usage.json", &self.one(&["usage"]).await?).await?;
        for (name, path) in
            [("members.json", "members"), ("invitations.json", "invitations"), ("webhooks.json", "webhooks")]
        {
            folder.put(name, &json!(self.list(&[path]).all().await?)).await?;
        }
        folder.put("robots.json", &json!(self.with("robots", "tokens").await?)).await?;
        folder.put("issuers.json", &json!(self.with("issuers", "rules").await?)).await?;
        self.write_audit(folder).await
    }

    /// Writes the audit log, as the API exports it.
    async fn write_audit(&self, folder: &Folder) -> Result<()> {
        let broken = |error| Error::new(Kind::Unavailable, "the audit log broke off").because(error);
        let path = ["orgs", self.organisation.as_str(), "audit", "export"];
        let mut records = folder.begin(&["audit.ndjson"]).await?;
        let mut told = self.api.stream(Spot { path: &path, query: &[] }).await?;
        while let Some(piece) = told.next().await {
            records.write(&piece.map_err(broken)?).await?;
        }
        records.keep().await
    }

    /// Writes what is told of a registry beside its repositories.
    pub(super) async fn write_registry(&self, name: &str, folder: &Folder) -> Result<()> {
        folder.put("registry.json", &self.one(&["registries", name]).await?).await?;
        for rules in ["retention", "immutability", "keys"] {
            let told = self.list(&["registries", name, rules]).all().await?;
            folder.put(&format!("{rules}.json"), &json!(told)).await?;
        }
        Ok(())
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
