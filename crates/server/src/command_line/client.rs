//! The commands against a server that runs elsewhere. They need no configuration of this machine's.

use std::{path::PathBuf, process::ExitCode};

use clap::ArgMatches;
use wharf_core::{Error, Kind, Result, Secret};
use wharf_outbound::RegistryAddress;

use super::wait_for;
use crate::{
    export, import,
    login::{self, NewLogin},
    management,
    output::say,
    plugin,
    prompt::known_password,
};

/// Runs the command, if it is one of these.
pub(super) fn run(matches: &ArgMatches) -> Option<Result<ExitCode>> {
    if let Some(options) = management::Options::read(matches) {
        let done = options.and_then(|options| wait_for(async move { management::run(&options).await }));
        return Some(done.map(|()| ExitCode::SUCCESS));
    }
    let (name, arguments) = matches.subcommand()?;
    match name {
        "org" => arguments.subcommand_matches("export").map(|arguments| {
            export::Options::read(arguments)
                .and_then(|options| wait_for(async move { export::run(&options).await }))
        }),
        "login" => Some(log_in(arguments).and_then(told)),
        "logout" => Some(server(arguments).and_then(|server| login::log_out(&server)).and_then(told)),
        "import" => Some(match arguments.get_one::<PathBuf>("from-memflow") {
            Some(root) => plugin::Options::moving_in(root, arguments)
                .and_then(|options| wait_for(plugin::run(&options))),
            None => import::Options::read(arguments).and_then(|options| wait_for(import::run(&options))),
        }),
        "plugin" => {
            Some(plugin::Options::read(arguments).and_then(|options| wait_for(plugin::run(&options))))
        }
        _ => None,
    }
}

fn log_in(arguments: &ArgMatches) -> Result<String> {
    let server = server(arguments)?;
    let authorities = arguments.get_one::<PathBuf>("ca-file");
    let authorities = authorities.map(|path| login::read_authorities(path)).transpose()?;
    let user = arguments.get_one::<String>("username").cloned().unwrap_or_default();
    let password = known_password(arguments)?;
    if password.is_empty() {
        return Err(Error::new(Kind::Invalid, "the password is empty"));
    }
    wait_for(login::log_in(NewLogin { server, user, password: Secret::new(password), authorities }))
}

fn server(arguments: &ArgMatches) -> Result<RegistryAddress> {
    arguments.get_one::<String>("server").map(String::as_str).unwrap_or_default().parse()
}

fn told(words: String) -> Result<ExitCode> {
    say(&format!("{words}\n")).map(|()| ExitCode::SUCCESS)
}
