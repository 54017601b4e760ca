//! What `wharf plugin` takes.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use wharf_core::{Error, Kind};

use super::{address::PluginAddress, platform::Platform};
use crate::{
    argument::{flag, many, optional, read_as, required},
    failure::Failure,
    import::{self, Effect},
    login::{authorities, authorities_of},
    output::OutputFormat,
    world,
};

/// What is told to whom wants less of memflow's own registry.
const EVERYTHING: &str =
    "of memflow's own registry everything moves in: name only the server, or server/organisation/registry";

/// What the command names.
pub(crate) enum Options {
    Push(Push),
    Pull(Pull),
    Update(Update),
    List(List),
    Verify(Verify),
    MoveIn(MoveIn),
}

/// The registry, and the way there.
pub(super) struct Connection {
    pub(super) address: PluginAddress,
    /// Hosts it may send to although they are in a private network.
    pub(super) trusted: Vec<String>,
    /// Whom to believe over TLS beside the system's authorities, in PEM.
    pub(super) authorities: Option<Vec<u8>>,
}

pub(crate) struct Push {
    pub(super) connection: Connection,
    /// The private key, in PEM.
    pub(super) key: PathBuf,
    /// Files, and folders of files.
    pub(super) paths: Vec<PathBuf>,
    pub(super) output: OutputFormat,
}

pub(crate) struct Pull {
    pub(super) connection: Connection,
    pub(super) names: Vec<Asked>,
    pub(super) platform: Platform,
    pub(super) into: PathBuf,
    pub(super) belief: Belief,
    pub(super) output: OutputFormat,
}

pub(crate) struct Update {
    pub(super) connection: Connection,
    pub(super) folder: PathBuf,
    pub(super) belief: Belief,
    pub(super) output: OutputFormat,
}

pub(crate) struct List {
    pub(super) connection: Connection,
    /// The plugin whose variants are listed; none lists the plugins.
    pub(super) name: Option<String>,
    pub(super) platform: Platform,
    pub(super) limit: Option<usize>,
    pub(super) output: OutputFormat,
}

pub(crate) struct Verify {
    /// Whose signatures count; without it those that lie beside the files.
    pub(super) connection: Option<Connection>,
    pub(super) paths: Vec<PathBuf>,
    pub(super) belief: Belief,
    pub(super) output: OutputFormat,
}

/// What `wharf import` does of it.
pub(crate) struct MoveIn {
    pub(super) connection: Connection,
    /// The storage folder of memflow's own registry.
    pub(super) root: PathBuf,
    pub(super) effect: Effect,
    pub(super) output: OutputFormat,
}

/// A plugin that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) name: String,
    /// Its version, or the first digits of its digest; the newest where nothing is said.
    pub(super) version: Option<String>,
}

/// Whose signatures count.
pub(super) struct Belief {
    /// The keys that were given.
    pub(super) keys: Vec<PathBuf>,
    pub(super) pinning: Pinning,
}

/// Whether the keys are kept for the next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pinning {
    Keep,
    Pin,
}

