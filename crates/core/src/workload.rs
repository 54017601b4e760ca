//! Workloads: jobs of build services, as their issuers speak of them.

mod build;

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use self::build::{Build, BuildService};
use crate::{Actor, Result};

/// What an issuer said of a job when it was let in: as much of it as tells one job from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// What the issuer calls itself, to the letter.
    pub issuer: String,
    /// Claims by their names; truth values and numbers as texts.
    pub claims: BTreeMap<String, String>,
}

impl Workload {
    /// The claims by which one job is told from another, in whatever words a build service has. Others are not kept.
    pub const CLAIMS: [&str; 11] = [
        "sub",
        "email",
        "email_verified",
        "environment",
        "repository",
        "workflow_ref",
        "job_workflow_ref",
        "project_path",
        "ci_config_ref_uri",
        "ref",
        "sha",
    ];

    /// A claim; none where the issuer did not make it.
    pub fn claim(&self, name: &str) -> Option<&str> {
        self.claims.get(name).map(String::as_str)
    }

    /// Where it comes from, if a build service says so.
    pub fn build(&self) -> Option<Build> {
        Build::of(self)
    }

    /// Its e-mail address, if it has one that the issuer confirmed.
    pub fn address(&self) -> Option<&str> {
        self.claim("email").filter(|_| self.claim("email_verified") == Some("true"))
    }
}

/// Answers "which job is this".
#[async_trait]
pub trait Workloads: Send + Sync {
    /// The job behind an actor; none behind everybody else.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn workload(&self, actor: &Actor) -> Result<Option<Workload>>;
}
