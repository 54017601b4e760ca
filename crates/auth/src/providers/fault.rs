//! A provider that cannot be used as it is set, or that is away: the user is told that much, and the log, once, where the
//! request is answered, of which provider it is and why.
//!
//! What a provider answers to is a try, whatever it answers: else who has it answer oddly could try for ever. Only what we asked
//! and it could not answer is none.

use std::{error::Error as StdError, fmt};

use wharf_core::{Error, Kind, ProviderName, Result};

use super::Reply;
use crate::port::ProviderRow;

/// Of which it is, and why.
#[derive(Debug)]
struct Fault {
    provider: ProviderName,
    heard: Heard,
    cause: Box<dyn StdError + Send + Sync>,
}

/// What was heard of a provider that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    /// An answer, if an odd one.
    Answer,
    /// There was no connection, no answer in time, or one that says it cannot answer (a status from 500 on).
    Nothing,
}

/// That a provider cannot be used as it is set or by what it answers, and nobody who logs in has done anything about it.
pub(super) fn unusable(provider: &ProviderRow, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    fault(Fault::new(provider, Heard::Answer, cause))
}

/// That something failed which a provider was asked for.
pub(super) fn failed(provider: &ProviderRow, error: Error) -> Error {
    let heard = if error.is_passing() { Heard::Nothing } else { Heard::Answer };
    fault(Fault::new(provider, heard, error))
}

/// That a provider answered that it was asked too often.
pub(super) fn busy(provider: &ProviderRow) -> Error {
    let words = "the provider has too much to do, try again later";
    Error::new(Kind::RateLimited, words).because(Fault::new(provider, Heard::Answer, "it has too much to do"))
}

/// What a provider answered to a question.
///
/// # Errors
/// `Unavailable` where it could not answer.
pub(super) fn answered(provider: &ProviderRow, asked: Result<Reply>) -> Result<Reply> {
    let reply = asked.map_err(|error| failed(provider, error))?;
    if reply.status >= 500 {
        let cause = format!("it answered {}", reply.status);
        return Err(fault(Fault::new(provider, Heard::Nothing, cause)));
    }
    Ok(reply)
}

/// Whether a login that failed was tried: at its provider, or by what cannot be shown to one.
pub(super) fn is_try(error: &Error) -> bool {
    match of(error) {
        Some(fault) => fault.heard == Heard::Answer,
        // We could not do our part, or there was no turn to ask.
        None => !error.is_fault() && !error.is_passing(),
    }
}

/// The fault of a provider among the causes of an error.
fn of(error: &Error) -> Option<&Fault> {
    std::iter::successors(error.source(), |cause| (*cause).source()).find_map(|cause| cause.downcast_ref())
}

fn fault(fault: Fault) -> Error {
    Error::new(Kind::Unavailable, "users cannot be checked at their provider now").because(fault)
}

impl Fault {
    fn new(provider: &ProviderRow, heard: Heard, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { provider: provider.name.clone(), heard, cause: cause.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the provider {} cannot be used", self.provider)
    }
}

impl StdError for Fault {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.cause.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::browser::tests::provider;

    #[test]
    fn what_a_provider_answers_is_a_try_and_what_it_cannot_answer_is_none() {
        let corp = provider(1, "corp");
        let reply = |status| Ok(Reply { status, body: Vec::new() });
        for status in [200, 302, 400, 401, 404, 429, 499] {
            assert_eq!(answered(&corp, reply(status)).unwrap().status, status);
        }
        let away = |kind| Err(Error::new(kind, "no answer"));
        for asked in [reply(500), reply(503), away(Kind::Unavailable), away(Kind::Timeout)] {
            let error = answered(&corp, asked).unwrap_err();
            assert_eq!(error.kind(), Kind::Unavailable);
            assert!(!is_try(&error), "{error:?}");
        }
        for error in [
            unusable(&corp, "what nobody can read"),
            busy(&corp),
            failed(&corp, Error::new(Kind::Unauthenticated, "a token for somebody else")),
            answered(&corp, away(Kind::TooLarge)).unwrap_err(),
            crate::unauthenticated(),
        ] {
            assert!(is_try(&error), "{error:?}");
        }
        for kind in [Kind::RateLimited, Kind::Unavailable, Kind::Internal] {
            assert!(!is_try(&Error::new(kind, "our own trouble")), "{kind:?}");
        }
    }
}
