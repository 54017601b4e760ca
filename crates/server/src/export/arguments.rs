//! What `wharf org export` takes.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};
use wharf_core::OrganisationName;
use wharf_outbound::RegistryAddress;

use crate::{
    argument::{flag, required},
    failure::Failure,
    login::{authorities, authorities_of, server, server_of},
    output::OutputFormat,
};

/// How many contents are on their way at once, if it is not said.
const TRANSFERS: &str = "4";

/// What is to be exported, from where and to where.
pub(crate) struct Options {
    pub(super) server: RegistryAddress,
    pub(super) authorities: Option<Vec<u8>>,
    pub(super) organisation: OrganisationName,
    pub(super) directory: PathBuf,
    pub(super) transfers: usize,
    pub(super) trust: Trust,
    pub(super) output: OutputFormat,
}

/// Whether a file that is there already is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// By its name and its size.
    Name,
    /// By its bytes only.
    Bytes,
}

/// The grammar of the command.
pub(crate) fn grammar() -> Command {
    let organisation = Arg::new("org").required(true).value_name("ORGANISATION");
    let organisation = organisation.value_parser(value_parser!(OrganisationName));
    Command::new("export")
        .about("Copy everything that an organisation owns into a directory: JSON files, and an OCI image layout for each repository")
        .after_help(
            "Run again, it goes on. Ends with 0 if everything is there, 3 if something is not, 1 if it could not go on.",
        )
        .arg(organisation.help("The organisation, of which one is an admin"))
        .arg(
            Arg::new("directory")
                .required(true)
                .value_name("DIRECTORY")
                .value_parser(value_parser!(PathBuf))
                .help("Where the export is, or is to be"),
        )
        .arg(server())
        .arg(authorities())
        .arg(
            Arg::new("transfers")
                .long("transfers")
                .value_name("NUMBER")
                .default_value(TRANSFERS)
                .value_parser(value_parser!(u16).range(1..=64))
                .help("How many contents are on their way at once"),
        )
        .arg(flag("check", "Read again what the directory holds already"))
        .arg(flag("json", "Print a JSON object for each repository, and one for the summary"))
}

impl Options {
    /// Reads the arguments.
    ///
    /// # Errors
    /// `Usage` where no server is named; `Invalid` for authorities that cannot be read.
    pub(crate) fn read(arguments: &ArgMatches) -> Result<Self, Failure> {
        Ok(Self {
            server: server_of(arguments)?,
            authorities: authorities_of(arguments)?,
            organisation: required(arguments, "org")?,
            directory: required(arguments, "directory")?,
            transfers: usize::from(required::<u16>(arguments, "transfers")?),
            trust: if arguments.get_flag("check") { Trust::Bytes } else { Trust::Name },
            output: OutputFormat::of(arguments),
        })
    }
}
