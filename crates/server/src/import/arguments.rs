//! What `wharf import` takes.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};
use wharf_core::Result;
use wharf_outbound::RegistryAddress;

use super::{
    names::{Inside, Named},
    plan::Plan,
};
use crate::{login::read_authorities, output::OutputFormat};

/// The options that say where to read, if not from a registry. One of them may stand.
const ELSEWHERE: &str = "elsewhere";
/// What is told to whom wants less of memflow's own registry.
const EVERYTHING: &str =
    "of memflow's own registry everything moves in: name only the server, or server/organisation/registry";

/// What the command names.
pub(crate) struct Options {
    pub(super) origin: Origin,
    pub(super) server: RegistryAddress,
    pub(super) plan: Plan,
    /// Hosts the source may send to although they are in a private network, and which may be told its login.
    pub(super) trusted: Vec<String>,
    /// Whom to believe over TLS beside the system's authorities, in PEM.
    pub(super) authorities: Option<Vec<u8>>,
    /// How many contents are on their way at once.
    pub(super) transfers: usize,
    pub(super) effect: Effect,
    pub(super) output: OutputFormat,
}

/// Whether anything is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Import,
    Rehearse,
}

/// Where things come from.
pub(super) enum Origin {
    Registry(RegistryAddress),
    /// The files of a registry.
    Directory(PathBuf),
    /// A Python index, by its address.
    Index(String),
    /// A folder of Python packages.
    Packages(PathBuf),
    /// A folder of packaged charts.
    Charts(PathBuf),
    /// A chart repository, by its address.
    ChartRepository(String),
}

/// The grammar of the command.
pub(crate) fn grammar() -> Command {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    let source = "host/repository[:tag|@digest]; with --all host[/prefix]; with --from-… without the host";
    Command::new("import")
        .about(
            "Import from another registry, or from its files, into a server that `wharf login` was told of",
        )
        .after_help("Ends with 0 if everything is there, 3 if something is not, 1 if it could not begin.")
        .allow_missing_positional(true)
        .arg(Arg::new("source").value_name("SOURCE").help(source))
        .arg(
            Arg::new("target")
                .value_name("TARGET")
                .required(true)
                .help("server/repository[:tag]; with --all server[/prefix]"),
        )
        .args(elsewhere())
        .group(ArgGroup::new(ELSEWHERE).args(elsewhere().iter().map(Arg::get_id)).multiple(false))
        .arg(flag("all", "Every repository the source lists, or those below a prefix"))
        .arg(flag("dry-run", "Only say what is missing"))
        .arg(flag("json", "Print a JSON object for each thing, and one for the summary"))
        .arg(
            Arg::new("transfers")
                .long("transfers")
                .value_name("NUMBER")
                .default_value("4")
                .value_parser(value_parser!(u16).range(1..=64))
                .help("How many contents are on their way at once"),
        )
        .arg(Arg::new("trust-host").long("trust-host").value_name("HOST").action(ArgAction::Append).help(
            "The source may send there, though it is in a private network, and for tokens with the login",
        ))
        .arg(authorities())
}

/// Where to read, if not from a registry.
fn elsewhere() -> [Arg; 6] {
    let named = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let folder = |name: &'static str, value: &'static str, help: &'static str| {
        named(name, value, help).value_parser(value_parser!(PathBuf))
    };
    let directory = "Read the files of a registry that is built on distribution: its rootdirectory";
    let index = "Read a Python index: the source is a project of it, and each version becomes a release";
    let packages = "Read the wheels and source distributions in a folder, as an index of them is read";
    let charts = "Read the packaged charts in a folder and those in it, as ChartMuseum keeps them";
    let repository = "Read a chart repository by its index.yaml: the source is a chart of it";
    let memflow = "Read the plugins of memflow's own registry: its MEMFLOW_STORAGE_ROOT; into server[/organisation/registry]";
    [
        folder("from-directory", "ROOT", directory),
        named("from-index", "URL", index),
        folder("from-packages", "FOLDER", packages),
        folder("from-charts", "FOLDER", charts),
        named("from-chart-repository", "URL", repository),
        folder("from-memflow", "ROOT", memflow),
    ]
}

/// Refuses, in words, arguments of which each is good and which mean nothing together.
pub(crate) fn expect_fitting(arguments: &ArgMatches) -> Result<(), &'static str> {
    let names = |name: &str| arguments.contains_id(name);
    let (all, from) = (arguments.get_flag("all"), names(ELSEWHERE));
    match names("source") {
        true if names("from-memflow") => Err(EVERYTHING),
        false if names("from-memflow") => {
            if all {
                Err(EVERYTHING)
            } else {
                Ok(())
            }
        }
        false if !from => Err("name the source too: SOURCE TARGET"),
        false if !all => Err("name a repository of the source, or say --all"),
        _ => Ok(()),
    }
}

/// The option for more authorities.
pub(crate) fn authorities() -> Arg {
    Arg::new("ca-file")
        .long("ca-file")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("Believe these authorities too, in PEM")
}

impl Options {
    /// Reads the arguments.
    ///
    /// # Errors
    /// `Invalid` for names that are none or do not fit together.
    pub(crate) fn read(arguments: &ArgMatches) -> Result<Self> {
        let text = |name: &str| arguments.get_one::<String>(name).map(String::as_str);
        let target: Named = text("target").unwrap_or_default().parse()?;
        let source = text("source").unwrap_or_default();
        let folder = |name: &str| arguments.get_one::<PathBuf>(name).cloned();
        let elsewhere = folder("from-directory").map(Origin::Directory);
        let elsewhere = elsewhere.or_else(|| folder("from-packages").map(Origin::Packages));
        let elsewhere = elsewhere.or_else(|| folder("from-charts").map(Origin::Charts));
        let elsewhere = elsewhere.or_else(|| text("from-index").map(|url| Origin::Index(url.to_owned())));
        let url = || text("from-chart-repository").map(|url| Origin::ChartRepository(url.to_owned()));
        let elsewhere = elsewhere.or_else(url);
        let (origin, from) = match elsewhere {
            Some(origin) => (origin, source.parse::<Inside>()?),
            None => {
                let Named { registry, inside } = source.parse()?;
                (Origin::Registry(registry), inside)
            }
        };
        let (effect, output) = manner(arguments);
        let authorities = arguments.get_one::<PathBuf>("ca-file").map(|path| read_authorities(path));
        Ok(Self {
            origin,
            plan: Plan::new(from, target.inside, arguments.get_flag("all"))?,
            server: target.registry,
            trusted: arguments.get_many::<String>("trust-host").into_iter().flatten().cloned().collect(),
            authorities: authorities.transpose()?,
            transfers: arguments.get_one::<u16>("transfers").map_or(4, |number| usize::from(*number)),
            effect,
            output,
        })
    }
}

/// What is to be done, and for whom it is told.
pub(crate) fn manner(arguments: &ArgMatches) -> (Effect, OutputFormat) {
    let effect = if arguments.get_flag("dry-run") { Effect::Rehearse } else { Effect::Import };
    (effect, OutputFormat::of(arguments))
}
