//! Referrers: the manifests that are about another one, by one indexed query. What is listed of them was written at
//! their push: nobody reads a manifest for it.

use async_trait::async_trait;
use serde_json::value::RawValue;
use wharf_core::{Digest, Error, Grant, Limit, MediaType, Page, Result, action::Pull};

use crate::{
    PAGE_BYTES, Registry,
    port::{Extent, ReferrerRow, ReferrersOf, Transaction, Work},
};

/// A manifest that is about another one.
#[derive(Clone, Debug)]
pub struct Referrer {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: MediaType,
    /// Its size in bytes.
    pub size: u64,
    /// Its artifact type, if it has one.
    pub artifact_type: Option<String>,
    /// Its annotations as a JSON object, if it has some.
    pub annotations: Option<Box<RawValue>>,
}

impl Referrer {
    fn of(row: ReferrerRow) -> Result<Self> {
        let ReferrerRow { digest, media_type, size, artifact_type, annotations } = row;
        let annotations = annotations.map(RawValue::from_string).transpose().map_err(Error::internal)?;
        Ok(Self { digest, media_type, size, artifact_type, annotations })
    }
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
        let most = u32::try_from(Limit::MOST.get()).unwrap_or(u32::MAX);
        let wanted =
            ReferrersOf { repository, subject, artifact_type, last, most, most_bytes: PAGE_BYTES as u64 };
        let Page { entries, more } = self.store().view(ListReferrers(wanted)).await?;
        Ok(Page { entries: entries.into_iter().map(Referrer::of).collect::<Result<_>>()?, more })
    }
}

struct ListReferrers(ReferrersOf);

#[async_trait]
impl Transaction for ListReferrers {
    type Output = Page<ReferrerRow>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Page<ReferrerRow>> {
        work.referrers(&self.0).await
    }
}
