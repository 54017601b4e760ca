//! What is kept of a job while its token lives, and who asks for it: whoever holds what a job brings against who it is.

use async_trait::async_trait;
use wharf_core::{Actor, Credential, Result, Workload, Workloads};

use super::hearing::Heard;
use crate::Auth;

/// The claims that are kept.
const KEPT: [&str; 11] = Workload::CLAIMS;

#[async_trait]
impl Workloads for Auth {
    async fn workload(&self, actor: &Actor) -> Result<Option<Workload>> {
        match actor.credential() {
            Credential::Token(hash) | Credential::Bearer { token: Some(hash), .. } => {
                self.beliefs().workload(*hash).await
            }
            _ => Ok(None),
        }
    }
}

/// The job as its issuer speaks of it.
pub(super) fn workload(heard: &Heard) -> Workload {
    let kept = KEPT.iter().filter_map(|name| {
        let [value] = <[String; 1]>::try_from(heard.claims.values(name)).ok()?;
        Some(((*name).to_owned(), value))
    });
    Workload { issuer: heard.issuer().to_owned(), claims: kept.collect() }
}
