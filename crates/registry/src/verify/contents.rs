//! Every manifest is hashed, and what it names is looked for in its repository.

use std::collections::BTreeSet;

use async_trait::async_trait;
use wharf_core::{
    Result,
    manifest::{Manifest, Role},
};
use wharf_hash::digest;

use super::{Finding, Inspector};
use crate::{
    Registry,
    port::{InspectedManifest, Transaction, Work},
};

/// How many manifests one page holds: each may have 4 MiB.
const PAGE: u32 = 16;

impl Registry {
    /// Looks at all manifests and what they name, without the bytes of blobs; says how many manifests there are.
    ///
    /// # Errors
    /// `Unavailable`; the inspector's.
    pub async fn verify_manifests(&self, inspector: &mut dyn Inspector) -> Result<u64> {
        let (mut last, mut manifests) = (0, 0);
        loop {
            let page = self.store().view(ListManifests { last }).await?;
            let Some(end) = page.last() else { return Ok(manifests) };
            last = end.id;
            for manifest in page {
                manifests += 1;
                inspector.read(manifest.bytes.len() as u64).await?;
                for finding in look_at(&manifest) {
                    inspector.found(finding).await?;
                }
            }
        }
    }
}

/// What is wrong with a manifest.
fn look_at(row: &InspectedManifest) -> Vec<Finding> {
    let manifest = format!("{}@{}", row.path, row.digest);
    let parsed = Manifest::parse(row.media_type.parse().ok().as_ref(), &row.bytes).ok();
    let right = digest(row.digest.algorithm(), &row.bytes) == row.digest;
    let Some(parsed) = parsed.filter(|parsed| right && parsed.contents().count() as u64 == row.edges) else {
        return vec![Finding::Garbled { manifest }];
    };
    if row.accepts_missing_content {
        return Vec::new();
    }
    let is_missing = |role: Role, descriptor: &wharf_core::manifest::Descriptor| {
        let elsewhere = role == Role::Layer && descriptor.is_nondistributable();
        !elsewhere && descriptor.digest().is_some_and(|digest| row.missing.contains(&(role.word(), digest)))
    };
    let missing = parsed.references.iter().filter(|(role, descriptor)| is_missing(*role, descriptor));
    let contents: BTreeSet<_> = missing.map(|(_, descriptor)| descriptor.digest.clone()).collect();
    let finding = |content| Finding::Missing { manifest: manifest.clone(), content };
    contents.into_iter().map(finding).collect()
}

struct ListManifests {
    last: i64,
}

#[async_trait]
impl Transaction for ListManifests {
    type Output = Vec<InspectedManifest>;

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<InspectedManifest>> {
        work.manifests_after(self.last, PAGE).await
    }
}
