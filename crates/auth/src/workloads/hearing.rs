//! Who signed the token of a job: asked of all sources at once, of which those who believe its issuer read the keys.
//!
//! Nobody's slow server stands in anybody's way: once one source knows the signature the others have a moment, and after that
//! only those are waited for whose word counts. But what was not heard is no refusal: a token that nobody could look into
//! may be good, and whoever brought it is to come again.

use std::time::Duration;

use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};
use wharf_core::{Detail, Error, Kind, Result, Secret};

use crate::{
    issuers::{Asker, Claims, Issuers, Signed, Thumbprint},
    port::IssuerSource,
};

/// How long a job waits for what its issuer publishes.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long it waits for all the sources that are slower, once one of them knows its token.
const GRACE: Duration = Duration::from_millis(500);

/// A token that its issuer signed.
pub(super) struct Heard {
    /// What it says.
    pub(super) claims: Claims,
    hearing: Hearing,
}

/// What the sources say of a token, as far as they have answered.
struct Hearing {
    sources: Vec<(IssuerSource, Word)>,
    answers: mpsc::Receiver<Answer>,
    /// Until when one is waited for.
    until: Instant,
    /// What the token says, once one of them has signed it.
    claims: Option<Claims>,
}

/// What a source says of a token.
enum Word {
    /// Nothing yet.
    Awaited,
    /// This key of it signed the token.
    Signed(Thumbprint),
    /// No key of it did; with a time to wait where it may have another one by now.
    Refused(Error),
    /// It cannot be read.
    Missing(Error),
}

/// The answer of one source.
struct Answer {
    /// Its row.
    source: i64,
    said: Result<Signed>,
}

/// Hears what the sources say of a token.
///
/// # Errors
/// `Unauthenticated` where none of them signed it; `Unavailable` where one that may have cannot be read now.
pub(super) async fn hear(
    issuers: &Issuers,
    sources: Vec<IssuerSource>,
    token: &Secret<String>,
) -> Result<Heard> {
    let mut hearing = Hearing::begin(issuers, sources, token);
    while hearing.claims.is_none() && hearing.listen(hearing.until).await {}
    let until = hearing.until.min(Instant::now() + GRACE);
    while hearing.listen(until).await {}
    match hearing.claims.take() {
        Some(claims) => Ok(Heard { claims, hearing }),
        None => Err(hearing.refusal()),
    }
}

impl Hearing {
    /// Asks each source on a task of its own. None of them is ended early: what the slow ones say is known the next time.
    fn begin(issuers: &Issuers, sources: Vec<IssuerSource>, token: &Secret<String>) -> Self {
        let (sender, answers) = mpsc::channel(sources.len().max(1));
        for source in &sources {
            let (issuers, source, token, sender) =
                (issuers.clone(), source.clone(), token.clone(), sender.clone());
            tokio::spawn(async move {
                let askers: Vec<Asker> =
                    source.organisations.iter().copied().map(Asker::Organisation).collect();
                let said = issuers.signed(&askers, &source.issuer, token.expose()).await;
                // Whoever asked may have left.
                drop(sender.send(Answer { source: source.id, said }).await);
            });
        }
        let sources = sources.into_iter().map(|source| (source, Word::Awaited)).collect();
        Self { sources, answers, until: Instant::now() + PATIENCE, claims: None }
    }

    /// Writes down the next answer; false where none came until then, or all have.
    async fn listen(&mut self, until: Instant) -> bool {
        let Ok(Some(Answer { source, said })) = timeout_at(until, self.answers.recv()).await else {
            return false;
        };
        let said = match said {
            Ok(Signed { claims, key }) => {
                self.claims = Some(claims);
                Word::Signed(key)
            }
            Err(error) if error.kind() == Kind::Unauthenticated => Word::Refused(error),
            Err(error) => Word::Missing(error),
        };
        if let Some((_, word)) = self.sources.iter_mut().find(|(asked, _)| asked.id == source) {
            *word = said;
        }
        true
    }

    /// Why a token is not taken that nobody signed.
    fn refusal(self) -> Error {
        let (mut refusal, mut missing) = (None, None);
        for (_, word) in self.sources {
            match word {
                Word::Refused(error) => refusal = Some(error),
                Word::Missing(error) => missing = Some(error),
                Word::Awaited | Word::Signed(_) => missing = Some(too_slow()),
            }
        }
        missing.or(refusal).unwrap_or_else(crate::unauthenticated)
    }
}

impl Heard {
    /// Who signed it, as it calls itself.
    pub(super) fn issuer(&self) -> &str {
        self.claims.text("iss").unwrap_or_default()
    }

    /// The sources that are known to have signed it, each with the key that did.
    pub(super) fn signers(&self) -> impl Iterator<Item = (&IssuerSource, &Thumbprint)> {
        self.hearing.sources.iter().filter_map(|(source, word)| match word {
            Word::Signed(key) => Some((source, key)),
            _ => None,
        })
    }

    /// The rows of the sources that signed it, and behind them of those that may have.
    pub(super) fn possible(&self) -> Vec<i64> {
        let is_open = |(_, word): &&(IssuerSource, Word)| match word {
            Word::Awaited | Word::Missing(_) => true,
            Word::Refused(error) => is_unsure(error),
            Word::Signed(_) => false,
        };
        let open = self.hearing.sources.iter().filter(is_open).map(|(source, _)| source);
        self.signers().map(|(source, _)| source).chain(open).map(|source| source.id).collect()
    }

    /// Whether a source is known to have signed it.
    pub(super) fn knows_signed(&self, source: i64) -> bool {
        self.signers().any(|(signer, _)| signer.id == source)
    }

    /// Whether a source signed it, whose word is waited for.
    ///
    /// # Errors
    /// `Unavailable` where it does not answer, or was read before the token was made and may have its key by now.
    pub(super) async fn is_signed_by(&mut self, source: i64) -> Result<bool> {
        loop {
            let word = self.hearing.sources.iter().find(|(asked, _)| asked.id == source);
            match word.map(|(_, word)| word) {
                Some(Word::Signed(_)) => return Ok(true),
                Some(Word::Refused(error)) if is_unsure(error) => {
                    let words = "the keys of the issuer were read before the token was made, try again later";
                    return Err(like(error, words));
                }
                Some(Word::Refused(_)) | None => return Ok(false),
                Some(Word::Missing(error)) => return Err(like(error, error.message())),
                Some(Word::Awaited) => {}
            }
            if !self.hearing.listen(self.hearing.until).await {
                return Err(too_slow());
            }
        }
    }
}

fn is_unsure(refusal: &Error) -> bool {
    matches!(refusal.detail(), Some(Detail::Wait(_)))
}

/// What keeps a source from being heard, for whoever is to come again.
fn like(error: &Error, words: &str) -> Error {
    let missing = Error::new(Kind::Unavailable, words);
    match error.detail() {
        Some(detail) => missing.with(detail.clone()),
        None => missing,
    }
}

fn too_slow() -> Error {
    Error::new(Kind::Unavailable, "the issuer is too slow to answer, try again later")
}

#[cfg(test)]
mod tests;
