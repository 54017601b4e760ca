//! The scrub: while serving, every blob is read and hashed again within a time, a little all the while.
//!
//! Digests are spread evenly, so a blob's place in their order says when in a round its turn is: each is looked at once in
//! every round and always after the same time, whatever is pushed and deleted meanwhile. One node does it at a time. How
//! far it is stands in a row, so that the next start or another node goes on there.

use std::time::Duration;

use async_trait::async_trait;
use wharf_core::{Algorithm, Digest, Result, Timestamp};

use crate::{
    Finding, Inspector, Registry,
    collection::MODEST,
    port::{BlobRow, LeaseClaim, ScrubRow, Transaction, Work},
    verify::Stored,
};

/// What its node holds.
const LEASE: &str = "scrub";
/// A lease is prolonged so many times while it lasts.
const PROLONGED: u64 = 3;
/// A round takes so many tenths of the time within which everything is to be read. The rest is for what comes late.
const TENTHS: u32 = 9;
/// A blob is read so many times as fast as all of them together would need, for they do not come evenly.
const HASTE: u64 = 2;
/// A blob is read no slower than this, so that none is open for long, in bytes in a second.
const SLOWEST: u64 = 1 << 20;
/// And no faster, whatever is late: clients come first.
const FASTEST: u64 = 50 << 20;
/// So many blobs of a round may be set aside even if they are more than a tenth of it.
const UNGUARDED: u64 = 10;

/// What the scrub is to do now.
pub enum ScrubTurn {
    /// Nothing for so long: no blob's turn has come, or another node scrubs.
    Rest(Duration),
    /// This blob.
    Blob(Box<Scrub>),
}

/// A blob whose turn it is.
pub struct Scrub {
    blob: BlobRow,
    round: ScrubRow,
    /// How many bytes of it to read in a second.
    pub rate: u64,
}

impl Scrub {
    /// The blob.
    pub const fn digest(&self) -> &Digest {
        &self.blob.digest
    }

    /// The round, with this blob looked at.
    fn passed(&self) -> ScrubRow {
        let blobs = self.round.blobs + 1;
        ScrubRow { last: Some(self.blob.digest), blobs, ..self.round.clone() }
    }
}

impl Registry {
    /// What is to be done next, for every blob to be read once within this time.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn next_scrub(&self, within: Duration) -> Result<ScrubTurn> {
        let Sight { round, next } = self.store().view(LookOn).await?;
        let ended_at = round.as_ref().and_then(|round| round.ended_at);
        self.meters().scrub.last_round.set(ended_at.map_or(0, Timestamp::seconds));
        if !self.keep_scrub().await? {
            return Ok(ScrubTurn::Rest(self.scrub_rest()));
        }
        let (now, length) = (self.now(), within / 10 * TENTHS);
        // A round of the future was begun before the clock was set back.
        let Some(round) = round.filter(|round| round.began_at <= now) else {
            return self.begin_round(now, ended_at).await;
        };
        let turn = next.as_ref().map_or(length, |blob| moment(&blob.digest, length));
        let passed = since(round.began_at, now);
        if let Some(early) = turn.checked_sub(passed).filter(|early| !early.is_zero()) {
            return Ok(ScrubTurn::Rest(early.min(self.scrub_rest())));
        }
        match next {
            Some(blob) => {
                let rate = rate(&round, length, passed.saturating_sub(turn));
                Ok(ScrubTurn::Blob(Box::new(Scrub { blob, round, rate })))
            }
            // One that came late makes up for it in the next, unless nothing ran for very long.
            None if passed < length * 2 => self.begin_round(plus(round.began_at, length), Some(now)).await,
            None => self.begin_round(now, Some(now)).await,
        }
    }

    /// Reads a blob. Wrong bytes are set aside, so that it answers as missing and its next push heals it. What answers as
    /// missing already stays as it is: where a whole store is away, its bytes may come back.
    ///
    /// # Errors
    /// `Unavailable`: then it is still its turn. The inspector's.
    pub async fn scrub(&self, scrub: &Scrub, inspector: &mut dyn Inspector) -> Result<()> {
        let (blob, mut round) = (&scrub.blob, scrub.passed());
        let stored = self.hash_blob(blob, inspector).await?;
        if stored != Stored::Nothing {
            self.meters().scrub.bytes.add(blob.size);
        }
        if stored != Stored::Right && self.is_still_at(blob).await? {
            // What is gone was so before, or was set aside in an earlier round.
            round.damaged += u64::from(stored == Stored::Wrong);
            self.meters().scrub.damaged.increment();
            let tags = self.affected(&blob.digest).await?;
            if stored == Stored::Wrong && is_modest(&round) {
                self.set_aside(blob).await?;
            } else if stored == Stored::Wrong {
                tracing::error!(
                    digest = %blob.digest,
                    blobs = round.blobs,
                    damaged = round.damaged,
                    "too much is damaged, so its bytes are not set aside"
                );
            }
            inspector.found(Finding::Damaged { digest: blob.digest, tags }).await?;
        }
        self.keep_round(round).await.map(drop)
    }

    /// Leaves a blob to the next round that could not be read.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn pass_over(&self, scrub: &Scrub) -> Result<()> {
        self.meters().scrub.unread.increment();
        self.keep_round(scrub.passed()).await.map(drop)
    }

    /// Prolongs what says that this node scrubs; false where another one does by now.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn keep_scrub(&self) -> Result<bool> {
        self.take_lease(LEASE).await
    }

    /// How often [`Registry::keep_scrub`] is to be called, and how long the scrub rests at most.
    pub fn scrub_rest(&self) -> Duration {
        let lease = u64::try_from(self.settings().lease).unwrap_or_default();
        Duration::from_secs((lease / PROLONGED).max(1))
    }

    async fn begin_round(&self, began_at: Timestamp, ended_at: Option<Timestamp>) -> Result<ScrubTurn> {
        let planned_bytes = self.bytes_after(None).await?;
        let round = ScrubRow { began_at, planned_bytes, last: None, blobs: 0, damaged: 0, ended_at };
        let is_ours = self.keep_round(round).await?;
        Ok(ScrubTurn::Rest(if is_ours { Duration::ZERO } else { self.scrub_rest() }))
    }

    async fn keep_round(&self, round: ScrubRow) -> Result<bool> {
        let now = self.now();
        let until = now.plus_seconds(self.settings().lease);
        let claim = LeaseClaim { name: LEASE.into(), holder: self.settings().node.clone(), until };
        self.store().commit(KeepRound { round, claim, now }).await
    }
}

