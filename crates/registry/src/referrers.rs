//! Referrers: the manifests that are about another one, by one indexed query.

use std::collections::BTreeMap;

use async_trait::async_trait;
use wharf_core::{
    Digest, Grant, Limit, MediaType, Page, Result, action::Pull, gate::RepositoryId, manifest::Manifest,
};

use crate::{
    Registry,
    port::{ReferrerRow, ReferrersOf, Transaction, Work},
};

/// A page holds manifests of at most so many bytes together, so that long annotations cannot fill memory.
const PAGE_BYTES: u64 = 4 * 1024 * 1024;

/// A manifest that is about another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: MediaType,
    /// Its size in bytes.
    pub size: u64,
    /// Its artifact type, if it has one.
    pub artifact_type: Option<String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Registry {
    /// A page of the manifests that are about `subject`, in the order of their digests, after `last`; only those of an artifact
    /// type, if one is given (the empty one is that of manifests without). A subject that is not there has none.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn referrers(
        &self,
        grant: &Grant<Pull>,
        subject: Digest,
        artifact_type: Option<String>,
        last: Option<Digest>,
    ) -> Result<Page<Referrer>> {
        let Some(repository) = grant.repository() else {
            return Ok(Page { entries: Vec::new(), more: false });
        };
        self.store().view(ListReferrers { repository, subject, artifact_type, last }).await
    }
}

struct ListReferrers {
    repository: RepositoryId,
    subject: Digest,
    artifact_type: Option<String>,
    last: Option<Digest>,
}

#[async_trait]
impl Transaction for ListReferrers {
    type Output = Page<Referrer>;

    async fn run(&self, work: &mut dyn Work) -> Result<Page<Referrer>> {
        let wanted = ReferrersOf {
            repository: self.repository,
            subject: self.subject,
            artifact_type: self.artifact_type.clone(),
            last: self.last,
            most: u32::try_from(Limit::MOST.get() + 1).unwrap_or(u32::MAX),
        };
        let mut page = Page::cut(work.referrers(&wanted).await?, Limit::MOST);
        let fitting = fitting(&page.entries);
        page.more |= fitting < page.entries.len();
        page.entries.truncate(fitting);
        let mut entries = Vec::with_capacity(fitting);
        for row in page.entries {
            entries.push(self.describe(work, row).await?);
        }
        Ok(Page { entries, more: page.more })
    }
}

impl ListReferrers {
    async fn describe(&self, work: &mut dyn Work, row: ReferrerRow) -> Result<Referrer> {
        let ReferrerRow { digest, media_type, size, artifact_type } = row;
        let stored = work.find_manifest(self.repository, &digest).await?;
        let read =
            stored.map(|stored| Manifest::parse(Some(&stored.media_type), &stored.bytes)).transpose()?;
        let annotations = read.map(|manifest| manifest.annotations).unwrap_or_default();
        Ok(Referrer { digest, media_type, size, artifact_type, annotations })
    }
}

/// How many of the rows fit on one page: at least one.
fn fitting(rows: &[ReferrerRow]) -> usize {
    let mut bytes = 0;
    let fits = |row: &&ReferrerRow| {
        bytes += row.size;
        bytes <= PAGE_BYTES
    };
    rows.iter().take_while(fits).count().max(1).min(rows.len())
}
