//! Workloads: jobs of build services, as their issuers speak of them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

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
    /// A claim; none where the issuer did not make it.
    pub fn claim(&self, name: &str) -> Option<&str> {
        self.claims.get(name).map(String::as_str)
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
