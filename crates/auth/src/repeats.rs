//! Requests that may be sent again: with the same key, the same caller gets the same answer for a day.
//!
//! What was answered is kept sealed, for it may hold a token that is shown once. A node that dies between doing and
//! keeping leaves a request without an answer; after a minute its key is free, and whoever asks again is told what is
//! there. What was asked is kept as a mark: a plain hash of a body that holds a password would let who reads the database
//! guess that as fast as he can hash.

use wharf_core::{Error, Kind, Result, SelfGrant};

use crate::{
    Auth,
    port::{Known, Repeat, RepeatTimes},
};

/// How long an answer is kept, in seconds.
const KEPT: i64 = 24 * 3600;
/// How long a request may take, in seconds.
const PATIENCE: i64 = 60;
/// The longest key of a request that may be sent again, in bytes.
pub const LONGEST_REPEAT_KEY: usize = 255;
/// What answers are sealed for, and requests marked.
const PURPOSE: &str = "repeat";

/// How a request that may be sent again begins.
pub enum Begun {
    /// For the first time: it is to be answered, and the answer given to [`Auth::end_repeat`].
    First(Repeat),
    /// Once more: this was answered.
    Again(Vec<u8>),
}

impl Auth {
    /// Begins a request with a key. `asked` is all that it asks for.
    ///
    /// # Errors
    /// `Invalid` for a key that is empty, too long or not of visible letters; `Conflict` where it stands for another
    /// request, or for one that is being answered.
    pub async fn begin_repeat(&self, grant: &SelfGrant, key: &str, asked: &[&[u8]]) -> Result<Begun> {
        if key.is_empty()
            || key.len() > LONGEST_REPEAT_KEY
            || !key.bytes().all(|byte| byte.is_ascii_graphic())
        {
            let words = format!("an idempotency key has 1 to {LONGEST_REPEAT_KEY} visible letters");
            return Err(Error::new(Kind::Invalid, words));
        }
        let now = self.0.clock.now();
        let (account, fingerprint) = (grant.account(), self.0.ring.sealer().mark(PURPOSE, asked));
        let repeat = Repeat { account, key: key.to_owned(), fingerprint };
        let times =
            RepeatTimes { now, forgotten: now.plus_seconds(-KEPT), abandoned: now.plus_seconds(-PATIENCE) };
        match self.0.repeats.begin_repeat(repeat.clone(), times).await? {
            Known::Nothing => Ok(Begun::First(repeat)),
            Known::Answered(sealed) => {
                let opened = self.0.ring.sealer().open(PURPOSE, &sealed);
                let opened = opened.ok_or_else(|| Error::internal("a kept answer does not open"))?;
                Ok(Begun::Again(opened.expose().clone()))
            }
            Known::Running => Err(Error::new(Kind::Conflict, "a request with this key is being answered")),
            Known::Other => Err(Error::new(Kind::Conflict, "this key was sent with another request")),
        }
    }

    /// Keeps the answer to a request; none where it was refused, so that it may be put right.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn end_repeat(&self, repeat: Repeat, answer: Option<&[u8]>) -> Result<()> {
        let seal = |plain| self.0.ring.sealer().seal(self.0.entropy.as_ref(), PURPOSE, plain);
        self.0.repeats.end_repeat(repeat, answer.map(seal).transpose()?).await
    }

    pub(crate) async fn forget_repeats(&self) -> Result<()> {
        self.0.repeats.forget_repeats(self.0.clock.now().plus_seconds(-KEPT)).await
    }
}
