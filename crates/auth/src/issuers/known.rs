//! What is known of issuers: read when it is first needed, again when it is an hour old or a token names a key that is not
//! there, and asked for at most once a minute, whoever asks and whatever comes of it. While an issuer is away, what was
//! read counts for a day.
//!
//! Whoever has issuers asked has a bound of his own, and one that was asked within the minute stays for as long: so nobody has
//! Wharf ask more often, or forget what others need, by naming new ones.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Mutex as Turn;
use wharf_core::{Detail, Error, Kind, Result, Timestamp};

use super::{
    Asker, Documents, Issuer, Metadata, Wanted,
    jwt::Unverified,
    key_set::{self, KeySet},
    metadata, refused,
};

/// How many issuers are known at most; with one more, those go that were used longest ago, all of one asker.
const MOST: usize = 2000;
/// How many of one asker. An organisation believes half as many, and may name others in their place.
const MOST_OF_ONE: usize = 40;
/// For how long nobody asks again, in seconds.
const FRESH: i64 = 3600;
/// For how long it counts while the issuer is away, in seconds.
const STALE: i64 = 24 * 3600;
/// How long lies between two asks, in seconds.
const PAUSE: i64 = 60;

#[derive(Default)]
pub(super) struct Known(Mutex<HashMap<Asker, IssuersOfOne>>);

/// What is known on behalf of one asker.
#[derive(Default)]
struct IssuersOfOne {
    entries: HashMap<Issuer, Arc<Entry>>,
    used: Timestamp,
}

impl Known {
    /// What is known of an issuer, perhaps nothing yet. It is kept for the first of those who have it asked that has room: so
    /// none of them can keep it from the others.
    ///
    /// # Errors
    /// `Unavailable` where each of them has had too many others asked within the minute.
    pub(super) fn entry(&self, askers: &[Asker], issuer: &Issuer, now: Timestamp) -> Result<Arc<Entry>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for asker in askers {
            if let Some(issuers) = known.get_mut(asker)
                && let Some(entry) = issuers.entries.get(issuer)
            {
                issuers.used = now;
                return Ok(entry.clone());
            }
        }
        for asker in askers {
            let issuers = known.entry(*asker).or_default();
            issuers.used = now;
            if issuers.make_room(now) {
                let entry = Arc::new(Entry::of(issuer.clone()));
                issuers.entries.insert(issuer.clone(), entry.clone());
                make_room(&mut known, *asker);
                return Ok(entry);
            }
        }
        let words = "too many other issuers were asked within the minute, try again later";
        Err(Error::new(Kind::Unavailable, words))
    }
}

impl IssuersOfOne {
    /// Forgets the issuer that was asked longest ago, where there are too many; whether there is room.
    fn make_room(&mut self, now: Timestamp) -> bool {
        if self.entries.len() < MOST_OF_ONE {
            return true;
        }
        let states = self.entries.iter().map(|(issuer, entry)| (issuer, entry.state()));
        let rested = states.filter(|(_, state)| state.may_ask(now));
        let oldest = rested.min_by_key(|(_, state)| state.asked).map(|(issuer, _)| issuer.clone());
        oldest.is_some_and(|oldest| self.entries.remove(&oldest).is_some())
    }
}

/// Forgets what is known on behalf of whoever used it longest ago, where there is too much; never of this one.
fn make_room(known: &mut HashMap<Asker, IssuersOfOne>, but: Asker) {
    let count: usize = known.values().map(|issuers| issuers.entries.len()).sum();
    let others = known.iter().filter(|(asker, _)| **asker != but);
    let idlest = others.min_by_key(|(_, issuers)| issuers.used).map(|(asker, _)| *asker);
    if let Some(idlest) = idlest.filter(|_| count > MOST) {
        known.remove(&idlest);
    }
}

/// One issuer.
pub(super) struct Entry {
    issuer: Issuer,
    state: Mutex<State>,
    /// Who asks the issuer; the others wait for what comes of it.
    turn: Turn<()>,
}

/// What was read of it, and when it was last asked.
#[derive(Clone, Default)]
struct State {
    read: Option<Arc<Read>>,
    asked: Option<Timestamp>,
}

struct Read {
    /// None where it was told where the keys are, and its own document was not asked for.
    metadata: Option<Metadata>,
    keys: Arc<KeySet>,
    /// When the issuer was asked.
    at: Timestamp,
}

