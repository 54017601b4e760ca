//! The command line.

mod arguments;
mod client;
mod documents;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::ArgMatches;
use wharf_core::{Error, Kind, Result, Timestamp};

use crate::{
    argument::{many, optional, required},
    as_text::AsText,
    config::{KEYS, RawValues},
    control::{self, Outcome, Verdict},
    failure::Failure,
    logs,
    management::RegistrySettings,
    moving::{self, Backup},
    output::{OutputFormat, remark, say},
    process,
    prompt::password,
    serve,
    traces::Traces,
    verify::Verify,
};

/// The exit code of a command that ran to its end and found damage. Not 2, which says that its words make no sense.
const DAMAGED: u8 = 10;

/// Runs the command the arguments name, or serves.
pub fn main() -> ExitCode {
    // Where a word is none, the process ends with 2, and with words. The grammar takes more memory than a server that waits.
    let matches = arguments::all().get_matches();
    let ended = documents::run(&matches)
        .or_else(|| client::run(&matches))
        .unwrap_or_else(|| run(&matches).map(exit_code));
    match ended {
        Ok(code) => code,
        Err(Failure::Usage(words)) => arguments::refusal(&matches, &words).exit(),
        Err(Failure::Work(error)) => {
            remark(&format!("wharf: {error}"));
            error.words_of_causes().iter().for_each(|cause| remark(&format!("  because: {cause}")));
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

fn run(matches: &ArgMatches) -> Result<Verdict, Failure> {
    process::keep_files_private();
    let leaf = leaf(matches);
    let flags: Vec<_> = KEYS
        .iter()
        .filter_map(|key| {
            leaf.try_get_one::<String>(key.name).ok().flatten().map(|value| (key.name, value.clone()))
        })
        .collect();
    let raw = RawValues::gather(&flags, optional(leaf, "config"))?;
    match matches.subcommand() {
        None | Some(("serve", _)) => {
            let config = raw.config()?;
            wait_for(async {
                let traces = Traces::begin(config.traces_endpoint.as_deref())?;
                logs::begin(&config, traces.as_ref())?;
                for variable in RawValues::unknown_variables() {
                    tracing::warn!(variable, "no setting has this name, so the variable is ignored");
                }
                for (variable, instead) in RawValues::replaced_variables() {
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
            say(&raw.shown().map(line).collect::<String>())?;
            raw.config()?;
            Ok(Verdict::Good)
        }
        Some(("restore", arguments)) => {
            let backup = whole(required(arguments, "directory")?)?;
            Ok(tell(wait_for(moving::restore(&raw.config()?, &backup))?)?)
        }
        Some((group, arguments)) => {
            let command = command(group, arguments)?;
            Ok(tell(wait_for(control::carry_out(&raw.config()?, command))?)?)
        }
    }
}

/// What came of a command goes to standard output, and nothing else does: where that is nothing, no line of it.
fn tell(outcome: Outcome) -> Result<Verdict> {
    let Outcome { text, verdict } = outcome;
    if !text.is_empty() {
        say(&format!("{text}\n"))?;
    }
    Ok(verdict)
}

/// The matches of the innermost command, which hold the global flags wherever they stood.
fn leaf(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, inner)| leaf(inner))
}

fn command(group: &str, arguments: &ArgMatches) -> Result<control::Command, Failure> {
    match (group, arguments.subcommand()) {
        ("user", Some(("add", user))) => Ok(control::Command::UserAdd {
            name: AsText(required(user, "name")?),
            password: password(user)?,
            memberships: many(user, "member").into_iter().map(AsText).collect(),
            operator: user.get_flag("operator"),
        }),
        ("user", Some(("passwd", user))) => Ok(control::Command::UserPasswd {
            name: AsText(required(user, "name")?),
            password: password(user)?,
        }),
        ("registry", Some(("set", registry))) => Ok(control::Command::RegistrySet {
            registry: AsText(required(registry, "registry")?),
            settings: Box::new(RegistrySettings::read(registry)?),
        }),
        ("key", Some((verb, key))) => key_command(verb, key).map(control::Command::Key),
        ("audit", Some((verb, audit))) => audit_command(verb, audit).map(control::Command::Audit),
        ("gc", None) => Ok(control::Command::Gc(gc(arguments))),
        ("verify", None) => Ok(control::Command::Verify(Verify {
            rate: optional(arguments, "rate").map(|mebibytes: u64| mebibytes.saturating_mul(1 << 20)),
            resume: arguments.get_flag("resume"),
            repair: arguments.get_flag("repair"),
            output: OutputFormat::of(arguments),
        })),
        ("backup", None) => Ok(control::Command::Backup(Backup {
            directory: whole(required(arguments, "directory")?)?,
            check: arguments.get_flag("check"),
        })),
        _ => Err(Failure::usage("there is no such command")),
    }
}

fn key_command(verb: &str, arguments: &ArgMatches) -> Result<control::Key, Failure> {
    let registry = AsText(required(arguments, "registry")?);
    match verb {
        "add" => Ok(control::Key::Add {
            registry,
            name: AsText(required(arguments, "name")?),
            pem: read_key(&required::<PathBuf>(arguments, "file")?)?,
            is_primary: arguments.get_flag("primary"),
            expires_at: optional(arguments, "expires").map(Timestamp::microseconds),
        }),
        "revoke" => Ok(control::Key::Revoke { registry, name: AsText(required(arguments, "name")?) }),
        _ => Ok(control::Key::List { registry }),
    }
}

fn audit_command(verb: &str, arguments: &ArgMatches) -> Result<control::Audit, Failure> {
    match verb {
        "verify" => Ok(control::Audit::Verify {
            noted: optional(arguments, "noted").map(AsText),
            output: OutputFormat::of(arguments),
        }),
        "export" => Ok(control::Audit::Export {
            month: optional(arguments, "month").map(AsText),
            output: optional(arguments, "output").map(whole).transpose()?,
        }),
        _ => Ok(control::Audit::Heads),
    }
}

#[expect(clippy::disallowed_methods, reason = "the command line reads what it is given")]
fn read_key(path: &Path) -> Result<String> {
    let unreadable =
        |error| Error::new(Kind::Invalid, format!("{} cannot be read", path.display())).because(error);
    std::fs::read_to_string(path).map_err(unreadable)
}

/// A path as whoever carries the command out finds it, which may be a server that began elsewhere.
fn whole(path: PathBuf) -> Result<PathBuf> {
    let homeless = |error| Error::new(Kind::Invalid, "there is no folder to begin from").because(error);
    std::path::absolute(path).map_err(homeless)
}

fn gc(arguments: &ArgMatches) -> control::Gc {
    control::Gc {
        dry_run: arguments.get_flag("dry-run"),
        now: arguments.get_flag("now"),
        force: arguments.get_flag("force"),
    }
}

fn wait_for<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::internal)?;
    runtime.block_on(work)
}
