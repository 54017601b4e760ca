//! Carrying the rules out, in small steps that others get in between, as the job `retention`.

use async_trait::async_trait;
use wharf_core::{
    Actor, Result, Timestamp,
    gate::{RegistryId, RepositoryId},
};

use super::plan::{Expiring, Taker, Wanted};
use crate::{
    Registry,
    deed::Deed,
    format::untag,
    policy::immutability::{keeper, rules_over},
    port::{AgedTag, RuleKind, RuleRow, RuledRegistry, Transaction, Work},
};

/// The job's name, in the audit log too.
const JOB: &str = "retention";
/// How many registries are listed together.
const STEP: u32 = 100;
/// How much goes in one transaction.
const AT_ONCE: usize = 20;

/// What the rules let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Tags.
    pub tags: u64,
    /// Manifests without a tag.
    pub manifests: u64,
}

impl Registry {
    /// Lets go what the rules of all registries let go; nothing while another node does it.
    ///
    /// # Errors
    /// `Unavailable`; what was done by then stays done.
    pub async fn expire(&self) -> Result<Expired> {
        let mut expired = Expired::default();
        let mut last = RegistryId(0);
        while self.take_lease(JOB).await? {
            let registries = self.store().view(ListRegistries(last)).await?;
            for registry in &registries {
                self.expire_in(registry, &mut expired).await?;
            }
            match registries.last() {
                Some(registry) => last = registry.id,
                None => break,
            }
        }
        Ok(expired)
    }

    async fn expire_in(&self, registry: &RuledRegistry, expired: &mut Expired) -> Result<()> {
        let rules = self.rule_book(registry.id).await?;
        let mut removal = Removal { registry: self.clone(), rows: rules.rows.clone(), expired };
        self.walk(registry, &rules, None, &mut removal).await
    }
}

/// Takes away what goes.
struct Removal<'a> {
    registry: Registry,
    rows: Vec<RuleRow>,
    expired: &'a mut Expired,
}

#[async_trait]
impl Taker for Removal<'_> {
    async fn take(&mut self, repository: RepositoryId, page: Vec<Expiring>) -> Result<Wanted> {
        for step in page.chunks(AT_ONCE) {
            let (rows, now) = (self.rows.clone(), self.registry.now());
            let delay = self.registry.settings().collection_delay;
            let remove = Remove { repository, going: step.to_vec(), rows, now, delay };
            let Some(gone) = self.registry.store().commit(remove).await? else { return Ok(Wanted::Enough) };
            self.expired.tags += gone.tags;
            self.expired.manifests += gone.manifests;
        }
        // A long walk keeps its lease.
        match page.is_empty() || self.registry.take_lease(JOB).await? {
            true => Ok(Wanted::More),
            false => Ok(Wanted::Enough),
        }
    }
}

struct ListRegistries(RegistryId);

#[async_trait]
impl Transaction for ListRegistries {
    type Output = Vec<RuledRegistry>;

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<RuledRegistry>> {
        work.ruled_registries(RuleKind::Retention, self.0, STEP).await
    }
}

/// Takes away what still goes; nothing at all where the rules changed since.
struct Remove {
    repository: RepositoryId,
    going: Vec<Expiring>,
    rows: Vec<RuleRow>,
    now: Timestamp,
    delay: i64,
}

#[async_trait]
impl Transaction for Remove {
    type Output = Option<Expired>;

    #[expect(
        clippy::disallowed_methods,
        reason = "what goes by a rule goes by the job that carries rules out"
    )]
    async fn run(&self, work: &mut dyn Work) -> Result<Option<Expired>> {
        let mut expired = Expired::default();
        if !work.lock_repository(self.repository).await? {
            return Ok(Some(expired));
        }
        if work.rules_over(self.repository, RuleKind::Retention).await? != self.rows {
            return Ok(None);
        }
        let Some(first) = self.going.first() else { return Ok(Some(expired)) };
        let kept = rules_over(work, self.repository, &first.place).await?;
        let actor = Actor::job(JOB);
        for going in &self.going {
            let (actor, place, at) = (&actor, &going.place, self.now);
            let deed =
                Deed { actor, place, at, action: "", tag: going.tag.as_ref(), digest: Some(&going.digest) };
            match &going.tag {
                Some(tag) if keeper(&kept, tag).is_none() => {
                    let seen = AgedTag { tag: tag.clone(), digest: going.digest, since: going.since };
                    expired.tags += u64::from(self.remove_tag(work, deed, &seen).await?);
                }
                Some(_) => {}
                None => expired.manifests += u64::from(self.remove_manifest(work, deed).await?),
            }
        }
        Ok(Some(expired))
    }
}

impl Remove {
    /// Takes a tag away that was not moved since it was seen.
    async fn remove_tag(&self, work: &mut dyn Work, deed: Deed<'_>, seen: &AgedTag) -> Result<bool> {
        if !work.stands(self.repository, seen).await? {
            return Ok(false);
        }
        let deed = Deed { action: "tag.expire", ..deed };
        untag(work, (self.repository, &seen.tag), deed.mark()).await?;
        deed.tell(work, self.repository).await?;
        Ok(true)
    }

    /// Takes a manifest away that nothing holds.
    async fn remove_manifest(&self, work: &mut dyn Work, deed: Deed<'_>) -> Result<bool> {
        let Some(digest) = deed.digest else { return Ok(false) };
        if !work.is_loose(self.repository, digest).await? {
            return Ok(false);
        }
        let deed = Deed { action: "manifest.expire", ..deed };
        work.ask_reviews_of(self.repository, digest, self.delay).await?;
        work.remove_manifest(self.repository, digest).await?;
        deed.tell(work, self.repository).await?;
        Ok(true)
    }
}
