//! Tags that never move: once one is set, it stands, with everything it needs, until the rule is changed.
//!
//! It is asked in the transaction that would move or remove something, after the fact: the refusal undoes it. So a tag
//! that is new costs nothing, and nobody can come between the question and the change. A tag of that name that is set to
//! what it points to already is no move.

use serde::{Deserialize, Serialize};
use wharf_core::{Detail, Error, Kind, Place, RegistryPlace, Result, RuleName, Tag, gate::RepositoryId};

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

pub(super) type Rules = Vec<Named<ImmutabilityRule>>;

/// The rules that are about a repository.
pub(crate) async fn rules_over(
    work: &mut dyn Work,
    repository: RepositoryId,
    place: &Place,
) -> Result<Rules> {
    let rows = work.rules_over(repository, RuleKind::Immutability).await?;
    let mut rules: Rules = rows.iter().map(Named::of).collect::<Result<_>>()?;
    rules.retain(|named| named.rule.select.covers(place));
    Ok(rules)
}

/// Which of the rules about a repository keeps a tag where it is.
pub(crate) fn keeper<'a>(rules: &'a [Named<ImmutabilityRule>], tag: &Tag) -> Option<&'a RuleName> {
    let keeps = |named: &&Named<ImmutabilityRule>| named.rule.select.selects_tag(tag);
    rules.iter().find(keeps).map(|named| &named.name)
}

/// Refuses that tags which stood moved or went.
pub(crate) async fn expect_movable(
    work: &mut dyn Work,
    repository: RepositoryId,
    place: &Place,
    tags: &[&Tag],
) -> Result<()> {
    if tags.is_empty() {
        return Ok(());
    }
    expect_unkept(&rules_over(work, repository, place).await?, tags.iter().copied())
}

/// Refuses that one of these tags moves or goes, or loses what it needs.
pub(super) fn expect_unkept<'a>(rules: &Rules, tags: impl IntoIterator<Item = &'a Tag>) -> Result<()> {
    let kept = tags.into_iter().find_map(|tag| Some((keeper(rules, tag)?, tag)));
    kept.map_or(Ok(()), |(rule, tag)| Err(refusal(rule, tag)))
}

/// Refuses that a repository goes with a tag that never does. Asked before anything of it goes.
pub(crate) async fn expect_none_kept(
    work: &mut dyn Work,
    repository: RepositoryId,
    place: &Place,
) -> Result<()> {
    let rules = rules_over(work, repository, place).await?;
    if rules.is_empty() {
        return Ok(());
    }
    let mut last: Option<String> = None;
    loop {
        let tags = work.tags(repository, last.as_deref(), STEP).await?;
        for tag in &tags {
            let tag = tag.parse()?;
            if let Some(rule) = keeper(&rules, &tag) {
                return Err(kept(rule, &tag, place));
            }
        }
        match tags.into_iter().next_back() {
            Some(tag) => last = Some(tag),
            None => return Ok(()),
        }
    }
}

fn refusal(rule: &RuleName, tag: &Tag) -> Error {
    refused(rule, format!("the tag {tag} is immutable by the rule {rule}"))
}

/// The same for who asked for more than the tag, and may not think of it.
fn kept(rule: &RuleName, tag: &Tag, place: &Place) -> Error {
    let of = RegistryPlace { organisation: place.organisation.clone(), registry: place.registry.clone() };
    let words = format!("the tag {tag} of {place} is immutable by the rule {rule} of {of}");
    refused(rule, format!("{words}; take the rule away first"))
}

fn refused(rule: &RuleName, message: String) -> Error {
    Error::new(Kind::Conflict, message).with(Detail::Rule(rule.to_string()))
}
