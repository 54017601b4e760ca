//! The arguments that say which server is meant and whom to believe there, for every command that speaks to one.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, value_parser};
use wharf_core::{Error, Kind, Result};
use wharf_outbound::RegistryAddress;

use crate::{failure::Failure, world::variable};

/// The variable that names the server where no argument does.
const SERVER: &str = "WHARF_SERVER";

/// `--server HOST`.
pub(crate) fn server() -> Arg {
    let server = Arg::new("server").long("server").value_name("HOST");
    let server = server.value_parser(value_parser!(RegistryAddress));
    server.help("The server that `wharf login` knows; if not said, that of WHARF_SERVER")
}

/// `--ca-file FILE`.
pub(crate) fn authorities() -> Arg {
    let file = Arg::new("ca-file").long("ca-file").value_name("FILE");
    file.value_parser(value_parser!(PathBuf)).help("Believe these authorities too, in PEM")
}

/// The server that is meant.
///
/// # Errors
/// `Usage` where none is named; `Invalid` for a variable that names none.
pub(crate) fn server_of(arguments: &ArgMatches) -> Result<RegistryAddress, Failure> {
    if let Some(server) = arguments.get_one::<RegistryAddress>("server") {
        return Ok(server.clone());
    }
    let server = variable(SERVER);
    let server =
        server.ok_or_else(|| Failure::usage("name the server: --server HOST, or in WHARF_SERVER"))?;
    let wrong = |error: Error| Error::new(Kind::Invalid, format!("{SERVER} names no server")).because(error);
    Ok(server.parse().map_err(wrong)?)
}

/// What the file of authorities holds, if one is named.
///
/// # Errors
/// `Invalid` where it cannot be read.
pub(crate) fn authorities_of(arguments: &ArgMatches) -> Result<Option<Vec<u8>>> {
    arguments.get_one::<PathBuf>("ca-file").map(|path| read(path)).transpose()
}

#[expect(clippy::disallowed_methods, reason = "the user names this file")]
fn read(path: &Path) -> Result<Vec<u8>> {
    let unreadable = |error: std::io::Error| {
        Error::new(Kind::Invalid, format!("{} cannot be read", path.display())).because(error)
    };
    std::fs::read(path).map_err(unreadable)
}