/// When in a round a blob's turn is. The order is that of the rows: by algorithm, then by value. Hardly anything has a
/// SHA-512, so it gets an eighth of the time.
fn moment(digest: &Digest, round: Duration) -> Duration {
    let mut first = [0; 4];
    first.iter_mut().zip(digest.as_bytes()).for_each(|(to, from)| *to = *from);
    let place = u64::from(u32::from_be_bytes(first));
    let eighths = match digest.algorithm() {
        Algorithm::Sha256 => place * 7,
        Algorithm::Sha512 => (7 << 32) + place,
    };
    let microseconds = (round.as_micros() * u128::from(eighths)) >> 35;
    Duration::from_micros(u64::try_from(microseconds).unwrap_or(u64::MAX))
}

fn since(then: Timestamp, now: Timestamp) -> Duration {
    let microseconds = now.microseconds().saturating_sub(then.microseconds());
    Duration::from_micros(u64::try_from(microseconds).unwrap_or_default())
}

fn plus(then: Timestamp, time: Duration) -> Timestamp {
    let microseconds = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_microseconds(then.microseconds().saturating_add(microseconds))
}

/// How many bytes of a blob to read in a second.
fn rate(round: &ScrubRow, length: Duration, late: Duration) -> u64 {
    if late > length / 10 {
        return FASTEST;
    }
    let needed = round.planned_bytes / length.as_secs().max(1);
    needed.saturating_mul(HASTE).clamp(SLOWEST, FASTEST)
}

/// A mistake of the machine or of ours must not take everything off the shelf.
const fn is_modest(round: &ScrubRow) -> bool {
    round.damaged <= UNGUARDED || round.damaged <= round.blobs / MODEST
}

/// How far the scrub is, and what comes next.
struct Sight {
    round: Option<ScrubRow>,
    next: Option<BlobRow>,
}

struct LookOn;

#[async_trait]
impl Transaction for LookOn {
    type Output = Sight;

    async fn run(&self, work: &mut dyn Work) -> Result<Sight> {
        let round = work.scrub().await?;
        let last = round.as_ref().and_then(|round| round.last);
        let next = work.blobs_after(last.as_ref(), 1).await?.pop().map(|inspected| inspected.blob);
        Ok(Sight { round, next })
    }
}

/// Keeps how far a round is; false where another node scrubs by now, which knows better.
struct KeepRound {
    round: ScrubRow,
    claim: LeaseClaim,
    now: Timestamp,
}

#[async_trait]
impl Transaction for KeepRound {
    type Output = bool;

    async fn run(&self, work: &mut dyn Work) -> Result<bool> {
        let is_ours = work.take_lease(&self.claim, self.now).await?;
        if is_ours {
            work.set_scrub(&self.round).await?;
        }
        Ok(is_ours)
    }
}

#[cfg(test)]
mod tests {
    use wharf_hash::digest;

    use super::*;

    const ROUND: Duration = Duration::from_secs(27 * 24 * 3600);

    fn round_of(planned_bytes: u64) -> ScrubRow {
        let began_at = Timestamp::default();
        ScrubRow { began_at, planned_bytes, last: None, blobs: 0, damaged: 0, ended_at: None }
    }

    #[test]
    fn turns_come_in_the_order_of_the_rows_and_within_the_round() {
        let all = (0..200_u32).flat_map(|number| {
            [Algorithm::Sha256, Algorithm::Sha512].map(|algorithm| digest(algorithm, &number.to_le_bytes()))
        });
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(Digest::to_row);
        let moments: Vec<_> = all.iter().map(|digest| moment(digest, ROUND)).collect();

        assert!(moments.is_sorted() && moments.last().is_some_and(|last| *last < ROUND), "{moments:?}");
        let early = moments.iter().filter(|moment| **moment < ROUND / 2).count();
        assert!((90..140).contains(&early), "4 of 7 SHA-256 are due in the first half, not {early}");
    }

    #[test]
    fn the_rate_follows_from_what_there_is_and_has_a_floor_and_a_ceiling() {
        let second = ROUND.as_secs();
        for (planned, expected) in
            [(0, SLOWEST), ((5 * second) << 20, 10 << 20), ((1000 * second) << 20, FASTEST)]
        {
            assert_eq!(rate(&round_of(planned), ROUND, Duration::ZERO), expected);
        }
        assert_eq!(rate(&round_of(0), ROUND, ROUND / 9), FASTEST, "what is late hurries");
    }

    #[test]
    fn more_than_a_tenth_is_not_set_aside_where_it_is_many() {
        for (blobs, damaged, expected) in [(10, 10, true), (20, 11, false), (110, 11, true)] {
            assert_eq!(is_modest(&ScrubRow { blobs, damaged, ..round_of(0) }), expected);
        }
    }
}
