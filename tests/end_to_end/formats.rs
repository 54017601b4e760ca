//! What the formats read of what is pushed, whichever door it came through, and what their own doors make of it.

pub(crate) mod attestations;
mod bounds;
pub(crate) mod chart;
mod charts;
mod finding;
mod museum;
pub(crate) mod plugin;
mod plugins;
mod python;
mod releases;
mod repository;
mod search;
pub(crate) mod wheel;

pub(crate) use self::chart::Chart;
use crate::harness::{Answer, Caller, Repository};

impl Repository {
    /// What the formats read of a manifest; the repository is one of `acme/main`.
    async fn facts(&self, reference: &str) -> Answer {
        self.caller.get(&self.manifest_path(reference, "facts")).await
    }

    async fn document(&self, reference: &str, name: &str) -> Answer {
        self.caller.get(&self.manifest_path(reference, &format!("documents/{name}"))).await
    }

    fn manifest_path(&self, reference: &str, rest: &str) -> String {
        let repository =
            self.name.strip_prefix("acme/main/").expect("the long name of a repository of acme/main");
        format!("/api/v1/orgs/acme/registries/main/repositories/{repository}/manifests/{reference}/{rest}")
    }
}

/// The names and versions of a page of charts.
async fn search(caller: &Caller, query: &str) -> Answer {
    caller.get(&format!("/api/v1/orgs/acme/registries/main/facts?format=helm{query}")).await
}
