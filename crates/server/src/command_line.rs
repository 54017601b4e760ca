//! The command line.

use std::{
    io::{self, IsTerminal as _, Read as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Arg, ArgAction, ArgMatches, Command};
use wharf_core::{Error, Kind, Result};

use crate::{
    config::{KEYS, Sources, example},
    control, logs, process, serve,
};

/// Runs the command the arguments name, or serves.
pub fn main() -> ExitCode {
    match run(&arguments().get_matches()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wharf: {error}");
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Command {
    let keys = KEYS.iter().filter(|key| !key.flag.is_empty()).map(|key| {
        Arg::new(key.name)
            .long(key.flag)
            .global(true)
            .value_name("VALUE")
            .help(key.about)
            .help_heading("Configuration")
    });
    let file = Arg::new("config").long("config").global(true).value_name("FILE").help("The file to read");
    let stdin = || flag("password-stdin", "Read the password from standard input");
    let name = || Arg::new("name").required(true).help("The login");
    Command::new("wharf")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A registry for cargo of every kind. Without a command it serves.")
        .args(keys)
        .arg(file)
        .subcommand(Command::new("serve").about("Serve (the default)"))
        .subcommand(
            Command::new("config")
                .about("Print the effective configuration with each value's origin, secrets masked")
                .arg(flag("example", "Print an example file with every key instead")),
        )
        .subcommand(
            Command::new("user")
                .about("Manage users, of a stopped or a running server")
                .subcommand_required(true)
                .subcommand(
                    Command::new("add")
                        .about("Make a user")
                        .arg(name())
                        .arg(stdin())
                        .arg(
                            Arg::new("member")
                                .long("member")
                                .action(ArgAction::Append)
                                .value_name("ORGANISATION:ROLE")
                                .help("Role in an organisation: viewer, writer or admin; may stand several times"),
                        )
                        .arg(flag("operator", "Make the user an operator of the platform")),
                )
                .subcommand(Command::new("passwd").about("Set a user's password").arg(name()).arg(stdin())),
        )
        .subcommand(
            Command::new("registry").about("Manage registries").subcommand_required(true).subcommand(
                Command::new("set")
                    .about("Make a registry, or change it")
                    .arg(Arg::new("registry").required(true).value_name("ORGANISATION/REGISTRY"))
                    .arg(
                        Arg::new("public")
                            .long("public")
                            .value_parser(["true", "false"])
                            .help("Whether anybody may pull"),
                    )
                    .arg(
                        Arg::new("missing-content")
                            .long("missing-content")
                            .value_parser(["accept", "refuse"])
                            .help("Whether manifests may name content the repository lacks"),
                    ),
            ),
        )
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn run(matches: &ArgMatches) -> Result<()> {
    process::keep_files_private();
    let leaf = leaf(matches);
    let flags: Vec<_> = KEYS
        .iter()
        .filter_map(|key| {
            leaf.try_get_one::<String>(key.name).ok().flatten().map(|value| (key.name, value.clone()))
        })
        .collect();
    let sources = Sources::gather(&flags, leaf.get_one::<String>("config").map(PathBuf::from))?;
    match matches.subcommand() {
        None | Some(("serve", _)) => {
            let config = sources.config()?;
            logs::begin(&config)?;
            wait_for(serve::serve(&config))
        }
        Some(("config", arguments)) if arguments.get_flag("example") => {
            print!("{}", example());
            Ok(())
        }
        Some(("config", _)) => {
            for (name, value, origin) in sources.shown() {
                println!("{name} = \"{value}\"  # {origin}");
            }
            sources.config().map(drop)
        }
        Some((group, arguments)) => {
            let command = command(group, arguments)?;
            let told = wait_for(control::carry_out(&sources.config()?, command))?;
            println!("{told}");
            Ok(())
        }
    }
}

/// The matches of the innermost command, which hold the global flags wherever they stood.
fn leaf(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, inner)| leaf(inner))
}

fn command(group: &str, arguments: &ArgMatches) -> Result<control::Command> {
    let text =
        |arguments: &ArgMatches, name: &str| arguments.get_one::<String>(name).cloned().unwrap_or_default();
    match (group, arguments.subcommand()) {
        ("user", Some(("add", user))) => Ok(control::Command::UserAdd {
            name: text(user, "name"),
            password: password(user)?,
            members: user.get_many::<String>("member").into_iter().flatten().cloned().collect(),
            operator: user.get_flag("operator"),
        }),
        ("user", Some(("passwd", user))) => {
            Ok(control::Command::UserPasswd { name: text(user, "name"), password: password(user)? })
        }
        ("registry", Some(("set", registry))) => Ok(control::Command::RegistrySet {
            registry: text(registry, "registry"),
            public: choice(registry, "public", "true"),
            accepts_missing_content: choice(registry, "missing-content", "accept"),
        }),
        _ => Err(Error::new(Kind::Invalid, "unknown command, see wharf --help")),
    }
}

/// Whether an option of two words is the first of them, if it stands at all.
fn choice(arguments: &ArgMatches, name: &str, yes: &str) -> Option<bool> {
    arguments.get_one::<String>(name).map(|word| word == yes)
}

/// A password: from standard input, or asked for twice on a terminal. Never from the arguments, which every user
/// of the machine can read.
fn password(arguments: &ArgMatches) -> Result<String> {
    let unreadable =
        |error: io::Error| Error::new(Kind::Invalid, "the password cannot be read").because(error);
    if arguments.get_flag("password-stdin") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map_err(unreadable)?;
        return Ok(text.trim_end_matches(['\r', '\n']).to_owned());
    }
    if !io::stdin().is_terminal() {
        return Err(Error::new(
            Kind::Invalid,
            "no terminal to ask for the password on: use --password-stdin",
        ));
    }
    let first = rpassword::prompt_password("Password: ").map_err(unreadable)?;
    let again = rpassword::prompt_password("Again: ").map_err(unreadable)?;
    if first == again { Ok(first) } else { Err(Error::new(Kind::Invalid, "the two passwords differ")) }
}

fn wait_for<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::internal)?;
    runtime.block_on(work)
}
