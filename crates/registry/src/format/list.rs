//! Finding what the formats read.

use async_trait::async_trait;
use wharf_core::{
    Action, Digest, Error, Grant, Kind, Limit, Page, Reference, RegistryGrant, Result, Subject,
    action::Pull,
    gate::{RegistryId, RepositoryId},
};

use super::{FactCursor, Pair, notice::is_hidden};
use crate::{
    PAGE_BYTES, Registry,
    port::{DocumentRow, Extent, FactRow, FactsOf, ListedRow, Transaction, Work},
};

/// How many facts are read at a time.
const CHUNK: u32 = 32;
/// How many manifests are shown that stand beside one thing.
const MOST_BESIDE: u32 = 16;

/// Which facts of a registry are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactSearch {
    /// Of which format.
    pub format: String,
    /// Pairs of an attribute's name and value, all of which must hold.
    pub pairs: Vec<(String, String)>,
    /// After which fact.
    pub last: Option<FactCursor>,
}

impl FactSearch {
    /// The most pairs one search names.
    pub const MOST_PAIRS: usize = 4;
}

impl Registry {
    /// A page of the facts of what is tagged in a registry: by subject, the newest of one subject first.
    ///
    /// # Errors
    /// `Invalid` for a format that is not known, for a pair that it is not found by, and for too many pairs.
    pub async fn facts(
        &self,
        grant: &RegistryGrant,
        search: FactSearch,
        limit: Limit,
    ) -> Result<Page<FactRow>> {
        let most = FactSearch::MOST_PAIRS;
        if search.pairs.len() > most {
            return Err(Error::new(Kind::Invalid, format!("at most {most} attributes can be asked for")));
        }
        let Some(format) = self.formats().iter().find(|format| format.name() == search.format) else {
            let known: Vec<_> = self.formats().iter().map(|format| format.name()).collect();
            return Err(Error::new(Kind::Invalid, format!("format must be one of: {}", known.join(", "))));
        };
        let found_by = format.found_by();
        if search.pairs.iter().any(|(name, _)| !found_by.contains(&name.as_str())) {
            let words = format!("{} is found by: {}", search.format, found_by.join(", "));
            return Err(Error::new(Kind::Invalid, words));
        }
        let FactSearch { format, pairs, last } = search;
        let most = u32::try_from(limit.get() + 1).unwrap_or(CHUNK).min(CHUNK);
        let wanted = FactsOf { registry: grant.registry(), format, pairs, last, most };
        self.store().view(ListFacts { wanted, limit }).await
    }

    /// The facts of one manifest; none where no format knows it.
    ///
    /// # Errors
    /// `NotFound` where there is no such manifest.
    pub async fn facts_of(&self, grant: &Grant<Pull>, reference: &Reference) -> Result<Vec<FactRow>> {
        let repository = grant.repository().ok_or_else(|| Error::not_found(Subject::Name))?;
        self.store().view(FindFacts { repository, reference: reference.clone() }).await
    }

    /// A document that is kept with a manifest's facts.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn document(
        &self,
        grant: &Grant<Pull>,
        reference: &Reference,
        name: &str,
    ) -> Result<DocumentRow> {
        let repository = grant.repository().ok_or_else(|| Error::not_found(Subject::Name))?;
        let find = FindDocument { repository, reference: reference.clone(), name: name.to_owned() };
        let missing = || Error::new(Kind::NotFound(Subject::Manifest), "the manifest has no such document");
        self.store().view(find).await?.ok_or_else(missing)
    }
}

impl Registry {
    /// The first fact of a format that is listed in a repository and found by a pair; none where all is hidden.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn find_listed<A: Action>(
        &self,
        grant: &Grant<A>,
        pair: Pair<'_>,
    ) -> Result<Option<ListedRow>> {
        let Some(at) = place_of(grant) else { return Ok(None) };
        self.store().view(FindListed { at, pair: OwnedPair::of(pair) }).await
    }

    /// A document of that fact.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn listed_document(
        &self,
        grant: &Grant<Pull>,
        pair: Pair<'_>,
        name: &'static str,
    ) -> Result<Option<DocumentRow>> {
        let Some(at) = place_of(grant) else { return Ok(None) };
        self.store().view(FindListedDocument { at, pair: OwnedPair::of(pair), name }).await
    }
}

