//! What the command line takes: the keys of the configuration, and the commands.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, error::ErrorKind, value_parser};
use wharf_core::{RegistryPlace, UserName};
use wharf_outbound::RegistryAddress;
use wharf_registry::audit::{Month, Noted};
use wharf_signing::KeyName;

use super::documents;
use crate::{
    argument::{ending, flag},
    config::{KEYS, Key},
    control::Membership,
    export, import, login, management, plugin,
};

/// The settings that say where the data of this machine is.
const PLACES: [&str; 3] = ["data_dir", "database", "storage"];

/// The refusal of words that mean nothing together, as the grammar refuses those that mean nothing alone: with how the
/// command is used.
pub(super) fn refusal(matches: &ArgMatches, words: &str) -> clap::Error {
    let mut grammar = all();
    grammar.build();
    refusal_of(&mut grammar, matches, words)
}

fn refusal_of(grammar: &mut Command, matches: &ArgMatches, words: &str) -> clap::Error {
    if let Some((name, inner)) = matches.subcommand()
        && let Some(command) = grammar.find_subcommand_mut(name)
    {
        return refusal_of(command, inner, words);
    }
    grammar.error(ErrorKind::ArgumentConflict, words)
}

/// The whole grammar.
pub(super) fn all() -> Command {
    // Every command takes every setting; the help lists them once, and some of them where they say which data is meant.
    let keys = KEYS.iter().filter(|key| !key.flag.is_empty()).map(|key| setting(key).hide(true));
    let grammar = Command::new("wharf")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A registry for cargo of every kind. Without a command it serves.")
        .after_help(
            "Settings stand in a file (--config FILE), in WHARF_… variables and in flags: wharf serve --help lists them.",
        )
        .args(keys)
        .arg(file().hide(true))
        .subcommand(Command::new("serve").about("Serve (the default)").arg(file()).after_help(settings()))
        .subcommand(on_data(
            Command::new("config")
                .about("Print the effective configuration with each value's origin, secrets masked")
                .arg(flag("example", "Print an example file with every key instead")),
        ))
        .subcommand(user())
        .subcommand(registry())
        .subcommand(key())
        .subcommand(audit())
        .subcommands([gc(), backup(), verify(), restore()].map(on_data))
        .subcommand(login())
        .subcommand(Command::new("logout").about("Forget a login that `wharf login` kept").arg(host()))
        .subcommand(import::grammar())
        .subcommand(plugin::grammar())
        .subcommands(documents::grammar());
    management::extend(grammar).mut_subcommand("org", |org| org.subcommand(export::grammar()))
}

/// A setting as a flag.
fn setting(key: &Key) -> Arg {
    Arg::new(key.name).long(key.flag).global(true).value_name("VALUE")
}

fn file() -> Arg {
    let file = Arg::new("config").long("config").global(true).value_name("FILE");
    let file = file.value_parser(value_parser!(PathBuf));
    file.help("The file with settings; wharf.toml, if it is there and none is named")
}

/// A command on the data of this machine: its help shows the settings that say which data that is.
fn on_data(command: Command) -> Command {
    let shown = |key: &Key| setting(key).help(format!("{} [{}]", key.about, key.default));
    let places = KEYS.iter().filter(|key| PLACES.contains(&key.name)).map(shown);
    command
        .args(places.chain([file()]).map(|arg| arg.help_heading("The data of this machine")))
        .after_help("It takes every setting, also from WHARF_… variables: wharf serve --help lists them.")
}

/// Every setting as a flag, with what it is if not said and what it does.
fn settings() -> String {
    let setting = |key: &Key| {
        let default = if key.default.is_empty() { String::new() } else { format!(" [{}]", key.default) };
        format!("  --{}{default}\n          {}\n", key.flag, key.about)
    };
    let settings: String = KEYS.iter().filter(|key| !key.flag.is_empty()).map(setting).collect();
    format!("Settings, also as WHARF_… variables and in the file:\n{settings}")
}

fn login() -> Command {
    let user = Arg::new("username").long("username").short('u').required(true).value_name("USER");
    Command::new("login")
        .about("Log in to a server, and keep that in the file docker uses")
        .arg(host())
        .arg(user.value_parser(user_of_basic).help("The login"))
        .arg(flag("password-stdin", "Read the password from standard input"))
        .arg(login::authorities())
}

/// A user that Basic can carry.
fn user_of_basic(text: &str) -> Result<String, &'static str> {
    let is_one = !text.is_empty() && !text.contains(':');
    if is_one { Ok(text.to_owned()) } else { Err("a user has a name, and no ':' in it") }
}

fn host() -> Arg {
    let help = "Its host and port; plain HTTP where it is this machine or begins with http://";
    let host = Arg::new("server").required(true).value_name("HOST");
    host.value_parser(value_parser!(RegistryAddress)).help(help)
}

