//! What an organisation sets about the tags of a registry: which of them never move, which of them go.
//!
//! A rule is a JSON object that says which repositories and tags it is about; its shape here is the one of the
//! management API and of the rows.

mod immutability;
mod retention;
mod rules;
mod selection;
mod unneeded;

use serde::{Deserialize, Serialize};
use wharf_core::{Error, Result, RuleName};

pub use self::{
    immutability::ImmutabilityRule,
    retention::{Expirable, Expired, Expiring, ExpiringCursor, RetentionRule},
    rules::{Put, Rule},
    selection::Selection,
};
pub(crate) use self::{
    immutability::{expect_movable, expect_none_kept},
    unneeded::{Leaving, Unneeded},
};
use crate::port::RuleRow;

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

impl<R: Serialize> Named<R> {
    /// The rule as its row tells it.
    pub(crate) fn row(&self) -> Result<RuleRow> {
        let body = serde_json::to_string(&self.rule).map_err(Error::internal)?;
        Ok(RuleRow { name: self.name.to_string(), body })
    }
}
