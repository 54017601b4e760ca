//! What the command line says of itself: completions for shells, and pages of the manual.

use std::{path::PathBuf, process::ExitCode};

use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::Shell;
use wharf_core::{Error, Kind, Result};

use super::arguments::all;
use crate::output::say;

/// The commands.
pub(super) fn grammar() -> [Command; 2] {
    let shell = Arg::new("shell").required(true).value_parser(value_parser!(Shell)).help("Which shell");
    let folder = Arg::new("directory").long("directory").value_name("FOLDER");
    let folder =
        folder.value_parser(value_parser!(PathBuf)).help("Write a page for each command there instead");
    let about = "Print what completes the commands in a shell, such as `source <(wharf completions bash)`";
    [
        Command::new("completions").about(about).arg(shell),
        Command::new("man")
            .about("Print the page of the manual, as `wharf man | man -l -` shows it")
            .arg(folder),
    ]
}

/// Runs the command, if it is one of these.
pub(super) fn run(matches: &ArgMatches) -> Option<Result<ExitCode>> {
    let (name, arguments) = matches.subcommand()?;
    let done = match name {
        "completions" => arguments.get_one::<Shell>("shell").map(|shell| complete(*shell)),
        "man" => Some(arguments.get_one::<PathBuf>("directory").map_or_else(page, pages)),
        _ => None,
    };
    done.map(|done| done.map(|()| ExitCode::SUCCESS))
}

fn complete(shell: Shell) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut all(), "wharf", &mut text);
    say(&String::from_utf8(text).map_err(Error::internal)?)
}

fn page() -> Result<()> {
    let mut text = Vec::new();
    clap_mangen::Man::new(all()).render(&mut text).map_err(Error::internal)?;
    say(&String::from_utf8(text).map_err(Error::internal)?)
}

#[allow(clippy::disallowed_methods, reason = "the user names this folder")]
fn pages(folder: &PathBuf) -> Result<()> {
    let unwritable = |error: std::io::Error| {
        Error::new(Kind::Invalid, format!("{} cannot be written to", folder.display())).because(error)
    };
    std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(all(), folder)).map_err(unwritable)
}
