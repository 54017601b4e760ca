//! Arguments as every command writes and reads them.

use std::{ffi::OsStr, str::FromStr};

use clap::{
    Arg, ArgAction, ArgMatches, Command,
    builder::{TypedValueParser, ValueParser},
    error::ErrorKind,
};
use wharf_core::{Clock as _, Error, Kind, Timestamp};

use crate::{config::duration, failure::Failure, world::SystemClock};

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

/// Reads when something ends: a moment, or how long from now, as settings say it.
pub(crate) fn ending(text: &str) -> Result<Timestamp, Error> {
    match duration(text) {
        Some(time) => Ok(SystemClock.now().plus_seconds(time.as_secs().try_into().unwrap_or(i64::MAX))),
        None => text.parse::<Timestamp>().map_err(|error| {
            Error::new(Kind::Invalid, format!("{error}, or how long from now: 90s, 10m, 24h, 30d"))
        }),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_moment_or_a_time_from_now() {
        let moment = "2027-01-31T00:00:00Z";
        assert_eq!(ending(moment).unwrap(), moment.parse().unwrap());
        let day = ending("1d").unwrap();
        assert!(day > SystemClock.now().plus_seconds(86_400 - 3600), "{day}");
        assert!(day < SystemClock.now().plus_seconds(86_400 + 3600), "{day}");
        for bad in ["soon", "30", "d", "-1d", "99999999d", ""] {
            let refused = ending(bad).unwrap_err().to_string();
            assert!(refused.contains("2027-01-31") && refused.contains("30d"), "{bad:?}: {refused}");
        }
    }
}
