//! What `wharf import` takes.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};
use wharf_outbound::{ChartRepository, RegistryAddress, SimpleIndex};

use super::{
    names::{Inside, Named},
    plan::Plan,
};
use crate::{
    argument::{flag, many, optional, read_as, required, unrepeated},
    failure::Failure,
    login::{authorities, authorities_of},
    output::OutputFormat,
};

/// The options that say where to read, if not from a registry. One of them may stand.
const ELSEWHERE: &str = "elsewhere";

/// How the command is written.
const FORMS: &str = "
  wharf import HOST/REPOSITORY[:TAG|@DIGEST] SERVER/REPOSITORY[:TAG]
  wharf import --all HOST[/PREFIX] SERVER[/PREFIX]
  wharf import --from-… WHERE REPOSITORY[:TAG|@DIGEST] SERVER/REPOSITORY[:TAG]
  wharf import --from-… WHERE --all [PREFIX] SERVER[/PREFIX]";

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
    let source = "host/repository[:tag|@digest]; with --all host[/prefix]; with --from-… without the host";
    Command::new("import")
        .about(
            "Import from another registry, or from its files, into a server that `wharf login` was told of",
        )
        .after_help("Ends with 0 if everything is there, 3 if something is not, 1 if it could not begin, 2 if its words make no sense.")
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
        named("from-index", "URL", index)
            .value_parser(unrepeated(|url| SimpleIndex::host_of(url).map(|_| url.to_owned()))),
        folder("from-packages", "FOLDER", packages),
        folder("from-charts", "FOLDER", charts),
        named("from-chart-repository", "URL", repository)
            .value_parser(unrepeated(|url| ChartRepository::host_of(url).map(|_| url.to_owned()))),
        folder("from-memflow", "ROOT", memflow),
    ]
}

impl Options {
    /// Reads the arguments.
    ///
    /// # Errors
    /// `Usage` for names that do not fit together; `Invalid` for authorities that cannot be read.
    pub(crate) fn read(arguments: &ArgMatches) -> Result<Self, Failure> {
        let target: Named = read_as(&required::<String>(arguments, "target")?, "<TARGET>")?;
        let (origin, from) = asked(arguments)?;
        let fit = if arguments.get_flag("all") { Plan::all } else { Plan::one };
        let (effect, output) = manner(arguments);
        let plan = fit(from, target.inside).map_err(Failure::usage)?;
        if matches!(origin, Origin::Index(_) | Origin::Packages(_)) {
            plan.expect_projects().map_err(Failure::usage)?;
        }
        Ok(Self {
            origin,
            plan,
            server: target.registry,
            trusted: many(arguments, "trust-host"),
            authorities: authorities_of(arguments)?,
            transfers: usize::from(required::<u16>(arguments, "transfers")?),
            effect,
            output,
        })
    }
}

/// Where to read, and what of it. What the source is called means a registry only where nothing else says where to read.
fn asked(arguments: &ArgMatches) -> Result<(Origin, Inside), Failure> {
    let source = optional::<String>(arguments, "source");
    let Some(origin) = elsewhere_in(arguments) else {
        let source = source.ok_or_else(|| Failure::usage(format!("name the source too:{FORMS}")))?;
        let Named { registry, inside } = read_as(&source, "[SOURCE]")?;
        return Ok((Origin::Registry(registry), inside));
    };
    Ok((origin, read_as(&source.unwrap_or_default(), "[SOURCE]")?))
}

fn elsewhere_in(arguments: &ArgMatches) -> Option<Origin> {
    let folder = |name: &str| optional::<PathBuf>(arguments, name);
    let url = |name: &str| optional::<String>(arguments, name);
    let origin = folder("from-directory").map(Origin::Directory);
    let origin = origin.or_else(|| folder("from-packages").map(Origin::Packages));
    let origin = origin.or_else(|| folder("from-charts").map(Origin::Charts));
    let origin = origin.or_else(|| url("from-index").map(Origin::Index));
    origin.or_else(|| url("from-chart-repository").map(Origin::ChartRepository))
}

/// What is to be done, and for whom it is told.
pub(crate) fn manner(arguments: &ArgMatches) -> (Effect, OutputFormat) {
    let effect = if arguments.get_flag("dry-run") { Effect::Rehearse } else { Effect::Import };
    (effect, OutputFormat::of(arguments))
}
