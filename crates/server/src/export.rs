//! `wharf org export`: everything that an organisation owns, as files that other tools read: what the management tells of
//! it as JSON, and each repository as an OCI image layout.
//!
//! It is read by the two doors that anybody has, so an admin of the organisation can do it, while serving. A file has its
//! name only once it is whole, and a content only once its digest was found right; so the same command, run again, goes
//! on, and takes a content of the right name and size for the one. What cannot be had is named, and the rest goes on.

mod arguments;
mod documents;
mod folder;
mod layout;
mod report;

use std::process::ExitCode;

use wharf_core::{Error, Kind, Result};
use wharf_outbound::{Api, Door, Policy, Upstream};

pub(crate) use self::arguments::{Options, grammar};
use self::{documents::Documents, folder::Folder, layout::Layouts, report::Report};
use crate::login::{DockerFile, trust};

/// What the process ends with where something could not be exported.
const INCOMPLETE: u8 = 3;

/// Exports the organisation that the options name, and says how that went.
///
/// # Errors
/// What kept it from beginning or from going on. What fails alone stands in the report, and in the exit code.
pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let Options { server, organisation, .. } = options;
    let nobody =
        || Error::new(Kind::Unauthenticated, format!("there is no login at {server}: see wharf login"));
    let login = DockerFile::read()?.login(server).ok_or_else(nobody)?;
    let door = || Door::open(Policy::named([server.host()]), trust(options.authorities.as_deref())?);
    let api = Api::new(door()?, server, &["api", "v1"], Some(&login))?;
    let report = Report::new(options.output);
    let documents = Documents::of(api, organisation, &report);
    // Asked before anything is written: who may not know the organisation leaves no trace of it.
    let shown = documents.organisation().await?;
    let folder = Folder::open(&options.directory, &server.to_string(), &shown).await?;
    let source = Upstream::new(door()?, server, Some(login));
    let layouts = Layouts::of(&documents, source, options, &report);
    documents.write(&folder).await?;
    for registry in documents.registries().await? {
        let folder = folder.registry(&registry)?;
        documents.write_registry(&registry, &folder).await?;
        layouts.fill(&registry, &folder).await?;
    }
    folder.end(&report).await?;
    Ok(if report.end()? { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
}
