//! `wharf import`: images and whatever else another registry holds, brought to a server through its own API.
//!
//! An [`ImportSource`](source::ImportSource) is read – a registry, or the files of one – and everything goes over with
//! the digest it had: the contents of a manifest first, then the manifest, its tag last, and then what refers to it. What
//! the server has already is not sent again, so the same command, run again, goes on. What fails is named, and the rest
//! goes on.

mod arguments;
mod carrier;
mod names;
mod once;
mod plan;
mod progress;
mod report;
mod repository;
mod source;

use std::process::ExitCode;

use wharf_core::{Error, Kind, Result};
use wharf_outbound::{Door, Policy, Upstream};

pub(crate) use self::{
    arguments::{Effect, Options, grammar, manner},
    progress::Bar,
};
use self::{
    carrier::Carrier,
    plan::Plan,
    repository::{RepositoryImport, note_strays},
};
use crate::login::{DockerFile, trust};

/// What the process ends with where something could not be imported.
const INCOMPLETE: u8 = 3;

/// Imports what the options name, and says how that went.
///
/// # Errors
/// What kept it from beginning. What fails later stands in the report, and in the exit code.
pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let logins = DockerFile::read()?;
    let source = source::open(options, &logins)?;
    let door = Door::open(Policy::named([options.server.host()]), trust(options.authorities.as_deref())?)?;
    let nobody = || {
        Error::new(Kind::Unauthenticated, format!("there is no login at {}: see wharf login", options.server))
    };
    let login = logins.login(&options.server).ok_or_else(nobody)?;
    let target = Upstream::new(door, &options.server, Some(login));
    target.ping().await?;
    let pairs = options.plan.pairs(source.as_ref()).await?;
    let carrier = Carrier::new(source, target, options);
    if matches!(options.plan, Plan::All { .. }) {
        note_strays(&carrier, &options.server.to_string()).await;
    }
    for pair in &pairs {
        if !carrier.is_stopped() {
            RepositoryImport::new(&carrier, pair, options.server.to_string()).bring().await;
        }
    }
    Ok(if carrier.report.end()? { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
}
