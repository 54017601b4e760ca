//! What would go: read page by page, and nothing changed. Whoever takes the pages shows them, or carries them out.

use async_trait::async_trait;
use tokio::task::yield_now;
use wharf_core::{
    Digest, OrganisationGrant, Place, RegistryName, RegistryPlace, Result, RuleName, Tag, Timestamp,
    duty::Belong,
    gate::{OrganisationId, RegistryId, RepositoryId},
};

use super::{Judge, RetentionRule, verdict_on_untagged};
use crate::{
    Registry,
    policy::{ImmutabilityRule, Named, immutability::keeper, rules::registry_of},
    port::{
        AgedManifest, AgedTag, Extent, RepositoryRow, RuleKind, RuleRow, RuledRegistry, Transaction, Which,
        Work,
    },
};

/// How much is looked at together.
const STEP: u32 = 200;

/// Something that goes, or would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiring {
    /// Its repository.
    pub place: Place,
    /// The tag; nothing where it is a manifest without one.
    pub tag: Option<Tag>,
    /// The content.
    pub digest: Digest,
    /// Since when the tag points to it; since when it is there.
    pub since: Timestamp,
    /// The rule by which it goes.
    pub rule: RuleName,
}

/// Whether more pages are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    More,
    Enough,
}

/// Who takes the pages of what goes.
#[async_trait]
pub(super) trait Taker: Send {
    /// Takes some of what goes from one repository.
    async fn take(&mut self, repository: RepositoryId, page: Vec<Expiring>) -> Result<Wanted>;
}

/// The rules of a registry, as they stood when it was begun with.
pub(super) struct RuleBook {
    /// As the rows tell them, to see later whether they still stand.
    pub(super) rows: Vec<RuleRow>,
    retention: Vec<Named<RetentionRule>>,
    immutability: Vec<Named<ImmutabilityRule>>,
}

impl Registry {
    /// What the rules of a registry would let go now, `most` of it at most, and whether there is more.
    ///
    /// # Errors
    /// `NotFound` where the organisation has no such registry.
    pub async fn expiring(
        &self,
        grant: &OrganisationGrant<Belong>,
        registry: &RegistryName,
        most: usize,
    ) -> Result<(Vec<Expiring>, bool)> {
        let place = RegistryPlace { organisation: grant.name().clone(), registry: registry.clone() };
        let find = FindRegistry { organisation: grant.organisation(), name: registry.clone() };
        let id = self.store().view(find).await?;
        let mut shown = Shown { most, found: Vec::new() };
        let rules = self.rule_book(id).await?;
        self.walk(&RuledRegistry { id, place }, &rules, &mut shown).await?;
        let more = shown.found.len() > most;
        shown.found.truncate(most);
        Ok((shown.found, more))
    }

    pub(super) async fn rule_book(&self, registry: RegistryId) -> Result<RuleBook> {
        let (rows, immutability) = self.store().view(FindRules(registry)).await?;
        Ok(RuleBook {
            retention: rows.iter().map(Named::of).collect::<Result<_>>()?,
            immutability: immutability.iter().map(Named::of).collect::<Result<_>>()?,
            rows,
        })
    }

    /// Goes through all repositories of a registry.
    pub(super) async fn walk(
        &self,
        registry: &RuledRegistry,
        rules: &RuleBook,
        taker: &mut dyn Taker,
    ) -> Result<()> {
        let mut last = None;
        loop {
            let list = ListRepositories { registry: registry.id, last: last.clone() };
            let repositories = self.store().view(list).await?;
            for row in &repositories {
                if self.walk_repository((row.id, &row.place), rules, taker).await? == Wanted::Enough {
                    return Ok(());
                }
            }
            match repositories.last() {
                Some(row) => last = Some(row.place.to_string()),
                None => return Ok(()),
            }
        }
    }

