//! What an issuer must say of a job for a rule to be about it.

use std::collections::BTreeMap;

use wharf_core::{Error, Kind, Result};

use super::{ClaimPattern, job::Job};

/// The most claims of one rule.
const MOST: usize = 20;
/// The longest name of a claim, in bytes.
const LONGEST_NAME: usize = 100;

/// Claims and what each of them must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredClaims(BTreeMap<String, ClaimPattern>);

impl RequiredClaims {
    /// Requires all of these.
    ///
    /// # Errors
    /// `Invalid` for none, for too many, and where none of them says anything: an issuer may speak of all the world.
    pub fn new(claims: BTreeMap<String, ClaimPattern>) -> Result<Self> {
        let is_name = |name: &String| {
            !name.is_empty() && name.len() <= LONGEST_NAME && !name.contains(char::is_control)
        };
        if claims.len() > MOST || !claims.keys().all(is_name) {
            return Err(Error::new(
                Kind::Invalid,
                format!("a rule requires up to {MOST} claims by their names"),
            ));
        }
        if claims.values().all(ClaimPattern::is_open) {
            let words =
                "a rule requires at least one claim that is not only stars: an issuer may speak of anybody";
            return Err(Error::new(Kind::Invalid, words));
        }
        Ok(Self(claims))
    }

    /// What is required.
    pub const fn claims(&self) -> &BTreeMap<String, ClaimPattern> {
        &self.0
    }

    /// Whether all of it is said. Of a list one value must be so.
    pub(super) fn are_met_by(&self, job: &Job) -> bool {
        self.0.iter().all(|(name, pattern)| pattern.takes_one_of(job.values(name)))
    }

    /// Reads what [`RequiredClaims::to_row`] wrote.
    pub fn from_row(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    /// As a column keeps it.
    ///
    /// # Errors
    /// `Internal`, which cannot be.
    pub fn to_row(&self) -> Result<String> {
        serde_json::to_string(&self.0).map_err(Error::internal)
    }
}
