//! What a registry's refusal means here.

use reqwest::StatusCode;
use serde::Deserialize;
use wharf_core::{Detail, Error, Kind, Subject};

use crate::{answer::Answer, pace::asked_by};

/// The most of a refusal that is read, in bytes.
const LARGEST: usize = 64 * 1024;
/// The most of its words that are repeated, in characters.
const LONGEST: usize = 200;

/// The errors of the distribution specification.
#[derive(Deserialize)]
struct Errors {
    errors: Vec<Told>,
}

#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// The error for an answer that is no success, with `Detail::Wait` where it asks for a pause. `subject` is what was asked for.
pub(super) async fn refusal(answer: Answer, subject: Subject) -> Error {
    let (status, host) = (answer.status(), answer.host().to_owned());
    let asked = asked_by(&answer);
    let body = answer.bytes(LARGEST).await.unwrap_or_default();
    let told: Option<Errors> = serde_json::from_slice(&body).ok();
    let told = told.and_then(|told| told.errors.into_iter().next());
    let words = told.map(|told| format!(" ({} {})", told.code, told.message)).unwrap_or_default();
    let words: String = words.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    let error = Error::new(kind_of(status, subject), format!("{host} answered {}{words}", status.as_u16()));
    match asked {
        Some(pause) => error.with(Detail::Wait(pause.as_secs())),
        None => error,
    }
}

/// What a status means for whoever asked.
pub(crate) fn kind_of(status: StatusCode, subject: Subject) -> Kind {
    match status.as_u16() {
        401 => Kind::Unauthenticated,
        403 => Kind::Denied,
        404 => Kind::NotFound(subject),
        408 | 500 | 502 | 503 | 504 | 520..=524 => Kind::Unavailable,
        413 => Kind::TooLarge,
        416 => Kind::OutOfRange,
        429 => Kind::RateLimited,
        507 => Kind::StorageFull,
        _ => Kind::Invalid,
    }
}
