//! The endpoints of `/api/v1`, one file for each aggregate. A handler asks the gate, has an engine do it, and says what
//! came of it.

pub(crate) mod audit;
pub(crate) mod charts;
pub(crate) mod facts;
pub(crate) mod invitations;
pub(crate) mod issuers;
pub(crate) mod keys;
pub(crate) mod logins;
pub(crate) mod me;
pub(crate) mod members;
pub(crate) mod moves;
pub(crate) mod organisations;
pub(crate) mod people;
pub(crate) mod providers;
pub(crate) mod registries;
pub(crate) mod releases;
pub(crate) mod removal;
pub(crate) mod repositories;
pub(crate) mod robots;
pub(crate) mod rules;
pub(crate) mod second_factor;
pub(crate) mod sign_up;
pub(crate) mod sources;
pub(crate) mod tokens;
pub(crate) mod usage;
pub(crate) mod users;
pub(crate) mod webhooks;
