//! The server that the table is run against, and how a row becomes a request.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use bytes::Bytes;

use super::table::{Caller as Who, Kind, Narrow, Row};
use crate::formats::Chart;
use crate::formats::wheel::{Distribution, FORM, FilePlace};
use crate::harness::{Answer, Caller, Image, Repository, Wharf, noise, sha256};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Credential {
    Password,
    /// One that asks for everything.
    Token,
    /// One that asks for one thing alone.
    NarrowToken(Narrow),
}

pub(super) struct World {
    wharf: Wharf,
    credential: Credential,
    image: Image,
    /// Another writer, whose uploads are nobody else's.
    walter: Caller,
    /// Tokens that were fetched: each costs the server the slow hash of a password.
    bearers: RefCell<BTreeMap<(Kind, Who, Credential), Caller>>,
    /// Numbers for what must be new each time.
    next: Cell<u64>,
}

impl World {
    /// `acme` with a private and a public registry, each with the same image in two repositories.
    pub(super) async fn build(credential: Credential) -> Self {
        let wharf = Wharf::start().await;
        let image = Image::oci(1);
        for name in ["acme/app", "acme/source", "acme/open/app", "acme/open/source"] {
            wharf.admin().repository(name).push_image(&image, "v1").await;
        }
        wharf.set_public("acme/open", true);
        wharf.add_user("stranger", &[]);
        wharf.add_user("viewer", &["acme:viewer"]);
        wharf.add_user("writer", &["acme:writer"]);
        wharf.add_user("owner", &["acme:admin"]);
        let walter = wharf.add_user("walter", &["acme:writer"]);
        let walter = walter.with_token(&["repository:acme/app:push", "repository:acme/open/app:push"]).await;
        let bearers = RefCell::default();
        Self { wharf, credential, image, walter, bearers, next: Cell::new(1) }
    }

    /// Sends the row's request as one of the callers.
    pub(super) async fn ask(&self, row: &Row, who: Who) -> Answer {
        let content = self.content();
        let caller = self.caller(row.kind, who).await;
        let path = self.filled(row, who, &content).await;
        let request = caller.request(&row.method, &path);
        let is_manifest = row.method == "PUT" && path.contains("/manifests/");
        let request = match row.method.as_str() {
            "PUT" if is_manifest => {
                request.header("content-type", self.image.media_type).body(self.image.manifest.clone())
            }
            "PUT" | "PATCH" => request.body(content),
            "POST" if path.ends_with("/legacy/") => {
                let wheel = Distribution::wheel("table", &format!("1.{}", self.number()));
                request.header("content-type", FORM).body(wheel.form(FilePlace::Last))
            }
            "POST" if path.ends_with("/api/charts") => {
                request.body(Chart::new("table", &format!("1.{}.0", self.number())).packaged())
            }
            "POST" if path.contains("?digest=") => request.body(content),
            "POST" => request.header("content-length", "0"),
            _ => request,
        };
        request.send().await
    }

    /// The path with its placeholders filled; what they name is made here.
    async fn filled(&self, row: &Row, who: Who, content: &Bytes) -> String {
        let name = repository_name(row.kind);
        let operator = self.bearer(row.kind, Who::Operator, Credential::Token).await.repository(name);
        let mut path = row.path.replace("{repository}", name).replace("{source}", &source_name(row.kind));
        path = path.replace("{index}", index(row.kind));
        path = path.replace("{registry}", registry_path(row.kind)).replace("{leaf}", leaf(row.kind));
        path = path.replace("{plugins}", plugins_path(row.kind)).replace("{charts}", charts_path(row.kind));
        path = path.replace("{blob}", &sha256(&self.image.blobs[0]));
        path = path.replace("{manifest}", &self.image.digest()).replace("{content}", &sha256(content));
        if path.contains("{upload}") {
            let opener = if who.may_write() { who } else { Who::Operator };
            // It is the user's, by whatever credential it was opened.
            let opener = self.bearer(row.kind, opener, Credential::Token).await.repository(name);
            path = path.replace("{upload}", &opener.upload().await.location);
        }
        if path.contains("{foreign-upload}") {
            path = path.replace("{foreign-upload}", &self.walter.repository(name).upload().await.location);
        }
        self.with_fresh(path, &operator).await
    }

