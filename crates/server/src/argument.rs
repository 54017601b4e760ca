//! Arguments as every command writes and reads them.

use std::{ffi::OsStr, str::FromStr};

use clap::{
    Arg, ArgAction, ArgMatches, Command,
    builder::{TypedValueParser, ValueParser},
    error::ErrorKind,
};
use wharf_core::Error;

use crate::failure::Failure;

/// `--name`, which stands or does not.
pub(crate) fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// The value of an argument that must stand.
///
/// # Errors
/// `Usage` where it does not, which the grammar refuses before.
pub(crate) fn required<T: Word>(arguments: &ArgMatches, name: &str) -> Result<T, Failure> {
    optional(arguments, name).ok_or_else(|| Failure::usage(format!("{name} is missing")))
}

/// The value of an argument, if it stands.
pub(crate) fn optional<T: Word>(arguments: &ArgMatches, name: &str) -> Option<T> {
    arguments.get_one(name).cloned()
}

/// The values of an argument that may stand several times.
pub(crate) fn many<T: Word>(arguments: &ArgMatches, name: &str) -> Vec<T> {
    arguments.get_many(name).into_iter().flatten().cloned().collect()
}

/// A word that is read as what other words make of its place; refused as the grammar refuses what stands wrong.
///
/// # Errors
/// `Usage` where it is none.
pub(crate) fn read_as<T: FromStr<Err = Error>>(word: &str, place: &str) -> Result<T, Failure> {
    let wrong = |error| Failure::usage(format!("invalid value '{word}' for '{place}': {error}"));
    word.parse().map_err(wrong)
}

/// Reads a word that may hold a password: what refuses it does not repeat it.
pub(crate) fn unrepeated<T: Word>(read: fn(&str) -> Result<T, Error>) -> ValueParser {
    Unrepeated(read).into()
}

#[derive(Clone)]
struct Unrepeated<T>(fn(&str) -> Result<T, Error>);

impl<T: Word> TypedValueParser for Unrepeated<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, word: &OsStr) -> Result<T, clap::Error> {
        let refused = |error: Error| {
            let place = arg.map(ToString::to_string).unwrap_or_default();
            let words = format!("invalid value for '{place}': {error}");
            command.clone().error(ErrorKind::ValueValidation, words)
        };
        (self.0)(word.to_str().unwrap_or_default()).map_err(refused)
    }
}

/// What a word on the command line can be read as.
pub(crate) trait Word: Clone + Send + Sync + 'static {}

impl<T: Clone + Send + Sync + 'static> Word for T {}
