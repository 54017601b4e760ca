//! The commands against a server that runs elsewhere. They need no configuration of this machine's.

use std::{path::PathBuf, process::ExitCode};

use clap::ArgMatches;
use wharf_core::{Error, Kind, Secret};

use super::wait_for;
use crate::{
    argument::required,
    export,
    failure::Failure,
    import,
    login::{self, NewLogin, authorities_of},
    management,
    output::say,
    plugin,
    prompt::known_password,
};

/// Runs the command, if it is one of these.
pub(super) fn run(matches: &ArgMatches) -> Option<Result<ExitCode, Failure>> {
    if let Some(options) = management::Options::read(matches) {
        let done = options.and_then(|options| Ok(wait_for(management::run(&options))?));
        return Some(done.map(|()| ExitCode::SUCCESS));
    }
    let (name, arguments) = matches.subcommand()?;
    match name {
        "org" => arguments.subcommand_matches("export").map(export),
        "login" => Some(log_in(arguments).and_then(told)),
        "logout" => Some(log_out(arguments).and_then(told)),
        "import" => Some(match arguments.get_one::<PathBuf>("from-memflow") {
            Some(root) => run_plugin(plugin::Options::moving_in(root, arguments)),
            None => run_import(arguments),
        }),
        "plugin" => Some(run_plugin(plugin::Options::read(arguments))),
        _ => None,
    }
}

fn export(arguments: &ArgMatches) -> Result<ExitCode, Failure> {
    let options = export::Options::read(arguments)?;
    Ok(wait_for(export::run(&options))?)
}

fn run_import(arguments: &ArgMatches) -> Result<ExitCode, Failure> {
    let options = import::Options::read(arguments)?;
    Ok(wait_for(import::run(&options))?)
}

fn run_plugin(options: Result<plugin::Options, Failure>) -> Result<ExitCode, Failure> {
    let options = options?;
    Ok(wait_for(plugin::run(&options))?)
}

fn log_in(arguments: &ArgMatches) -> Result<String, Failure> {
    let (server, user) = (required(arguments, "server")?, required(arguments, "username")?);
    let authorities = authorities_of(arguments)?;
    let password = known_password(arguments)?;
    if password.is_empty() {
        return Err(Error::new(Kind::Invalid, "the password is empty").into());
    }
    let login = NewLogin { server, user, password: Secret::new(password), authorities };
    Ok(wait_for(login::log_in(login))?)
}

fn log_out(arguments: &ArgMatches) -> Result<String, Failure> {
    Ok(login::log_out(&required(arguments, "server")?)?)
}

fn told(words: String) -> Result<ExitCode, Failure> {
    say(&format!("{words}\n"))?;
    Ok(ExitCode::SUCCESS)
}