fn user() -> Command {
    let stdin = || flag("password-stdin", "Read the password from standard input");
    let name = || {
        let name = Arg::new("name").required(true).value_name("USER");
        name.value_parser(value_parser!(UserName)).help("The login")
    };
    let member = Arg::new("member")
        .long("member")
        .action(ArgAction::Append)
        .value_name("ORGANISATION:ROLE")
        .value_parser(value_parser!(Membership))
        .help("Role in an organisation: viewer, writer or admin; may stand several times");
    let operator = flag("operator", "Make the user an operator of the platform");
    Command::new("user")
        .about("Manage users: add and passwd on the data of this machine, the others on a server")
        .subcommand_required(true)
        .subcommand(on_data(
            Command::new("add").about("Make a user").args([name(), stdin()]).args([member, operator]),
        ))
        .subcommand(on_data(Command::new("passwd").about("Set a user's password").args([name(), stdin()])))
}

fn registry() -> Command {
    let set = Command::new("set")
        .about("Make a registry of this machine's data, or change it")
        .arg(place())
        .args(management::settings());
    Command::new("registry")
        .about("Manage registries: set on the data of this machine, the others on a server")
        .subcommand_required(true)
        .subcommand(on_data(set))
}

fn place() -> Arg {
    let arg = Arg::new("registry").required(true).value_name("ORGANISATION/REGISTRY");
    arg.value_parser(value_parser!(RegistryPlace)).help("The registry")
}

fn key() -> Command {
    let name = || {
        let name = Arg::new("name").required(true).value_name("NAME");
        name.value_parser(value_parser!(KeyName)).help("What it is called in the registry")
    };
    let file = Arg::new("file").required(true).value_name("FILE").value_parser(value_parser!(PathBuf));
    let file = file.help("The public key, in PEM");
    let expires = Arg::new("expires").long("expires").value_name("MOMENT");
    let expires = expires.value_parser(ending);
    let expires =
        expires.help("Take in nothing signed by it from then on: 2027-01-31T00:00:00Z, or 30d from now");
    let add = Command::new("add")
        .about("Let a registry believe a key")
        .args([place(), name(), file, expires])
        .arg(flag("primary", "Tell clients of its signatures first"));
    let revoke =
        Command::new("revoke").about("Believe nothing it ever signed any more").args([place(), name()]);
    let list = Command::new("list").about("Show the keys of a registry").arg(place());
    Command::new("key")
        .about("Manage the keys whose signatures a registry believes")
        .subcommand_required(true)
        .subcommands([add, revoke, list].map(on_data))
}

fn audit() -> Command {
    let noted = Arg::new("noted").long("noted").value_name("MONTH/SIZE/ROOT");
    let noted = noted.value_parser(value_parser!(Noted));
    let month = Arg::new("month").long("month").value_name("YYYY-MM").value_parser(value_parser!(Month));
    let output = Arg::new("output").long("output").value_name("FILE").value_parser(value_parser!(PathBuf));
    let verify = Command::new("verify")
        .about("Hold every sealed record against the signed heads, while serving or not; 10 if anything was changed")
        .arg(noted.help("A head that an earlier verification told, to find a log that was set back since"))
        .arg(flag("json", "Tell a line of JSON for each finding, and one at the end"));
    let export = Command::new("export")
        .about("Tell the sealed records as lines of JSON, with the signed head of each month")
        .arg(month.help("Only what was sealed in it"))
        .arg(output.help("Write a new file; the months in it that are over may then be forgotten"));
    let heads = Command::new("heads").about("Tell the signed heads of all months, to be kept elsewhere");
    Command::new("audit")
        .about("Verify and export the audit log of this machine's data; search that of a server")
        .subcommand_required(true)
        .subcommands([verify, export, heads].map(on_data))
}

fn gc() -> Command {
    let now = flag("now", "Do not wait for collection_delay: for when nobody is pushing");
    let force = flag("force", "Also if it is more than a tenth of everything");
    Command::new("gc")
        .about("Collect what no manifest needs, as the server also does by itself")
        .arg(flag("dry-run", "Only say what would be taken away"))
        .arg(now.conflicts_with("dry-run"))
        .arg(force.conflicts_with("dry-run"))
}

fn backup() -> Command {
    Command::new("backup")
        .about("Copy everything into a directory, while serving or not; what it holds already is not copied again")
        .arg(directory("Where the backup is, or is to be"))
        .arg(flag("check", "Read again what the directory holds already"))
}

fn restore() -> Command {
    Command::new("restore")
        .about("Fill an empty database and storage from a backup; for a server that never started")
        .arg(directory("Where the backup is"))
}

fn verify() -> Command {
    let rate = Arg::new("rate").long("rate").value_name("MIB").value_parser(value_parser!(u64).range(1..));
    Command::new("verify")
        .about("Read everything and say what is damaged, missing or left over, while serving or not; 10 if anything is")
        .arg(rate.help("Read so many MiB in a second at most; 50 beside a running server if not said"))
        .arg(flag("resume", "Go on where the last one was cut"))
        .arg(flag("repair", "Set wrong bytes aside, so that the next push heals them; let go of what is left over"))
        .arg(flag("json", "Tell a line of JSON for each finding, and one at the end"))
}

fn directory(help: &'static str) -> Arg {
    let directory = Arg::new("directory").required(true).value_name("DIRECTORY");
    directory.value_parser(value_parser!(PathBuf)).help(help)
}
