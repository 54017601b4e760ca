//! What organisations set about their registries.

use async_trait::async_trait;
use wharf_core::{
    Result, Timestamp,
    gate::{RegistryId, RepositoryId},
};

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleKind {
    /// Tags that never move.
    Immutability,
    /// What goes by its age.
    Retention,
}

impl RuleKind {
    /// Its word in rows.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Immutability => "immutability",
            Self::Retention => "retention",
        }
    }
}

/// A rule of a registry, as its row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleRow {
    /// What it is called, once in its registry and kind.
    pub name: String,
    /// What it says, as JSON.
    pub body: String,
}

/// What organisations set about their registries.
#[async_trait]
pub trait Rules {
    /// The rules of one kind, in the order of their names.
    async fn rules(&mut self, registry: RegistryId, kind: RuleKind) -> Result<Vec<RuleRow>>;
    /// The same, of the registry of a repository.
    async fn rules_over(&mut self, repository: RepositoryId, kind: RuleKind) -> Result<Vec<RuleRow>>;
    /// Sets a rule; false if one of that name was there and is replaced.
    async fn set_rule(
        &mut self,
        registry: RegistryId,
        kind: RuleKind,
        rule: &RuleRow,
        now: Timestamp,
    ) -> Result<bool>;
    /// Removes a rule; false if there was none.
    async fn remove_rule(&mut self, registry: RegistryId, kind: RuleKind, name: &str) -> Result<bool>;
}