impl Registry {
    /// What was read of manifests that stand beside what a format lists and are found by a pair, each with a document.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn documents_beside(
        &self,
        grant: &Grant<Pull>,
        pair: Pair<'_>,
        name: &'static str,
    ) -> Result<Vec<(String, DocumentRow)>> {
        let Some(at) = place_of(grant) else { return Ok(Vec::new()) };
        self.store().view(FindBeside { at, pair: OwnedPair::of(pair), name }).await
    }
}

fn place_of<A: Action>(grant: &Grant<A>) -> Option<(RegistryId, RepositoryId)> {
    Some((grant.registry()?.id, grant.repository()?))
}

/// A pair that a transaction holds.
struct OwnedPair([String; 3]);

impl OwnedPair {
    fn of(pair: Pair<'_>) -> Self {
        Self([pair.format, pair.name, pair.value].map(str::to_owned))
    }

    fn pair(&self) -> Pair<'_> {
        let Self([format, name, value]) = self;
        Pair { format, name, value }
    }
}

struct FindListed {
    at: (RegistryId, RepositoryId),
    pair: OwnedPair,
}

#[async_trait]
impl Transaction for FindListed {
    type Output = Option<ListedRow>;

    async fn run(&self, work: &mut dyn Work) -> Result<Option<ListedRow>> {
        let pair = self.pair.pair();
        let found = work.find_listed(self.at, &pair).await?;
        if found.is_some() && is_hidden(work, self.at.1, pair.format).await? {
            return Ok(None);
        }
        Ok(found)
    }
}

struct FindListedDocument {
    at: (RegistryId, RepositoryId),
    pair: OwnedPair,
    name: &'static str,
}

#[async_trait]
impl Transaction for FindListedDocument {
    type Output = Option<DocumentRow>;

    async fn run(&self, work: &mut dyn Work) -> Result<Option<DocumentRow>> {
        let pair = self.pair.pair();
        let found = work.find_document(self.at, &pair, self.name).await?;
        if found.is_some() && is_hidden(work, self.at.1, pair.format).await? {
            return Ok(None);
        }
        Ok(found)
    }
}

struct FindBeside {
    at: (RegistryId, RepositoryId),
    pair: OwnedPair,
    name: &'static str,
}

#[async_trait]
impl Transaction for FindBeside {
    type Output = Vec<(String, DocumentRow)>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<(String, DocumentRow)>> {
        work.documents_beside(self.at, &self.pair.pair(), (self.name, MOST_BESIDE)).await
    }
}

/// A page, read some facts at a time, so that no more of them are in memory than it takes.
struct ListFacts {
    wanted: FactsOf,
    limit: Limit,
}

#[async_trait]
impl Transaction for ListFacts {
    type Output = Page<FactRow>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Page<FactRow>> {
        let (mut wanted, mut entries, mut bytes) = (self.wanted.clone(), Vec::new(), 0);
        loop {
            let rows = work.facts(&wanted).await?;
            let is_last = rows.len() < wanted.most as usize;
            for row in rows {
                bytes += row.size;
                if !entries.is_empty() && bytes > PAGE_BYTES {
                    return Ok(Page { entries, more: true });
                }
                entries.push(row);
            }
            if is_last || entries.len() > self.limit.get() {
                return Ok(Page::cut(entries, self.limit));
            }
            wanted.last = entries.last().map(|row| row.cursor.clone());
        }
    }
}

/// The digest a reference stands for.
async fn resolve(work: &mut dyn Work, repository: RepositoryId, reference: &Reference) -> Result<Digest> {
    let found = match reference {
        Reference::Tag(tag) => work.find_tagged(repository, tag).await?.map(|manifest| manifest.digest),
        Reference::Digest(digest) => work.has_manifest(repository, digest).await?.then_some(*digest),
    };
    found.ok_or_else(|| Error::not_found(Subject::Manifest))
}

struct FindFacts {
    repository: RepositoryId,
    reference: Reference,
}

#[async_trait]
impl Transaction for FindFacts {
    type Output = Vec<FactRow>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<FactRow>> {
        let digest = resolve(work, self.repository, &self.reference).await?;
        work.facts_of(self.repository, &digest).await
    }
}

struct FindDocument {
    repository: RepositoryId,
    reference: Reference,
    name: String,
}

#[async_trait]
impl Transaction for FindDocument {
    type Output = Option<DocumentRow>;

    async fn run(&self, work: &mut dyn Work) -> Result<Option<DocumentRow>> {
        let digest = resolve(work, self.repository, &self.reference).await?;
        work.document(self.repository, &digest, &self.name).await
    }
}
