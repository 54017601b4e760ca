//! What every test needs: a server of its own, callers to speak as, content to push.
//!
//! `Wharf` is the process, `Caller` a way to speak to it, `Repository` and `Upload` the registry's words for a
//! caller, `Answer` what came back with the assertions on it. `raw` sends what a decent HTTP client refuses to.

mod answer;
mod binary;
mod browser;
mod caller;
mod certificate;
mod challenge;
mod clock;
mod command_line;
mod components;
mod content;
pub(crate) mod issuer;
mod meters;
mod nodes;
mod peer;
pub(crate) mod postgres;
mod preload;
mod random;
pub(crate) mod raw;
mod repository;
mod rounds;
mod server;
mod shell;
pub(crate) mod sigstore;
pub(crate) mod storage;
mod stores;
pub(crate) mod token;
mod upload;

pub(crate) use answer::Answer;
pub(crate) use binary::wharf_command;
pub(crate) use browser::Browser;
pub(crate) use caller::Caller;
pub(crate) use certificate::Certificate;
pub(crate) use challenge::Challenge;
pub(crate) use clock::Clock;
pub(crate) use components::{announce, component, may_skip, number_from_environment};
pub(crate) use content::{Image, descriptor, media_type, noise, sha256, sha512};
pub(crate) use meters::metric_of;
pub(crate) use nodes::Nodes;
pub(crate) use peer::{Make, Peer};
pub(crate) use preload::preload;
pub(crate) use random::Random;
pub(crate) use repository::Repository;
pub(crate) use rounds::Rounds;
pub(crate) use server::{ADMIN_PASSWORD, Wharf, free_port};
pub(crate) use shell::Shell;
pub(crate) use stores::IN_FILES;
pub(crate) use upload::{Upload, with_digest};
