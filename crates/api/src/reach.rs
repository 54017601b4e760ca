//! How far a token reaches, as the API writes it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_core::{Result, Verb};

/// What may be done in some repositories.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Allowance {
    /// Which: one as it is pulled from, or `organisation/*`, `organisation/registry/*`, `organisation/registry/begin*`,
    /// or `*`.
    repositories: String,
    /// What: `pull`, `push`, `delete`.
    actions: Vec<Action>,
}

/// What is done to the content of a repository.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    /// Read and list.
    Pull,
    /// Write.
    Push,
    /// Remove.
    Delete,
}

/// Reads a reach.
///
/// # Errors
/// `Invalid`.
pub(crate) fn read(allowances: Vec<Allowance>) -> Result<wharf_core::Reach> {
    let one = |one: Allowance| {
        let verbs = one.actions.into_iter().map(Verb::from).collect();
        Ok(wharf_core::Allowance { repositories: one.repositories.parse()?, verbs })
    };
    wharf_core::Reach::new(allowances.into_iter().map(one).collect::<Result<_>>()?)
}

/// Writes a reach.
pub(crate) fn written(reach: &wharf_core::Reach) -> Vec<Allowance> {
    let one = |one: &wharf_core::Allowance| Allowance {
        repositories: one.repositories.to_string(),
        actions: one.verbs.iter().copied().map(Action::from).collect(),
    };
    reach.allowances().iter().map(one).collect()
}

impl From<Action> for Verb {
    fn from(action: Action) -> Self {
        match action {
            Action::Pull => Self::Pull,
            Action::Push => Self::Push,
            Action::Delete => Self::Delete,
        }
    }
}

impl From<Verb> for Action {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Pull => Self::Pull,
            Verb::Push => Self::Push,
            Verb::Delete => Self::Delete,
        }
    }
}
