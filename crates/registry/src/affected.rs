//! Whom it concerns that the bytes of a blob are damaged: the tags one can no longer pull.

use async_trait::async_trait;
use wharf_core::{Digest, Result};

use crate::{
    Registry,
    port::{Transaction, Work},
};

/// So many tags are named at most.
const MOST: u32 = 100;

impl Registry {
    /// The tags that need a blob, be it through an index, as `repository:tag` in byte order; a hundred at most.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn affected(&self, digest: &Digest) -> Result<Vec<String>> {
        self.store().view(Affected { digest: *digest }).await
    }
}

struct Affected {
    digest: Digest,
}

#[async_trait]
impl Transaction for Affected {
    type Output = Vec<String>;

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<String>> {
        work.tags_that_need(&self.digest, MOST).await
    }
}
