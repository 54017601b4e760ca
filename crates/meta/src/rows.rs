//! The statements, one file for each aggregate.

mod accounts;
mod beliefs;
mod believed_keys;
mod blobs;
mod catalog;
mod collection;
mod counting;
mod deliveries;
mod facts;
mod holds;
mod hooks;
mod inspection;
mod invitations;
mod journal;
mod keys;
mod leases;
mod ledger;
mod letters;
mod links;
mod list;
mod logins;
mod lookups;
mod manifests;
mod members;
mod notices;
mod organisations;
mod pages;
mod people;
mod providers;
mod readable;
mod registries;
mod releases;
mod repeats;
mod repositories;
mod retention;
mod rights;
mod robots;
mod rules;
mod scrubs;
mod second_factor;
mod sources;
mod tags;
mod tenants;
mod tokens;
mod uploads;
mod usage;
mod users;
mod warrants;

pub(crate) use self::{
    lookups::{FindManifest, FindMember},
    rights::{FindRights, FindRightsAt},
    warrants::ByRight,
};
use crate::session::Session;

/// The registry's work over one session.
pub(crate) struct SqlWork<'s> {
    pub(crate) session: &'s mut dyn Session,
    /// What an organisation may hold that is made on the way, in bytes, if there is a limit.
    pub(crate) organisation_quota: Option<u64>,
}

impl<'s> SqlWork<'s> {
    /// Work that makes no organisation, or one without a limit.
    pub(crate) fn on(session: &'s mut dyn Session) -> Self {
        Self { session, organisation_quota: None }
    }
}
