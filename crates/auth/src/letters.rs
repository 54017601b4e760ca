//! Letters to users: links that reach only who has the mailbox.
//!
//! A letter is a row, written with what it carries in one transaction and sealed, for it holds a link; a job brings it,
//! tries again for a day where the server does not take it, and forgets it then. One whose acknowledgement was lost may be
//! brought twice. One recipient gets few within an hour, whoever asks for them, and who lost his password does not wait for
//! others. Its links begin with the configured public URL, never with what a request calls this server: else a
//! stranger could have us send links to a server of his.

use serde::{Deserialize, Serialize};
use wharf_core::{EmailAddress, Error, Kind, Result, Secret, Vault as _, audit::AuditRecord};

use crate::{
    Auth,
    port::{Carried, Letter, LetterRow, SealedLetter},
};

/// What letters are sealed for, and recipients marked.
const PURPOSE: &str = "letter";
/// Nobody else takes a letter for so long, in seconds.
const TURN: i64 = 300;
/// A letter is tried again for so long, in seconds.
const PATIENCE: i64 = 24 * 3600;
/// The first and the longest pause before it is tried again, in seconds.
const PAUSES: (i64, i64) = (1, 3600);

/// A letter as it is sealed.
#[derive(Serialize, Deserialize)]
struct Written {
    to: String,
    subject: String,
    text: String,
}

impl Auth {
    /// Whether letters are sent at all.
    pub fn sends_letters(&self) -> bool {
        self.0.postman.is_some() && self.0.settings.public_url.is_some()
    }

    /// Refuses what takes a letter where none is sent.
    ///
    /// # Errors
    /// `Denied`.
    pub(crate) fn expect_letters(&self) -> Result<()> {
        let message = "no mail is sent here: ask the operator for a one-time link";
        if self.sends_letters() { Ok(()) } else { Err(Error::new(Kind::Denied, message)) }
    }

    /// The address of a page of ours that takes a link's text, and of the endpoint behind it.
    pub(crate) fn page(&self, page: &str, text: &Secret<String>) -> String {
        let base = self.0.settings.public_url.as_deref().unwrap_or_default();
        format!("{base}/-/{page}/{}", text.expose())
    }

    /// Writes a letter, to be brought with what it carries; none where its recipient had many lately. The answer does not tell:
    /// whoever asks need not be the recipient.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn post(
        &self,
        (to, subject, text): (&EmailAddress, &str, String),
        carried: Carried,
        record: AuditRecord,
    ) -> Result<()> {
        let written = Written { to: to.to_string(), subject: subject.to_owned(), text };
        let written = serde_json::to_vec(&written).map_err(Error::internal)?;
        let recipient = self.0.ring.sealer().mark(PURPOSE, &[to.key().as_bytes()]);
        let letter = SealedLetter { recipient, sealed: self.seal(PURPOSE, &written)? };
        let request_id = record.actor.request_id().to_owned();
        if !self.0.letters.post(letter, carried, record).await? {
            tracing::info!(request_id, "a letter was not written, its recipient had many");
        }
        Ok(())
    }

    /// Brings the letters that are due; says how many were taken. The address stands in no log.
    ///
    /// # Errors
    /// `Unavailable` where the store does not answer.
    pub async fn bring_letters(&self) -> Result<u64> {
        let Some(postman) = &self.0.postman else { return Ok(0) };
        let (now, mut brought) = (self.0.clock.now(), 0);
        for row in self.0.letters.take_due_letters(now, now.plus_seconds(TURN)).await? {
            let outcome = match self.opened(&row) {
                Ok(letter) => postman.bring(&letter).await,
                Err(error) => Err(error),
            };
            let due_at = match outcome {
                Ok(()) => {
                    brought += 1;
                    None
                }
                Err(error) => {
                    let due_at = self.next_try(&row, &error);
                    tracing::warn!(
                        letter = row.id,
                        is_given_up = due_at.is_none(),
                        ?error,
                        "a letter was not taken"
                    );
                    due_at
                }
            };
            self.0.letters.settle_letter(row.id, due_at).await?;
        }
        Ok(brought)
    }

    fn opened(&self, row: &LetterRow) -> Result<Letter> {
        let sealed = self.open(PURPOSE, &row.sealed);
        let written = sealed.ok_or_else(|| Error::new(Kind::Invalid, "a letter does not open"))?;
        let written: Written = serde_json::from_slice(written.expose()).map_err(Error::internal)?;
        Ok(Letter { to: written.to.parse()?, subject: written.subject, text: Secret::new(written.text) })
    }

    /// When a letter is tried again; never where it is refused for good, or was tried for a day.
    fn next_try(&self, row: &LetterRow, error: &Error) -> Option<wharf_core::Timestamp> {
        let (first, longest) = PAUSES;
        let doubled = first.checked_shl(row.attempts.saturating_sub(1)).unwrap_or(longest);
        let due_at = self.0.clock.now().plus_seconds(doubled.clamp(first, longest));
        let is_hopeless = error.kind() == Kind::Invalid || due_at > row.created_at.plus_seconds(PATIENCE);
        (!is_hopeless).then_some(due_at)
    }
}
