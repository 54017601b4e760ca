//! Passwords: from standard input, or asked for on a terminal. Never from the arguments, which every user of the machine
//! can read.

use std::io::{self, IsTerminal as _, Read as _};

use clap::ArgMatches;
use wharf_core::{Error, Kind, Result};

/// A new password, asked for twice where there is a terminal.
///
/// # Errors
/// `Invalid` where the two differ, and where it can neither be read nor asked for.
pub(crate) fn password(arguments: &ArgMatches) -> Result<String> {
    if let Some(password) = from_standard_input(arguments)? {
        return Ok(password);
    }
    let (first, again) = (ask("Password: ")?, ask("Again: ")?);
    if first == again { Ok(first) } else { Err(Error::new(Kind::Invalid, "the two passwords differ")) }
}

/// A password that there is already.
///
/// # Errors
/// `Invalid` where it can neither be read nor asked for.
pub(crate) fn known_password(arguments: &ArgMatches) -> Result<String> {
    from_standard_input(arguments)?.map_or_else(|| ask("Password: "), Ok)
}

/// The password that standard input holds, if it is to be read there; nothing where there is a terminal to ask on.
fn from_standard_input(arguments: &ArgMatches) -> Result<Option<String>> {
    if arguments.get_flag("password-stdin") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map_err(unreadable)?;
        return Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()));
    }
    if io::stdin().is_terminal() {
        return Ok(None);
    }
    Err(Error::new(Kind::Invalid, "no terminal to ask for the password on: use --password-stdin"))
}

fn ask(words: &str) -> Result<String> {
    rpassword::prompt_password(words).map_err(unreadable)
}

fn unreadable(error: io::Error) -> Error {
    Error::new(Kind::Invalid, "the password cannot be read").because(error)
}