impl State {
    fn within(&self, age: i64, now: Timestamp) -> Option<&Arc<Read>> {
        self.read.as_ref().filter(|read| read.at.plus_seconds(age) > now)
    }

    fn may_ask(&self, now: Timestamp) -> bool {
        self.asked.is_none_or(|asked| asked.plus_seconds(PAUSE) <= now)
    }

    /// In how many seconds somebody may ask again.
    fn pause(&self, now: Timestamp) -> u64 {
        let passed = self.asked.map_or(PAUSE, |asked| now.seconds().saturating_sub(asked.seconds()));
        PAUSE.saturating_sub(passed).max(1).unsigned_abs()
    }
}

impl Entry {
    fn of(issuer: Issuer) -> Self {
        Self { issuer, state: Mutex::default(), turn: Turn::default() }
    }

    /// The keys, among which is the one that a token names.
    ///
    /// # Errors
    /// `Unauthenticated` where the issuer does not have it, with `Detail::Wait` where that was read before the token was
    /// made; `Unavailable`.
    pub(super) async fn keys(
        &self,
        documents: &dyn Documents,
        token: &Unverified<'_>,
        now: Timestamp,
    ) -> Result<Arc<KeySet>> {
        let id = token.key_id();
        let read = self.read(documents, now, |read| read.keys.meant_by(id).next().is_some()).await?;
        if read.keys.meant_by(id).next().is_some() {
            return Ok(read.keys.clone());
        }
        let refusal = refused("the issuer has no such key");
        // An issuer publishes a key before it signs with it, and not always long before.
        let is_outdated = read.at < now && token.issued().is_none_or(|issued| issued >= read.at.seconds());
        Err(if is_outdated { refusal.with(Detail::Wait(self.state().pause(now))) } else { refusal })
    }

    /// What the issuer's document says, unless it was told where the keys are and the document does not count.
    pub(super) async fn metadata(&self, documents: &dyn Documents, now: Timestamp) -> Result<Metadata> {
        let read = self.read(documents, now, |read| read.metadata.is_some()).await?;
        read.metadata.clone().ok_or_else(away)
    }

    /// What is known, fresh and with what is looked for in it, or as much as can be had.
    async fn read(
        &self,
        documents: &dyn Documents,
        now: Timestamp,
        has_it: impl Fn(&Read) -> bool + Send,
    ) -> Result<Arc<Read>> {
        if let Some(read) = self.state().within(FRESH, now).filter(|read| has_it(read)) {
            return Ok(read.clone());
        }
        let _turn = self.turn.lock().await;
        let state = self.state();
        // Somebody else may have asked meanwhile.
        if let Some(read) = state.within(FRESH, now).filter(|read| has_it(read) || !state.may_ask(now)) {
            return Ok(read.clone());
        }
        if state.may_ask(now) {
            self.change(|state| state.asked = Some(now));
            match self.ask(documents, now).await {
                Ok(read) => {
                    let read = Arc::new(read);
                    self.change(|state| state.read = Some(read.clone()));
                    return Ok(read);
                }
                Err(error) => {
                    let issuer = self.issuer.url.as_str();
                    tracing::warn!(issuer, error = error.message(), "the keys of an issuer cannot be read");
                }
            }
        }
        state.within(STALE, now).cloned().ok_or_else(away)
    }

    async fn ask(&self, documents: &dyn Documents, now: Timestamp) -> Result<Read> {
        let (metadata, keys_url) = match &self.issuer.keys_url {
            Some(keys) => (None, keys.clone()),
            None => {
                let metadata = self.read_metadata(documents).await?;
                (Some(metadata.clone()), metadata.keys_url)
            }
        };
        let keys = documents.fetch(self.wanted(keys_url.as_str()), key_set::LARGEST).await?;
        Ok(Read { metadata, keys: Arc::new(KeySet::parse(&keys)?), at: now })
    }

    async fn read_metadata(&self, documents: &dyn Documents) -> Result<Metadata> {
        let document = documents.fetch(self.wanted(&self.issuer.url.document()), metadata::LARGEST).await?;
        Metadata::parse(&self.issuer.url, &document)
    }

    fn wanted(&self, url: &str) -> Wanted {
        Wanted { url: url.to_owned(), authorities: self.issuer.authorities.clone() }
    }

    fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn away() -> Error {
    Error::new(Kind::Unavailable, "the issuer's keys cannot be had now, try again later")
}
