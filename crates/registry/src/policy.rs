//! What an organisation sets about the tags of a registry: which of them never move, which of them go.
//!
//! A rule is a JSON object that says which repositories and tags it is about; its shape here is the one of the
//! management API and of the rows.

mod immutability;
mod retention;
mod rules;

use serde::{Deserialize, Serialize};
use wharf_core::{Error, Pattern, Place, Result, RuleName, Tag};

pub(crate) use self::immutability::{expect_movable, expect_none_kept, expect_unneeded};
pub use self::{
    immutability::ImmutabilityRule,
    retention::{Expirable, Expired, Expiring, RetentionRule},
    rules::{Put, Rule},
};
use crate::port::RuleRow;

/// The most patterns a list of a rule may have.
const MOST_PATTERNS: usize = 100;

/// Which tags of which repositories a rule is about: those that one pattern of each list fits, and none of the
/// exceptions. Repositories go by their name within the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Of these repositories; all if not said.
    #[serde(default = "everything")]
    pub repositories: Vec<Pattern>,
    /// These tags; all if not said.
    #[serde(default = "everything")]
    pub tags: Vec<Pattern>,
    /// But not of these repositories.
    #[serde(default)]
    pub except_repositories: Vec<Pattern>,
    /// But not these tags.
    #[serde(default)]
    pub except_tags: Vec<Pattern>,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            repositories: everything(),
            tags: everything(),
            except_repositories: Vec::new(),
            except_tags: Vec::new(),
        }
    }
}

fn everything() -> Vec<Pattern> {
    vec![Pattern::everything()]
}

impl Selection {
    /// Whether it is about a repository, with some of its tags at least.
    pub fn covers(&self, place: &Place) -> bool {
        fits(&self.repositories, &self.except_repositories, place.repository.as_str())
    }

    /// Whether it is about a tag of a repository.
    pub fn selects(&self, place: &Place, tag: &Tag) -> bool {
        self.covers(place) && self.selects_tag(tag)
    }

    /// Whether it is about a tag, in the repositories that it is about.
    pub(crate) fn selects_tag(&self, tag: &Tag) -> bool {
        fits(&self.tags, &self.except_tags, tag.as_str())
    }

    /// Refuses a selection that is dear to look through.
    pub(crate) fn expect_modest(&self) -> Result<()> {
        let lists = [&self.repositories, &self.tags, &self.except_repositories, &self.except_tags];
        if lists.iter().all(|list| list.len() <= MOST_PATTERNS) {
            return Ok(());
        }
        let message = format!("a rule has at most {MOST_PATTERNS} patterns of each sort");
        Err(Error::new(wharf_core::Kind::Invalid, message))
    }
}

fn fits(patterns: &[Pattern], except: &[Pattern], name: &str) -> bool {
    let any = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(name));
    any(patterns) && !any(except)
}

/// A rule with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<R> {
    /// The name.
    pub name: RuleName,
    /// What it says.
    pub rule: R,
}

impl<R: for<'a> Deserialize<'a>> Named<R> {
    /// A rule as its row tells it.
    pub(crate) fn of(row: &RuleRow) -> Result<Self> {
        let rule = serde_json::from_str(&row.body).map_err(Error::internal)?;
        Ok(Self { name: row.name.parse()?, rule })
    }
}
