//! A job as rules are held against it: what its issuer says of it, read once for all of them.

use std::{collections::HashMap, net::IpAddr};

use wharf_core::Actor;

use crate::{issuers::Claims, port::Believed};

/// A job.
pub(super) struct Job {
    said: HashMap<String, Vec<String>>,
    audiences: Vec<String>,
    /// The audience that names this Wharf.
    ours: Option<String>,
    /// Where it came from.
    pub(super) address: Option<IpAddr>,
}

impl Job {
    /// The job that a token speaks of, and that came as nobody yet.
    pub(super) fn of(claims: &Claims, ours: Option<&str>, nobody: &Actor) -> Self {
        Self {
            said: claims.texts(),
            audiences: claims.audiences(),
            ours: ours.map(str::to_owned),
            address: nobody.address(),
        }
    }

    /// The values of a claim, as [`Claims::values`] tells them.
    pub(super) fn values(&self, name: &str) -> &[String] {
        self.said.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether a rule is about it: its token is for this Wharf, or for the audience that the organisation chose, and all is
    /// said that must be.
    pub(super) fn meets(&self, believed: &Believed) -> bool {
        let ours = [self.ours.as_deref(), believed.audience.as_deref()];
        let is_ours = ours.into_iter().flatten().any(|ours| self.audiences.iter().any(|one| one == ours));
        is_ours && believed.rule.claims.are_met_by(self)
    }
}
