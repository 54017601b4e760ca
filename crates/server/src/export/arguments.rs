//! What `wharf org export` takes.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use wharf_core::{Error, Kind, OrganisationName, Result};
use wharf_outbound::RegistryAddress;

use crate::{import::authorities, login::read_authorities, output::OutputFormat, world::variable};

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
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    let server = Arg::new("server").long("server").value_name("HOST");
    Command::new("export")
        .about("Copy everything that an organisation owns into a directory: JSON files, and an OCI image layout for each repository")
        .after_help(
            "Run again, it goes on. Ends with 0 if everything is there, 3 if something is not, 1 if it could not go on.",
        )
        .arg(Arg::new("org").required(true).help("The organisation, of which one is an admin"))
        .arg(
            Arg::new("directory")
                .required(true)
                .value_name("DIRECTORY")
                .value_parser(value_parser!(PathBuf))
                .help("Where the export is, or is to be"),
        )
        .arg(server.help("The server that `wharf login` knows; if not said, that of WHARF_SERVER"))
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
    /// `Invalid` for names that are none, and where no server is named.
    pub(crate) fn read(arguments: &ArgMatches) -> Result<Self> {
        let text = |name: &str| arguments.get_one::<String>(name).cloned();
        let nowhere = || Error::new(Kind::Invalid, "name the server: --server HOST, or in WHARF_SERVER");
        let server = text("server").or_else(|| variable("WHARF_SERVER")).ok_or_else(nowhere)?;
        let authorities = arguments.get_one::<PathBuf>("ca-file").map(|path| read_authorities(path));
        Ok(Self {
            server: server.parse()?,
            authorities: authorities.transpose()?,
            organisation: text("org").unwrap_or_default().parse()?,
            directory: arguments.get_one::<PathBuf>("directory").cloned().unwrap_or_default(),
            transfers: arguments.get_one::<u16>("transfers").map_or(1, |number| usize::from(*number)),
            trust: if arguments.get_flag("check") { Trust::Bytes } else { Trust::Name },
            output: OutputFormat::of(arguments),
        })
    }
}
