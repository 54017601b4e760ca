//! What would go: read page by page, and nothing changed. Whoever takes the pages shows them, or carries them out.

use async_trait::async_trait;
use tokio::task::yield_now;
use wharf_core::{
    Digest, Limit, OrganisationGrant, Page, Place, RegistryName, RegistryPlace, Result, RuleName, Tag,
    Timestamp,
    duty::{Administer, Belong},
    gate::{OrganisationId, RegistryId, RepositoryId},
};

use super::{ExpiringCursor, Judge, RetentionRule, verdict_on_untagged};
use crate::{
    Registry,
    policy::{
        ImmutabilityRule, Named, Rule as _,
        immutability::keeper,
        rules::{expect_few, registry_of},
    },
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
    /// The row of its repository.
    pub repository: RepositoryId,
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

impl RuleBook {
    /// The book as it would be with a rule in the place of the one of its name.
    ///
    /// # Errors
    /// `Invalid` for one rule too many.
    fn with(mut self, proposed: Named<RetentionRule>) -> Result<Self> {
        let row = proposed.row()?;
        self.rows.retain(|known| known.name != row.name);
        self.rows.push(row);
        self.rows.sort_by(|one, other| one.name.cmp(&other.name));
        expect_few(&self.rows)?;
        self.retention = self.rows.iter().map(Named::of).collect::<Result<_>>()?;
        Ok(self)
    }
}

impl Registry {
    /// A page of what the rules of a registry would let go now, after the last of the page before: by repositories, and in
    /// each the tags, the latest first, before the manifests without one.
    ///
    /// # Errors
    /// `NotFound` where the organisation has no such registry; `Invalid` for the end of a page of another one.
    pub async fn expiring(
        &self,
        grant: &OrganisationGrant<Belong>,
        registry: &RegistryName,
        after: Option<ExpiringCursor>,
        limit: Limit,
    ) -> Result<Page<Expiring>> {
        let place = RegistryPlace { organisation: grant.name().clone(), registry: registry.clone() };
        let ruled = self.ruled(grant.organisation(), place).await?;
        let rules = self.rule_book(ruled.id).await?;
        self.expiring_by(&ruled, &rules, after, limit).await
    }

    /// The same as if a rule were set, in the place of one of its name if there is one. Nothing is set.
    ///
    /// # Errors
    /// As [`Registry::expiring`]; `Invalid` for a rule that could not be set.
    pub async fn expiring_with(
        &self,
        grant: &OrganisationGrant<Administer>,
        registry: &RegistryName,
        proposed: Named<RetentionRule>,
        (after, limit): (Option<ExpiringCursor>, Limit),
    ) -> Result<Page<Expiring>> {
        let place = RegistryPlace { organisation: grant.name().clone(), registry: registry.clone() };
        proposed.rule.expect_sensible(&place)?;
        let ruled = self.ruled(grant.organisation(), place).await?;
        let rules = self.rule_book(ruled.id).await?.with(proposed)?;
        self.expiring_by(&ruled, &rules, after, limit).await
    }

    async fn ruled(&self, organisation: OrganisationId, place: RegistryPlace) -> Result<RuledRegistry> {
        let find = FindRegistry { organisation, name: place.registry.clone() };
        Ok(RuledRegistry { id: self.store().view(find).await?, place })
    }

    async fn expiring_by(
        &self,
        registry: &RuledRegistry,
        rules: &RuleBook,
        after: Option<ExpiringCursor>,
        limit: Limit,
    ) -> Result<Page<Expiring>> {
        let begun = match &after {
            Some(cursor) => {
                cursor.expect_in(&registry.place)?;
                self.store().view(FindRepository(cursor.repository())).await?
            }
            None => None,
        };
        let last = after.as_ref().map(|cursor| cursor.place().to_string());
        let mut shown = ExpiringPage { after, most: limit.get(), found: Vec::new() };
        // A rule counts from the latest tag on, so the repository in which the page before ended is gone through again.
        if let Some(begun) = begun.filter(|row| Some(row.place.to_string()) == last)
            && self.walk_repository(&begun, rules, &mut shown).await? == Wanted::Enough
        {
            return Ok(Page::cut(shown.found, limit));
        }
        self.walk(registry, rules, last, &mut shown).await?;
        Ok(Page::cut(shown.found, limit))
    }

    pub(super) async fn rule_book(&self, registry: RegistryId) -> Result<RuleBook> {
        let (rows, immutability) = self.store().view(FindRules(registry)).await?;
        Ok(RuleBook {
            retention: rows.iter().map(Named::of).collect::<Result<_>>()?,
            immutability: immutability.iter().map(Named::of).collect::<Result<_>>()?,
            rows,
        })
    }

    /// Goes through the repositories of a registry, all or those after one.
    pub(super) async fn walk(
        &self,
        registry: &RuledRegistry,
        rules: &RuleBook,
        mut last: Option<String>,
        taker: &mut dyn Taker,
    ) -> Result<()> {
        loop {
            let list = ListRepositories { registry: registry.id, last: last.clone() };
            let repositories = self.store().view(list).await?;
            for row in &repositories {
                if self.walk_repository(row, rules, taker).await? == Wanted::Enough {
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
        row: &RepositoryRow,
        rules: &RuleBook,
        taker: &mut dyn Taker,
    ) -> Result<Wanted> {
        let (repository, place) = (row.id, &row.place);
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
                (!kept).then(|| expiring_tag(row, seen, rule))
            });
            if taker.take(repository, goes.collect()).await? == Wanted::Enough {
                return Ok(Wanted::Enough);
            }
            // Many patterns take their time, and others want the thread.
            yield_now().await;
            last = tags.into_iter().next_back();
            if last.is_none() {
                return self.walk_untagged(row, rules, taker).await;
            }
        }
    }

    async fn walk_untagged(
        &self,
        row: &RepositoryRow,
        rules: &RuleBook,
        taker: &mut dyn Taker,
    ) -> Result<Wanted> {
        let (repository, place, now) = (row.id, &row.place, self.now());
        let verdict = |since| verdict_on_untagged(&rules.retention, place, (since, now));
        if verdict(Timestamp::default()).is_none() {
            return Ok(Wanted::More);
        }
        let mut last = None;
        loop {
            let manifests = self.store().view(ListManifests { repository, last }).await?;
            let loose = manifests.iter().filter(|seen| seen.loose);
            let goes = loose.filter_map(|seen| Some(expiring_manifest(row, seen, verdict(seen.since)?)));
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

fn expiring_tag(of: &RepositoryRow, seen: &AgedTag, rule: &RuleName) -> Expiring {
    let (repository, place, rule) = (of.id, of.place.clone(), rule.clone());
    let AgedTag { tag, digest, since } = seen.clone();
    Expiring { repository, place, tag: Some(tag), digest, since, rule }
}

fn expiring_manifest(of: &RepositoryRow, seen: &AgedManifest, rule: &RuleName) -> Expiring {
    let (repository, place, rule) = (of.id, of.place.clone(), rule.clone());
    let AgedManifest { digest, since, .. } = *seen;
    Expiring { repository, place, tag: None, digest, since, rule }
}

/// Keeps what would go after the page before, until it is enough.
struct ExpiringPage {
    after: Option<ExpiringCursor>,
    most: usize,
    found: Vec<Expiring>,
}

#[async_trait]
impl Taker for ExpiringPage {
    async fn take(&mut self, _: RepositoryId, page: Vec<Expiring>) -> Result<Wanted> {
        let after = |row: &Expiring| self.after.as_ref().is_none_or(|cursor| cursor.is_before(row));
        self.found.extend(page.into_iter().filter(after));
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

struct FindRepository(RepositoryId);

#[async_trait]
impl Transaction for FindRepository {
    type Output = Option<RepositoryRow>;

    async fn run(&self, work: &mut dyn Work) -> Result<Option<RepositoryRow>> {
        work.repository(self.0).await
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
