//! Letting a format look at a manifest before it is stored, and its door at a blob.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::task::spawn_blocking;
use wharf_core::{
    Digest, Error, Grant, Result, Subject,
    action::{Pull, Push},
    gate::RepositoryId,
    manifest::{Descriptor, Role},
};

use super::{BlobReader, Candidate, Contents, Fact, Format, Refusal, fact::expect_bounded};
use crate::{
    Registry,
    manifest::missing_content,
    port::{BlobRow, Transaction, Work},
};

/// What the formats made of a manifest.
#[derive(Default)]
pub(crate) struct Inspected {
    /// The format whose it is, if it is one's.
    pub(crate) format: Option<Arc<dyn Format>>,
    /// What it says.
    pub(crate) facts: Vec<Fact>,
}

impl Registry {
    /// Reads the facts of a manifest whose format is known. One that lacks content, in a registry that accepts that,
    /// is stored unread.
    ///
    /// # Errors
    /// `Invalid` with a format's refusal, or naming the content that is missing; `TooLarge`; `RateLimited` when too
    /// many wait; `Unavailable`.
    pub(crate) async fn inspect(&self, grant: &Grant<Push>, candidate: Candidate) -> Result<Inspected> {
        let formats = self.formats();
        let Some(format) = formats.iter().find(|format| format.recognises(&candidate)).cloned() else {
            return Ok(Inspected::default());
        };
        let found = self.store().view(FindContents::of(grant, &candidate)).await?;
        if !found.missing.is_empty() {
            let accepted = grant.registry().is_some_and(|registry| registry.accepts_missing_content);
            return if accepted { Ok(Inspected::default()) } else { Err(missing_content(found.missing)) };
        }
        let turn = self.inspections().next(&grant.place().organisation).await?;
        let contents = Contents::new(self.blob_store(), found.rows);
        let facts = spawn_blocking(move || {
            // Whoever hangs up keeps his place until the work he left behind is done.
            let _turn = turn;
            read(format, &candidate, &contents)
        });
        let facts = facts.await;
        facts.map_err(Error::internal)?
    }

    /// Lets a format's own door read a blob that was just pushed, on a thread that may block.
    ///
    /// # Errors
    /// `NotFound` where the repository does not hold it; `Invalid` with the refusal; `RateLimited` when too many wait;
    /// `Unavailable`.
    pub async fn examine<T: Send + 'static>(
        &self,
        grant: &Grant<Push>,
        part: &Descriptor,
        examine: impl FnOnce(BlobReader) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T> {
        let find = FindContents { repository: grant.repository(), wanted: vec![part.clone()] };
        let found = self.store().view(find).await?;
        let turn = self.inspections().next(&grant.place().organisation).await?;
        let examine = move |reader| {
            let _turn = turn;
            examine(reader)
        };
        self.read_row(found.rows.into_iter().next(), examine).await
    }

    /// Lets a door read a blob for whoever may pull it, on a thread that may block. How many do so at once is for the door
    /// to say: those who pull take no turn from those who push.
    ///
    /// # Errors
    /// `NotFound` where the repository does not hold it; `Invalid` with the refusal; `Unavailable`.
    pub async fn read_blob<T: Send + 'static>(
        &self,
        grant: &Grant<Pull>,
        digest: &Digest,
        look: impl FnOnce(BlobReader) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T> {
        let row = match grant.repository() {
            Some(repository) => self.store().member(repository, digest).await?,
            None => None,
        };
        self.read_row(row, look).await
    }

    async fn read_row<T: Send + 'static>(
        &self,
        row: Option<BlobRow>,
        read: impl FnOnce(BlobReader) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T> {
        let row = row.ok_or_else(|| Error::not_found(Subject::Blob))?;
        let contents = Contents::new(self.blob_store(), Vec::new());
        let read = spawn_blocking(move || {
            let read = contents.open_row(&row).and_then(read);
            contents.fault().map_or_else(|| read.map_err(Error::from), Err)
        });
        read.await.map_err(Error::internal)?
    }

    /// Lets a format's own door read, or hash, bytes that are not stored yet, on a thread that may block, as
    /// [`Registry::examine`] lets it read a blob.
    ///
    /// # Errors
    /// `Invalid` with the refusal; `RateLimited` when too many wait.
    pub async fn in_turn<T: Send + 'static>(
        &self,
        grant: &Grant<Push>,
        examine: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T> {
        let turn = self.inspections().next(&grant.place().organisation).await?;
        let examined = spawn_blocking(move || {
            let _turn = turn;
            examine().map_err(Error::from)
        });
        examined.await.map_err(Error::internal)?
    }
}

fn read(format: Arc<dyn Format>, candidate: &Candidate, contents: &Contents) -> Result<Inspected> {
    let facts = format.inspect(candidate, contents);
    if let Some(fault) = contents.fault() {
        return Err(fault);
    }
    let facts = facts?;
    expect_bounded(&facts)?;
    let mut names = facts.iter().flat_map(|fact| &fact.index).map(|(name, _)| name);
    if let Some(name) = names.find(|name| !format.found_by().contains(name)) {
        return Err(Error::internal(format!(
            "the format {} does not say that it is found by {name}",
            format.name()
        )));
    }
    Ok(Inspected { format: Some(format), facts })
}

struct FindContents {
    repository: Option<RepositoryId>,
    wanted: Vec<Descriptor>,
}

#[derive(Default)]
struct FoundContents {
    rows: Vec<BlobRow>,
    missing: Vec<String>,
}

impl FindContents {
    fn of(grant: &Grant<Push>, candidate: &Candidate) -> Self {
        let is_here = |role: Role, descriptor: &Descriptor| match role {
            Role::Config => true,
            Role::Layer => !descriptor.is_nondistributable(),
            Role::Manifest => false,
        };
        let references = candidate.manifest.references.iter();
        let wanted = references.filter(|(role, descriptor)| is_here(*role, descriptor));
        Self {
            repository: grant.repository(),
            wanted: wanted.map(|(_, descriptor)| descriptor.clone()).collect(),
        }
    }
}

#[async_trait]
impl Transaction for FindContents {
    type Output = FoundContents;

    async fn run(&self, work: &mut dyn Work) -> Result<FoundContents> {
        let mut found = FoundContents::default();
        for descriptor in &self.wanted {
            let row = match (self.repository, descriptor.digest()) {
                (Some(repository), Some(digest)) => work.find_member(repository, &digest).await?,
                _ => None,
            };
            match row {
                Some(row) => found.rows.push(row),
                None => found.missing.push(descriptor.digest.clone()),
            }
        }
        Ok(found)
    }
}
