//! The command line.

mod arguments;
mod client;
mod documents;

use std::{path::PathBuf, process::ExitCode};

use clap::ArgMatches;
use wharf_core::{Error, Kind, Result, causes};

use crate::{
    config::{KEYS, Sources},
    control::{self, Outcome, Verdict},
    logs, management,
    moving::{self, Backup},
    output::{remark, say},
    process,
    prompt::password,
    serve,
    traces::Traces,
    verify::Verify,
};

/// The exit code of a command that ran to its end and found damage. Not 2, which says that the arguments make no sense.
const DAMAGED: u8 = 10;

/// Runs the command the arguments name, or serves.
pub fn main() -> ExitCode {
    let matches = arguments::given();
    let ended = documents::run(&matches)
        .or_else(|| client::run(&matches))
        .unwrap_or_else(|| run(&matches).map(exit_code));
    match ended {
        Ok(code) => code,
        Err(error) => {
            remark(&format!("wharf: {error}"));
            causes(&error).for_each(|cause| remark(&format!("  because: {cause}")));
            ExitCode::FAILURE
        }
    }
}

fn exit_code(verdict: Verdict) -> ExitCode {
    match verdict {
        Verdict::Good => ExitCode::SUCCESS,
        Verdict::Damaged => ExitCode::from(DAMAGED),
    }
}

fn run(matches: &ArgMatches) -> Result<Verdict> {
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
            wait_for(async {
                let traces = Traces::begin(config.traces_endpoint.as_deref())?;
                logs::begin(&config, traces.as_ref())?;
                for variable in Sources::unknown_variables() {
                    tracing::warn!(variable, "no setting has this name, so the variable is ignored");
                }
                for (variable, instead) in Sources::replaced_variables() {
                    tracing::warn!(variable, instead, "the variable of memflow's registry is not used");
                }
                let served = serve::serve(&config).await;
                if let Some(traces) = traces {
                    traces.end().await;
                }
                served
            })?;
            Ok(Verdict::Good)
        }
        Some(("config", _)) => {
            let line = |(name, value, origin)| format!("{name} = \"{value}\"  # {origin}\n");
            say(&sources.shown().map(line).collect::<String>())?;
            sources.config().map(|_| Verdict::Good)
        }
        Some(("restore", arguments)) => {
            let backup = directory(arguments)?;
            tell(wait_for(moving::restore(&sources.config()?, &backup)))
        }
        Some((group, arguments)) => {
            let command = command(group, arguments)?;
            tell(wait_for(control::carry_out(&sources.config()?, command)))
        }
    }
}

/// What came of a command goes to standard output, and nothing else does.
fn tell(done: Result<Outcome>) -> Result<Verdict> {
    let Outcome { text, verdict } = done?;
    say(&format!("{text}\n"))?;
    Ok(verdict)
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
            redirects: choice(registry, "redirect", "on"),
            accepts_unverified: choice(registry, "unverified", "accept"),
            source: Box::new(source(registry)?),
        }),
        ("key", Some((verb, key))) => key_command(verb, key).map(control::Command::Key),
        ("audit", Some((verb, audit))) => audit_command(verb, audit).map(control::Command::Audit),
        ("gc", None) => Ok(control::Command::Gc(gc(arguments))),
        ("verify", None) => Ok(control::Command::Verify(Verify {
            rate: arguments.get_one::<u64>("rate").map(|mebibytes| mebibytes.saturating_mul(1 << 20)),
            resume: arguments.get_flag("resume"),
            repair: arguments.get_flag("repair"),
            json: arguments.get_flag("json"),
        })),
        ("backup", None) => Ok(control::Command::Backup(Backup {
            directory: directory(arguments)?,
            check: arguments.get_flag("check"),
        })),
        _ => Err(Error::new(Kind::Invalid, "unknown command, see wharf --help")),
    }
}

/// Where the content of a registry is to come from.
fn source(arguments: &ArgMatches) -> Result<control::RegistrySource> {
    let text = |name: &str| arguments.get_one::<String>(name).cloned();
    let list = |name: &str| arguments.get_one::<String>(name).map(|names| management::listed(names));
    let user = text("upstream-user");
    // Asked for last, when nothing else can be wrong with the arguments.
    let password = match user {
        Some(_) => Some(password(arguments)?),
        None => None,
    };
    Ok(control::RegistrySource {
        kind: text("kind"),
        upstream: text("upstream"),
        protocol: text("upstream-protocol"),
        user,
        password,
        members: list("members"),
        reserved: list("reserved"),
        cooldown_days: arguments.get_one::<u16>("cooldown-days").copied(),
        lookalikes: text("lookalikes"),
        popular: list("popular"),
    })
}

fn key_command(verb: &str, arguments: &ArgMatches) -> Result<control::Key> {
    let text = |name: &str| arguments.get_one::<String>(name).cloned();
    let registry = text("registry").unwrap_or_default();
    match verb {
        "add" => Ok(control::Key::Add {
            registry,
            name: text("name").unwrap_or_default(),
            pem: read_key(&text("file").unwrap_or_default())?,
            is_primary: arguments.get_flag("primary"),
            expires_at: text("expires"),
        }),
        "revoke" => Ok(control::Key::Revoke { registry, name: text("name").unwrap_or_default() }),
        _ => Ok(control::Key::List { registry }),
    }
}

fn audit_command(verb: &str, arguments: &ArgMatches) -> Result<control::Audit> {
    let text = |name: &str| arguments.get_one::<String>(name).cloned();
    match verb {
        "verify" => Ok(control::Audit::Verify { noted: text("noted"), json: arguments.get_flag("json") }),
        "export" => {
            let output = text("output").map(std::path::absolute).transpose();
            let output =
                output.map_err(|error| Error::new(Kind::Invalid, "that is no file").because(error))?;
            Ok(control::Audit::Export { month: text("month"), output })
        }
        _ => Ok(control::Audit::Heads),
    }
}

#[allow(clippy::disallowed_methods, reason = "the command line reads what it is given")]
fn read_key(path: &str) -> Result<String> {
    let unreadable = |error| Error::new(Kind::Invalid, format!("{path} cannot be read")).because(error);
    std::fs::read_to_string(path).map_err(unreadable)
}

/// The directory of a backup, as whoever carries the command out finds it.
fn directory(arguments: &ArgMatches) -> Result<PathBuf> {
    let named = arguments.get_one::<String>("directory").cloned().unwrap_or_default();
    std::path::absolute(named)
        .map_err(|error| Error::new(Kind::Invalid, "that is no directory").because(error))
}

fn gc(arguments: &ArgMatches) -> control::Gc {
    control::Gc {
        dry_run: arguments.get_flag("dry-run"),
        now: arguments.get_flag("now"),
        force: arguments.get_flag("force"),
    }
}

/// Whether an option of two words is the first of them, if it stands at all.
fn choice(arguments: &ArgMatches, name: &str, yes: &str) -> Option<bool> {
    arguments.get_one::<String>(name).map(|word| word == yes)
}

fn wait_for<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::internal)?;
    runtime.block_on(work)
}
