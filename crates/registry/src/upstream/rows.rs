//! The transactions on sources and on what upstreams said.

use async_trait::async_trait;
use bytes::Bytes;
use wharf_core::{Place, Result, Timestamp, gate::RegistryId};

use crate::port::{Extent, Fetched, FetchedState, Member, PageOf, SourceRow, Transaction, Work};

/// How many are forgotten at a time.
const AT_ONCE: u32 = 16;

pub(super) struct FindSource {
    pub(super) registry: RegistryId,
}

#[async_trait]
impl Transaction for FindSource {
    type Output = SourceRow;

    async fn run(&self, work: &mut dyn Work) -> Result<SourceRow> {
        work.source(self.registry).await
    }
}

/// What is set about a virtual registry, and its members.
pub(super) struct FindMembers {
    pub(super) registry: RegistryId,
}

#[async_trait]
impl Transaction for FindMembers {
    type Output = (SourceRow, Vec<Member>);

    async fn run(&self, work: &mut dyn Work) -> Result<(SourceRow, Vec<Member>)> {
        Ok((work.source(self.registry).await?, work.members_of(self.registry).await?))
    }
}

/// Whether a repository, if it is there, has a page, or held a name that a removed one of its path left behind.
pub(super) struct HasHad {
    pub(super) place: Place,
    pub(super) of: Option<PageOf>,
}

#[async_trait]
impl Transaction for HasHad {
    type Output = bool;

    async fn run(&self, work: &mut dyn Work) -> Result<bool> {
        let is_listed = match self.of {
            Some(of) => work.page(of).await?.is_some(),
            None => false,
        };
        Ok(is_listed || work.was_held(&self.place).await?)
    }
}

/// Something that the upstream of a registry said.
#[derive(Clone)]
pub(super) struct DocumentKey {
    pub(super) registry: RegistryId,
    pub(super) name: String,
}

impl DocumentKey {
    fn of(&self) -> (RegistryId, &str) {
        (self.registry, &self.name)
    }
}

pub(super) struct FindDocument(pub(super) DocumentKey);

#[async_trait]
impl Transaction for FindDocument {
    type Output = Option<FetchedState>;

    async fn run(&self, work: &mut dyn Work) -> Result<Option<FetchedState>> {
        work.fetched(self.0.registry, &self.0.name).await
    }
}

pub(super) struct ReadDocument(pub(super) DocumentKey);

#[async_trait]
impl Transaction for ReadDocument {
    type Output = Option<Bytes>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Option<Bytes>> {
        work.fetched_payload(self.0.registry, &self.0.name).await
    }
}

/// What became of a document at its upstream.
pub(super) enum Renewal {
    Gone,
    Stands,
    Came(Fetched),
}

/// Notes that; the document as it then is.
pub(super) struct RenewDocument {
    pub(super) key: DocumentKey,
    pub(super) renewal: Renewal,
    /// The most bytes that the registry keeps of its upstream.
    pub(super) most: u64,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Transaction for RenewDocument {
    type Output = Option<FetchedState>;

    async fn run(&self, work: &mut dyn Work) -> Result<Option<FetchedState>> {
        let (registry, name) = self.key.of();
        match &self.renewal {
            Renewal::Gone => work.forget_fetched(registry, name).await?,
            Renewal::Stands => work.touch_fetched((registry, name), self.now).await?,
            Renewal::Came(fetched) => {
                work.keep_fetched((registry, name), fetched, self.now).await?;
                make_room(work, self.key.of(), self.most).await?;
            }
        }
        work.fetched(registry, name).await
    }
}

/// Forgets what was found to stand longest ago until the rest fits: it is asked for again when somebody wants it. What just
/// came stays.
async fn make_room(work: &mut dyn Work, (registry, name): (RegistryId, &str), most: u64) -> Result<()> {
    while work.fetched_bytes(registry).await? > most {
        let oldest = work.oldest_fetched(registry, AT_ONCE).await?;
        let oldest: Vec<_> = oldest.into_iter().filter(|oldest| oldest != name).collect();
        for oldest in &oldest {
            work.forget_fetched(registry, oldest).await?;
        }
        if oldest.is_empty() {
            break;
        }
    }
    Ok(())
}