    async fn with_fresh(&self, path: String, operator: &Repository) -> String {
        if path.contains("{fresh-blob}") {
            return path.replace("{fresh-blob}", &operator.push_blob(&self.content()).await);
        }
        if path.contains("{fresh-tag}") {
            let tag = format!("fresh-{}", self.number());
            operator.push_image(&self.image, &tag).await;
            return path.replace("{fresh-tag}", &tag);
        }
        if path.contains("{fresh-manifest}") {
            let image = Image::oci(self.number());
            return path.replace("{fresh-manifest}", &operator.push_image(&image, &image.digest()).await);
        }
        path
    }

    async fn caller(&self, kind: Kind, who: Who) -> Caller {
        match self.credential {
            Credential::Password => self.by_password(who),
            credential => self.bearer(kind, who, credential).await,
        }
    }

    fn by_password(&self, who: Who) -> Caller {
        match who {
            Who::Anonymous => self.wharf.anonymous(),
            Who::Stranger => self.user("stranger"),
            Who::Viewer => self.user("viewer"),
            Who::Writer => self.user("writer"),
            Who::Admin => self.user("owner"),
            Who::Operator => self.wharf.admin(),
        }
    }

    /// The caller under a token for what there is in such a registry; fetched once.
    async fn bearer(&self, kind: Kind, who: Who, credential: Credential) -> Caller {
        let known = self.bearers.borrow().get(&(kind, who, credential)).cloned();
        if let Some(bearer) = known {
            return bearer;
        }
        let here = |verbs: &str| format!("repository:{}:{verbs}", repository_name(kind));
        let scopes = match credential {
            Credential::NarrowToken(Narrow::Pull) => vec![here("pull")],
            Credential::NarrowToken(Narrow::Push) => vec![here("push")],
            Credential::NarrowToken(Narrow::Delete) => vec![here("delete")],
            Credential::NarrowToken(Narrow::Elsewhere) => {
                vec![format!("repository:{}:pull,push,delete", source_name(kind))]
            }
            Credential::Password | Credential::Token => {
                let source = format!("repository:{}:pull", source_name(kind));
                vec![here("pull,push,delete"), source, "registry:catalog:*".to_owned()]
            }
        };
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        let bearer = self.by_password(who).with_token(&scopes).await;
        self.bearers.borrow_mut().insert((kind, who, credential), bearer.clone());
        bearer
    }

    fn user(&self, name: &str) -> Caller {
        self.wharf.caller(name, &format!("the-password-of-{name}"))
    }

    fn content(&self) -> Bytes {
        noise(self.number(), 500)
    }

    fn number(&self) -> u64 {
        self.next.set(self.next.get() + 1);
        self.next.get()
    }
}

fn repository_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Private => "acme/app",
        Kind::Public => "acme/open/app",
        Kind::Absent => "nobody/nothing",
    }
}

/// The Python index of a registry.
const fn index(kind: Kind) -> &'static str {
    match kind {
        Kind::Private => "/pypi/acme/main",
        Kind::Public => "/pypi/acme/open",
        Kind::Absent => "/pypi/nobody/main",
    }
}

fn registry_path(kind: Kind) -> &'static str {
    match kind {
        Kind::Private => "/api/v1/orgs/acme/registries/main",
        Kind::Public => "/api/v1/orgs/acme/registries/open",
        Kind::Absent => "/api/v1/orgs/nobody/registries/main",
    }
}

fn plugins_path(kind: Kind) -> &'static str {
    match kind {
        Kind::Private => "/memflow/acme/main",
        Kind::Public => "/memflow/acme/open",
        Kind::Absent => "/memflow/nobody/main",
    }
}

fn charts_path(kind: Kind) -> &'static str {
    match kind {
        Kind::Private => "/helm/acme/main",
        Kind::Public => "/helm/acme/open",
        Kind::Absent => "/helm/nobody/main",
    }
}

fn leaf(kind: Kind) -> &'static str {
    repository_name(kind).rsplit('/').next().unwrap()
}

fn source_name(kind: Kind) -> String {
    repository_name(kind).replace("app", "source")
}
