//! What the command line says of itself: completions for shells, pages of the manual, and an example of the configuration.
//! Nothing of this machine is read for it.

use std::{path::PathBuf, process::ExitCode};

use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::Shell;
use wharf_core::{Error, Kind, Result};

use super::arguments::all;
use crate::{config::example, failure::Failure, output::say};

/// The commands.
pub(super) fn grammar() -> [Command; 2] {
    let shell = Arg::new("shell")
        .required(true)
        .value_name("SHELL")
        .value_parser(value_parser!(Shell))
        .help("Which shell");
    let folder = Arg::new("directory").long("directory").value_name("FOLDER");
    let folder = folder.value_parser(value_parser!(PathBuf)).conflicts_with("command");
    let folder = folder.help("Write a page for each command there instead");
    let of = Arg::new("command").value_name("COMMAND").num_args(0..);
    let about = "Print what completes the commands in a shell, such as `source <(wharf completions bash)`";
    [
        Command::new("completions").about(about).arg(shell),
        Command::new("man")
            .about("Print a page of the manual, as `wharf man | man -l -` and `wharf man org create | man -l -` show it")
            .arg(of.help("Of this command; of all if none is named"))
            .arg(folder),
    ]
}

/// Runs the command, if it is one of these.
pub(super) fn run(matches: &ArgMatches) -> Option<Result<ExitCode, Failure>> {
    let (name, arguments) = matches.subcommand()?;
    let done: Option<Result<(), Failure>> = match name {
        "completions" => arguments.get_one::<Shell>("shell").map(|shell| Ok(complete(*shell)?)),
        "man" => Some(match arguments.get_one::<PathBuf>("directory") {
            Some(folder) => pages(folder).map_err(Failure::from),
            None => page(arguments.get_many::<String>("command").into_iter().flatten()),
        }),
        "config" if arguments.get_flag("example") => Some(say(&example()).map_err(Failure::from)),
        _ => None,
    };
    done.map(|done| done.map(|()| ExitCode::SUCCESS))
}

fn complete(shell: Shell) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut all(), "wharf", &mut text);
    say(&String::from_utf8(text).map_err(Error::internal)?)
}

/// The page of the command that these words are.
fn page<'a>(words: impl Iterator<Item = &'a String>) -> Result<(), Failure> {
    let mut command = all().disable_help_subcommand(true);
    // Only what is built knows the whole of its name.
    command.build();
    for word in words {
        let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
        let unknown = || Failure::usage(format!("{name} has no command '{word}', see {name} --help"));
        command = command.find_subcommand(word).cloned().ok_or_else(unknown)?;
    }
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text).map_err(Error::internal)?;
    Ok(say(&String::from_utf8(text).map_err(Error::internal)?)?)
}

#[expect(clippy::disallowed_methods, reason = "the user names this folder")]
fn pages(folder: &PathBuf) -> Result<()> {
    let unwritable = |error: std::io::Error| {
        Error::new(Kind::Invalid, format!("{} cannot be written to", folder.display())).because(error)
    };
    std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(all(), folder)).map_err(unwritable)
}
