//! Setting, listing and removing the rules of a registry.

use std::marker::PhantomData;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use wharf_core::{
    Error, Kind, OrganisationGrant, RegistryName, RegistryPlace, Result, RuleName, Subject,
    audit::AuditRecord,
    duty::{Administer, Belong},
    gate::{OrganisationId, RegistryId},
};

use super::{ImmutabilityRule, Named, RetentionRule};
use crate::{
    Registry,
    port::{RuleKind, RuleRow, Transaction, Work},
};

/// The most rules of one kind a registry may have: each push that moves a tag looks at all of them.
const MOST_RULES: usize = 100;
/// What they may say together, in bytes: a tag is held against every pattern while others wait to write.
const MOST_WORDS: usize = 4096;

/// A kind of rule.
pub trait Rule: Serialize + for<'a> Deserialize<'a> + Send + Sync + 'static {
    /// Its kind.
    const KIND: RuleKind;

    /// Refuses a rule of a registry that says nothing, or is dear to look through.
    ///
    /// # Errors
    /// `Invalid`.
    fn expect_sensible(&self, within: &RegistryPlace) -> Result<()>;
}

impl Rule for ImmutabilityRule {
    const KIND: RuleKind = RuleKind::Immutability;

    fn expect_sensible(&self, within: &RegistryPlace) -> Result<()> {
        self.select.expect_sensible(within)
    }
}

impl Rule for RetentionRule {
    const KIND: RuleKind = RuleKind::Retention;

    fn expect_sensible(&self, within: &RegistryPlace) -> Result<()> {
        self.select.expect_sensible(within)?;
        self.expect_something()
    }
}

/// Whether a rule was there before it was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It was not.
    New,
    /// It was, and is replaced.
    Replaced,
}

impl Registry {
    /// The rules of one kind of a registry, in the order of their names; a hundred at most.
    ///
    /// # Errors
    /// `NotFound` where the organisation has no such registry.
    pub async fn rules<R: Rule>(
        &self,
        grant: &OrganisationGrant<Belong>,
        registry: &RegistryName,
    ) -> Result<Vec<Named<R>>> {
        let (organisation, registry) = (grant.organisation(), registry.clone());
        let rows = self.store().view(ListRules { organisation, registry, kind: R::KIND }).await?;
        rows.iter().map(Named::of).collect()
    }

    /// Sets a rule of a registry.
    ///
    /// # Errors
    /// `NotFound` as [`Registry::rules`]; `Invalid` for a rule that says nothing, and for one too many.
    pub async fn set_rule<R: Rule>(
        &self,
        grant: &OrganisationGrant<Administer>,
        registry: &RegistryName,
        named: &Named<R>,
    ) -> Result<Put> {
        let within = RegistryPlace { organisation: grant.name().clone(), registry: registry.clone() };
        named.rule.expect_sensible(&within)?;
        let row = named.row()?;
        let change = self.change::<R>(grant, registry, "rule.set", &row);
        self.store().commit_by(grant, SetRule { change, row, rule: PhantomData::<R> }).await
    }

    /// Removes a rule of a registry.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn remove_rule<R: Rule>(
        &self,
        grant: &OrganisationGrant<Administer>,
        registry: &RegistryName,
        name: &RuleName,
    ) -> Result<()> {
        let row = RuleRow { name: name.to_string(), body: String::new() };
        let change = self.change::<R>(grant, registry, "rule.remove", &row);
        self.store().commit_by(grant, RemoveRule { change, name: name.clone(), rule: PhantomData::<R> }).await
    }

    fn change<R: Rule>(
        &self,
        grant: &OrganisationGrant<Administer>,
        registry: &RegistryName,
        action: &'static str,
        row: &RuleRow,
    ) -> Change {
        let RuleRow { name, body } = row;
        let target = format!("{registry} {}/{name} {body}", R::KIND.word()).trim_end().to_owned();
        let record = AuditRecord {
            organisation: Some(grant.name().clone()),
            target: Some(target),
            ..AuditRecord::by(self.now(), grant, action)
        };
        Change { organisation: grant.organisation(), registry: registry.clone(), record }
    }
}

/// Where a rule changes, and what is recorded of it.
struct Change {
    organisation: OrganisationId,
    registry: RegistryName,
    record: AuditRecord,
}

pub(super) async fn registry_of(
    work: &mut dyn Work,
    organisation: OrganisationId,
    name: &RegistryName,
) -> Result<RegistryId> {
    work.find_registry(organisation, name).await?.ok_or_else(|| Error::not_found(Subject::Name))
}

/// Refuses more rules of one kind than a registry may have.
pub(super) fn expect_few(rules: &[RuleRow]) -> Result<()> {
    if rules.len() <= MOST_RULES && rules.iter().map(|rule| rule.body.len()).sum::<usize>() <= MOST_WORDS {
        return Ok(());
    }
    let message = format!(
        "a registry has at most {MOST_RULES} rules of one kind, of {MOST_WORDS} bytes together as JSON"
    );
    Err(Error::new(Kind::Invalid, message))
}

struct ListRules {
    organisation: OrganisationId,
    registry: RegistryName,
    kind: RuleKind,
}

#[async_trait]
impl Transaction for ListRules {
    type Output = Vec<RuleRow>;

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<RuleRow>> {
        let registry = registry_of(work, self.organisation, &self.registry).await?;
        work.rules(registry, self.kind).await
    }
}

struct SetRule<R> {
    change: Change,
    row: RuleRow,
    rule: PhantomData<R>,
}

#[async_trait]
impl<R: Rule> Transaction for SetRule<R> {
    type Output = Put;

    async fn run(&self, work: &mut dyn Work) -> Result<Put> {
        let Change { organisation, registry, record } = &self.change;
        // Held, so that two that are set at once are counted one after the other, and none is set while it is removed.
        work.hold_organisation(*organisation).await?;
        let registry = registry_of(work, *organisation, registry).await?;
        let is_new = work.set_rule(registry, R::KIND, &self.row, record.at).await?;
        let rules = work.rules(registry, R::KIND).await?;
        expect_few(&rules)?;
        work.audit(record).await?;
        Ok(if is_new { Put::New } else { Put::Replaced })
    }
}

struct RemoveRule<R> {
    change: Change,
    name: RuleName,
    rule: PhantomData<R>,
}

#[async_trait]
impl<R: Rule> Transaction for RemoveRule<R> {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        let Change { organisation, registry, record } = &self.change;
        let registry = registry_of(work, *organisation, registry).await?;
        if !work.remove_rule(registry, R::KIND, self.name.as_str()).await? {
            return Err(Error::not_found(Subject::Rule));
        }
        work.audit(record).await
    }
}