/// The grammar of the command.
pub(crate) fn grammar() -> Command {
    let connected = |command: Command| {
        let registry = Arg::new("registry").long("registry").short('r').value_name("REGISTRY");
        let registry = registry.value_parser(value_parser!(PluginAddress));
        let help = "The server, whose root means one registry, or server/organisation/registry";
        let trusted = Arg::new("trust-host").long("trust-host").value_name("HOST").action(ArgAction::Append);
        command
            .arg(registry.help(help))
            .arg(trusted.help("The registry may send there, though it is in a private network"))
            .arg(authorities())
            .arg(flag("json", "Print a JSON object for each thing, and one for the summary"))
    };
    let push = Command::new("push")
        .about("Sign plugins and push them: files, or those in folders")
        .arg(path("key", "The private key to sign with, in PEM (PKCS#8)").required(true))
        .arg(paths());
    let pull = Command::new("pull")
        .about("Pull plugins for this machine, verified before they get their names")
        .arg(
            Arg::new("name")
                .required(true)
                .action(ArgAction::Append)
                .value_name("NAME[:VERSION]")
                .value_parser(value_parser!(Asked))
                .help("A plugin; with a version or the first digits of a digest, else the newest"),
        )
        .args(platform("This machine's, if not said", "1, if not said"))
        .arg(folder("into"))
        .args(belief());
    let update = Command::new("update")
        .about("Pull the newest of every plugin in a folder; what is there stays there")
        .arg(folder("folder"))
        .args(belief());
    let list = Command::new("list")
        .about("List the plugins of a registry, or the variants of one, the newest first")
        .arg(Arg::new("name").value_name("NAME").help("The plugin whose variants to list"))
        .args(platform("Every one, if not said", "Every one, if not said"))
        .arg(
            Arg::new("limit")
                .long("limit")
                .value_name("NUMBER")
                .value_parser(value_parser!(u32).range(1..))
                .help("At most so many; all if not said"),
        );
    let verify = Command::new("verify")
        .about("Check local plugins by the signatures that a registry has, or that lie beside them")
        .args(belief())
        .arg(paths());
    Command::new("plugin")
        .about("Push, pull, list and verify memflow plugins")
        .after_help("Ends with 0 if all went well, 3 if something did not, 1 if it could not begin, 2 if its words make no sense.")
        .subcommand_required(true)
        .subcommands([push, pull, update, list].map(connected).map(|command| {
            // Only who verifies may do without.
            command.mut_arg("registry", |registry| registry.required(true))
        }))
        .subcommand(connected(verify))
}

fn path(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("FILE").value_parser(value_parser!(PathBuf)).help(help)
}

fn paths() -> Arg {
    let paths = Arg::new("path").required(true).action(ArgAction::Append).value_name("PATH");
    paths.value_parser(value_parser!(PathBuf)).help("A plugin, or a folder with plugins")
}

fn folder(name: &'static str) -> Arg {
    let folder = Arg::new(name).long(name).value_name("FOLDER").value_parser(value_parser!(PathBuf));
    folder.help("Where the plugins lie; where memflow looks for them, ~/.local/lib/memflow, if not said")
}

fn belief() -> [Arg; 2] {
    let keys = path("public-key", "Believe this key, in PEM, and no other; may stand several times");
    let pin = "Keep these keys for the registry; without --public-key those that it names itself now";
    [keys.action(ArgAction::Append), flag("pin", pin)]
}

fn platform(usual: &'static str, usual_interface: &'static str) -> [Arg; 3] {
    let word = |name: &'static str, words: &'static [&'static str], help: &str| {
        Arg::new(name).long(name).value_parser(words.to_vec()).help(format!("{help}. {usual}"))
    };
    let interface = Arg::new("abi").long("abi").value_name("VERSION").value_parser(value_parser!(i32));
    [
        word("file-type", &["pe", "elf", "mach"], "The format of the file"),
        word("architecture", &["x86", "x86_64", "arm", "arm64"], "The processor"),
        interface.help(format!("The version of memflow's plugin interface. {usual_interface}")),
    ]
}

impl Options {
    /// Reads the arguments.
    ///
    /// # Errors
    /// `Invalid` for authorities that cannot be read, and where neither a folder is named nor a home; `Unsupported` on a
    /// machine that memflow has no word for.
    pub(crate) fn read(arguments: &ArgMatches) -> Result<Self, Failure> {
        let nothing = || Failure::usage("name one of the commands");
        let (verb, arguments) = arguments.subcommand().ok_or_else(nothing)?;
        let output = OutputFormat::of(arguments);
        match verb {
            "push" => Ok(Self::Push(Push {
                connection: connection(arguments)?,
                key: required(arguments, "key")?,
                paths: many(arguments, "path"),
                output,
            })),
            "pull" => {
                let (connection, platform) = (connection(arguments)?, asked_platform(arguments).or_here()?);
                let (names, into) = (many(arguments, "name"), folder_of(arguments, "into")?);
                let belief = Belief::read(arguments);
                Ok(Self::Pull(Pull { connection, names, platform, into, belief, output }))
            }
            "update" => {
                let (connection, folder) = (connection(arguments)?, folder_of(arguments, "folder")?);
                Ok(Self::Update(Update { connection, folder, belief: Belief::read(arguments), output }))
            }
            "list" => Ok(Self::List(List {
                connection: connection(arguments)?,
                name: optional(arguments, "name"),
                platform: asked_platform(arguments),
                limit: optional::<u32>(arguments, "limit").and_then(|limit| usize::try_from(limit).ok()),
                output,
            })),
            _ => Ok(Self::Verify(Verify {
                connection: arguments.contains_id("registry").then(|| connection(arguments)).transpose()?,
                paths: many(arguments, "path"),
                belief: Belief::read(arguments),
                output,
            })),
        }
    }
}

