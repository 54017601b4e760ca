//! Tags that never move: once one is set, it stands, with everything it needs, until the rule is changed.
//!
//! It is asked in the transaction that would move or remove something, after the fact: the refusal undoes it. So a tag
//! that is new costs nothing, and nobody can come between the question and the change. A tag of that name that is set to
//! what it points to already is no move.

use serde::{Deserialize, Serialize};
use wharf_core::{Detail, Digest, Error, Kind, Place, Result, RuleName, Tag, gate::RepositoryId};

use super::{Named, Selection};
use crate::port::{RuleKind, Work};

/// How many tags are looked at together.
const STEP: u32 = 1000;

/// A rule about tags that never move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImmutabilityRule {
    /// Which tags; all if not said.
    #[serde(default)]
    pub select: Selection,
}

type Rules = Vec<Named<ImmutabilityRule>>;

pub(crate) async fn rules_over(work: &mut dyn Work, repository: RepositoryId) -> Result<Rules> {
    let rows = work.rules_over(repository, RuleKind::Immutability).await?;
    rows.iter().map(Named::of).collect()
}

/// The rule that keeps a tag where it is.
pub(crate) fn keeper<'a>(
    rules: &'a [Named<ImmutabilityRule>],
    place: &Place,
    tag: &Tag,
) -> Option<&'a RuleName> {
    let keeps = |named: &&Named<ImmutabilityRule>| named.rule.select.selects(place, tag);
    rules.iter().find(keeps).map(|named| &named.name)
}

/// Refuses that a tag which stood moved or went.
pub(crate) async fn expect_movable(
    work: &mut dyn Work,
    repository: RepositoryId,
    place: &Place,
    tag: &Tag,
) -> Result<()> {
    let rules = rules_over(work, repository).await?;
    keeper(&rules, place, tag).map_or(Ok(()), |rule| Err(refusal(rule, tag)))
}

/// Refuses that content goes which a tag needs that never moves, be it through an index.
pub(crate) async fn expect_unneeded(
    work: &mut dyn Work,
    repository: RepositoryId,
    place: &Place,
    digest: &Digest,
) -> Result<()> {
    let rules = rules_over(work, repository).await?;
    if rules.iter().all(|named| !named.rule.select.covers(place)) {
        return Ok(());
    }
    let mut last = None;
    loop {
        let tags = work.tags_above(repository, digest, last.as_ref(), STEP).await?;
        for tag in &tags {
            if let Some(rule) = keeper(&rules, place, tag) {
                return Err(refusal(rule, tag));
            }
        }
        if tags.len() < STEP as usize {
            return Ok(());
        }
        last = tags.last().cloned();
    }
}

/// Refuses that a repository goes with a tag that never does.
pub(crate) async fn expect_none_kept(
    work: &mut dyn Work,
    repository: RepositoryId,
    place: &Place,
) -> Result<()> {
    let rules = rules_over(work, repository).await?;
    if rules.iter().all(|named| !named.rule.select.covers(place)) {
        return Ok(());
    }
    let mut last: Option<String> = None;
    loop {
        let tags = work.tags(repository, last.as_deref(), STEP).await?;
        for tag in &tags {
            let tag = tag.parse()?;
            if let Some(rule) = keeper(&rules, place, &tag) {
                return Err(refusal(rule, &tag));
            }
        }
        match tags.into_iter().next_back() {
            Some(tag) => last = Some(tag),
            None => return Ok(()),
        }
    }
}

fn refusal(rule: &RuleName, tag: &Tag) -> Error {
    let message = format!("the tag {tag} is immutable by the rule {rule}");
    Error::new(Kind::Conflict, message).with(Detail::Rule(rule.to_string()))
}