    async fn walk_repository(
        &self,
        (repository, place): (RepositoryId, &Place),
        rules: &RuleBook,
        taker: &mut dyn Taker,
    ) -> Result<Wanted> {
        let covers = |named: &Named<RetentionRule>| named.rule.select.covers(place);
        if !rules.retention.iter().any(covers) {
            return Ok(Wanted::More);
        }
        let covers = |named: &&Named<ImmutabilityRule>| named.rule.select.covers(place);
        let immutable: Vec<_> = rules.immutability.iter().filter(covers).cloned().collect();
        let mut judge = Judge::of(&rules.retention, place, self.now());
        let mut last = None;
        loop {
            let tags = self.store().view(ListTags { repository, last }).await?;
            let goes = tags.iter().filter_map(|seen| {
                let rule = judge.verdict(&seen.tag, seen.since)?;
                let kept = keeper(&immutable, &seen.tag).is_some();
                (!kept).then(|| expiring_tag(place, seen, rule))
            });
            if taker.take(repository, goes.collect()).await? == Wanted::Enough {
                return Ok(Wanted::Enough);
            }
            // Many patterns take their time, and others want the thread.
            yield_now().await;
            last = tags.into_iter().next_back();
            if last.is_none() {
                return self.walk_untagged((repository, place), rules, taker).await;
            }
        }
    }

    async fn walk_untagged(
        &self,
        (repository, place): (RepositoryId, &Place),
        rules: &RuleBook,
        taker: &mut dyn Taker,
    ) -> Result<Wanted> {
        let now = self.now();
        let verdict = |since| verdict_on_untagged(&rules.retention, place, (since, now));
        if verdict(Timestamp::default()).is_none() {
            return Ok(Wanted::More);
        }
        let mut last = None;
        loop {
            let manifests = self.store().view(ListManifests { repository, last }).await?;
            let loose = manifests.iter().filter(|seen| seen.loose);
            let goes = loose.filter_map(|seen| Some(expiring_manifest(place, seen, verdict(seen.since)?)));
            if taker.take(repository, goes.collect()).await? == Wanted::Enough {
                return Ok(Wanted::Enough);
            }
            last = manifests.last().map(|seen| seen.digest);
            if last.is_none() {
                return Ok(Wanted::More);
            }
        }
    }
}

fn expiring_tag(place: &Place, seen: &AgedTag, rule: &RuleName) -> Expiring {
    let AgedTag { tag, digest, since } = seen.clone();
    Expiring { place: place.clone(), tag: Some(tag), digest, since, rule: rule.clone() }
}

fn expiring_manifest(place: &Place, seen: &AgedManifest, rule: &RuleName) -> Expiring {
    let AgedManifest { digest, since, .. } = *seen;
    Expiring { place: place.clone(), tag: None, digest, since, rule: rule.clone() }
}

/// Keeps what would go, until it is enough.
struct Shown {
    most: usize,
    found: Vec<Expiring>,
}

#[async_trait]
impl Taker for Shown {
    async fn take(&mut self, _: RepositoryId, page: Vec<Expiring>) -> Result<Wanted> {
        self.found.extend(page);
        Ok(if self.found.len() > self.most { Wanted::Enough } else { Wanted::More })
    }
}

struct FindRegistry {
    organisation: OrganisationId,
    name: RegistryName,
}

#[async_trait]
impl Transaction for FindRegistry {
    type Output = RegistryId;

    async fn run(&self, work: &mut dyn Work) -> Result<RegistryId> {
        registry_of(work, self.organisation, &self.name).await
    }
}

struct FindRules(RegistryId);

#[async_trait]
impl Transaction for FindRules {
    type Output = (Vec<RuleRow>, Vec<RuleRow>);

    async fn run(&self, work: &mut dyn Work) -> Result<(Vec<RuleRow>, Vec<RuleRow>)> {
        Ok((
            work.rules(self.0, RuleKind::Retention).await?,
            work.rules(self.0, RuleKind::Immutability).await?,
        ))
    }
}

struct ListRepositories {
    registry: RegistryId,
    last: Option<String>,
}

#[async_trait]
impl Transaction for ListRepositories {
    type Output = Vec<RepositoryRow>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Self::Output> {
        work.repositories(self.registry, Which::Shown, self.last.as_deref(), STEP).await
    }
}

struct ListTags {
    repository: RepositoryId,
    last: Option<AgedTag>,
}

#[async_trait]
impl Transaction for ListTags {
    type Output = Vec<AgedTag>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<AgedTag>> {
        work.tags_by_age(self.repository, self.last.as_ref(), STEP).await
    }
}

struct ListManifests {
    repository: RepositoryId,
    last: Option<Digest>,
}

#[async_trait]
impl Transaction for ListManifests {
    type Output = Vec<AgedManifest>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<AgedManifest>> {
        work.manifests_by_age(self.repository, self.last.as_ref(), STEP).await
    }
}