impl Options {
    /// Reads those arguments of `wharf import` that name the storage folder of memflow's own registry.
    ///
    /// # Errors
    /// `Usage` for names that are none or do not fit together; `Invalid` for authorities that cannot be read.
    pub(crate) fn moving_in(root: &Path, arguments: &ArgMatches) -> Result<Self, Failure> {
        if arguments.contains_id("source") || arguments.get_flag("all") {
            return Err(Failure::usage(EVERYTHING));
        }
        let target: String = required(arguments, "target")?;
        let connection = connection_to(read_as(&target, "<TARGET>")?, arguments)?;
        let (effect, output) = import::manner(arguments);
        Ok(Self::MoveIn(MoveIn { connection, root: root.to_owned(), effect, output }))
    }
}

impl FromStr for Asked {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (name, version) =
            text.split_once(':').map_or((text, None), |(name, version)| (name, Some(version)));
        if name.is_empty() || version == Some("") {
            return Err(Error::new(Kind::Invalid, "write name or name:version"));
        }
        // What others call the newest.
        let version = version.filter(|version| *version != "latest").map(str::to_owned);
        Ok(Self { name: name.to_owned(), version })
    }
}

impl Belief {
    fn read(arguments: &ArgMatches) -> Self {
        let pinning = if arguments.get_flag("pin") { Pinning::Pin } else { Pinning::Keep };
        Self { keys: many(arguments, "public-key"), pinning }
    }
}

fn connection(arguments: &ArgMatches) -> Result<Connection, Failure> {
    connection_to(required(arguments, "registry")?, arguments)
}

fn connection_to(address: PluginAddress, arguments: &ArgMatches) -> Result<Connection, Failure> {
    let (trusted, authorities) = (many(arguments, "trust-host"), authorities_of(arguments)?);
    Ok(Connection { address, trusted, authorities })
}

fn asked_platform(arguments: &ArgMatches) -> Platform {
    Platform {
        file_type: optional(arguments, "file-type"),
        architecture: optional(arguments, "architecture"),
        interface: optional(arguments, "abi"),
    }
}

/// The folder that was named, else where memflow looks for plugins.
fn folder_of(arguments: &ArgMatches, name: &str) -> Result<PathBuf, Error> {
    let home = || Some(PathBuf::from(world::variable("HOME")?).join(".local/lib/memflow"));
    let homeless = || Error::new(Kind::Invalid, format!("no HOME to find plugins in: say --{name}"));
    optional(arguments, name).or_else(home).ok_or_else(homeless)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_asked_for_by_name_and_perhaps_version() {
        let read = |text: &str| text.parse().map(|Asked { name, version }| (name, version));
        assert_eq!(read("coredump").unwrap(), ("coredump".to_owned(), None));
        assert_eq!(read("coredump:latest").unwrap(), ("coredump".to_owned(), None));
        assert_eq!(read("coredump:0.2.0").unwrap(), ("coredump".to_owned(), Some("0.2.0".to_owned())));
        for bad in ["", ":", "coredump:", ":0.2.0"] {
            assert!(bad.parse::<Asked>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_grammar_holds_together() {
        grammar().debug_assert();
    }
}
