//! Collection while serving: memberships that nothing needs any more, blobs that are members of nothing, their bytes.
//!
//! Whatever may leave a membership without use (a finished upload, a mount, a deleted manifest) asks for a review of
//! it, so the work follows the change and not the size of the store. A review comes no sooner than after a delay,
//! and ends the membership only if nobody named the blob since (its epoch stands) and no manifest of the repository
//! needs it. With the last membership goes the blob's row, and its object after a second grace. The collector has a
//! time of its own, which moves only while a server runs: no jump of a clock makes anything due.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use wharf_core::{Digest, Error, Kind, Result, Timestamp};

use crate::{
    Registry, Settings,
    port::{ReviewRow, ReviewsOf, Transaction, Work},
};

/// How many reviews are listed at a time.
const STEP: u32 = 100;
/// How many of them go on at once: enough for a store that flushes several commits together, and few enough to leave
/// connections to requests.
const AT_ONCE: usize = 16;
/// HEAD no longer shows an unneeded blob in the last part of its delay: of 24 hours the last two.
const LEAVING: i64 = 12;

/// What would end more than one in so many memberships is more likely a mistake than waste.
pub(crate) const MODEST: u64 = 10;

/// Which reviews a run looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Horizon {
    /// Those that are due.
    Due,
    /// All, without waiting for their delay.
    All,
}

/// How much a run may take away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// At most a tenth of all memberships after deletions: more is more likely a mistake than waste.
    Tenth,
    /// Everything that nothing needs.
    Everything,
}

/// What a run took away, or would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Memberships of blobs in repositories.
    pub memberships: u64,
    /// Blobs that were members of nothing any more; a run that only looks counts none.
    pub blobs: u64,
    /// Size of the blobs of those memberships, in bytes; each membership counts.
    pub bytes: u64,
}

/// What a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Counting what it would take away.
    Counting,
    /// Taking it away.
    Collecting,
}

/// Who watches a run.
pub trait CollectionWatch: Send {
    /// So many reviews were looked at in this stage, after each page of them.
    ///
    /// # Errors
    /// The watcher's own, which ends the run; what was done by then stays done.
    fn reviewed(&mut self, stage: Stage, reviews: u64) -> Result<()>;
}

/// Nobody watches.
pub struct Unwatched;

impl CollectionWatch for Unwatched {
    fn reviewed(&mut self, _: Stage, _: u64) -> Result<()> {
        Ok(())
    }
}

impl Registry {
    /// Moves the collector's time on by what passed since the last round, by a clock that does not jump.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn advance_collection(&self, passed: Duration) -> Result<()> {
        let microseconds = i64::try_from(passed.as_micros()).unwrap_or(i64::MAX);
        self.store().commit(Advance { microseconds, now: self.now() }).await
    }

    /// What a run would take away.
    ///
    /// # Errors
    /// `Unavailable`; the watcher's.
    pub async fn collectable(&self, horizon: Horizon, watch: &mut dyn CollectionWatch) -> Result<Collected> {
        self.unneeded(horizon, |_| true, watch).await
    }

    /// Whether any repository holds a blob.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn holds_blobs(&self) -> Result<bool> {
        Ok(self.store().view(CountMemberships { most: 1 }).await? > 0)
    }

    /// The memberships under review that nothing needs, as far as they are counted.
    async fn unneeded(
        &self,
        horizon: Horizon,
        counts: fn(&ReviewRow) -> bool,
        watch: &mut dyn CollectionWatch,
    ) -> Result<Collected> {
        let (mut found, mut seen) = (Collected::default(), 0);
        let mut last = None;
        loop {
            let reviews = self.store().view(ListReviews(self.wanted(horizon, last))).await?;
            let Some(end) = reviews.last() else { return Ok(found) };
            last = Some((end.due_at, end.id));
            for review in reviews.iter().filter(|review| !review.needed && counts(review)) {
                found.memberships += 1;
                found.bytes += review.blob.size;
            }
            seen += reviews.len() as u64;
            watch.reviewed(Stage::Counting, seen)?;
        }
    }

    /// Ends what nothing needs any more. Running it twice at once, here or on another node, does no harm.
    ///
    /// # Errors
    /// `Conflict` when it would take more than it may; `Unavailable`; the watcher's. What was done by then stays done.
    pub async fn collect(
        &self,
        horizon: Horizon,
        share: Share,
        watch: &mut dyn CollectionWatch,
    ) -> Result<Collected> {
        if share == Share::Tenth {
            self.expect_modest(horizon, watch).await?;
        }
        let (mut collected, mut seen) = (Collected::default(), 0);
        let mut last = None;
        loop {
            let reviews = self.store().view(ListReviews(self.wanted(horizon, last))).await?;
            let Some(end) = reviews.last() else { return Ok(collected) };
            last = Some((end.due_at, end.id));
            seen += reviews.len() as u64;
            let step = self.review_all(reviews).await?;
            self.meters().memberships_collected.add(step.memberships);
            self.meters().blobs_collected.add(step.blobs);
            self.meters().objects_condemned.add(step.blobs);
            collected.memberships += step.memberships;
            collected.blobs += step.blobs;
            collected.bytes += step.bytes;
            watch.reviewed(Stage::Collecting, seen)?;
        }
    }

    /// Each review is a transaction of its own: one that held several memberships and a push that names them in another
    /// order would wait for one another.
    async fn review_all(&self, reviews: Vec<ReviewRow>) -> Result<Collected> {
        let Settings { collection_delay: delay, object_grace: grace, .. } = *self.settings();
        let one = |review| self.store().commit(Review { review, delay, grace });
        let add = |sum: Collected, one: Collected| async move {
            Ok(Collected {
                memberships: sum.memberships + one.memberships,
                blobs: sum.blobs + one.blobs,
                bytes: sum.bytes + one.bytes,
            })
        };
        stream::iter(reviews).map(one).buffer_unordered(AT_ONCE).try_fold(Collected::default(), add).await
    }

    /// A mistake upstream, such as a script that deletes every manifest, must not cost the bytes as well. What was
    /// uploaded and never named does not count: else any writer could stop the collector with it.
    async fn expect_modest(&self, horizon: Horizon, watch: &mut dyn CollectionWatch) -> Result<()> {
        let wanted = self.unneeded(horizon, |review| review.after_deletion, watch).await?.memberships;
        if wanted <= self.settings().collection_unguarded {
            return Ok(());
        }
        let all = self.store().view(CountMemberships::to_weigh(wanted)).await?;
        if wanted <= all / MODEST {
            return Ok(());
        }
        let message = format!(
            "deleted manifests named {wanted} of {all} memberships, more than a tenth: if what was deleted is right, force \
             the collection"
        );
        Err(Error::new(Kind::Conflict, message))
    }

    fn wanted(&self, horizon: Horizon, last: Option<(Timestamp, i64)>) -> ReviewsOf {
        let within = match horizon {
            Horizon::Due => 0,
            Horizon::All => self.settings().collection_delay,
        };
        ReviewsOf { within, last, most: STEP }
    }

    /// From how many seconds before its review on a blob that nothing needs is not shown as being there: who is told
    /// that it is must have the time to name it.
    pub(crate) fn leaving(&self) -> i64 {
        self.settings().collection_delay / LEAVING
    }
}

struct Advance {
    microseconds: i64,
    now: Timestamp,
}

#[async_trait]
impl Transaction for Advance {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        work.advance(self.microseconds, self.now).await
    }
}

struct ListReviews(ReviewsOf);

#[async_trait]
impl Transaction for ListReviews {
    type Output = Vec<ReviewRow>;

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<ReviewRow>> {
        work.reviews(self.0).await
    }
}

/// Counts the memberships no further than anybody asks: a large store has very many.
pub(crate) struct CountMemberships {
    most: u64,
}

impl CountMemberships {
    /// As far as is needed to know whether so many are more than one in [`MODEST`]; where they are, the count is whole.
    pub(crate) fn to_weigh(wanted: u64) -> Self {
        Self { most: wanted.saturating_mul(MODEST) }
    }
}

#[async_trait]
impl Transaction for CountMemberships {
    type Output = u64;

    async fn run(&self, work: &mut dyn Work) -> Result<u64> {
        work.count_memberships(self.most).await
    }
}

/// Looks at a membership, by what its rows say now and not by what the list said.
struct Review {
    review: ReviewRow,
    delay: i64,
    grace: i64,
}

#[async_trait]
impl Transaction for Review {
    type Output = Collected;

    async fn run(&self, work: &mut dyn Work) -> Result<Collected> {
        let (review, mut collected) = (&self.review, Collected::default());
        let (repository, digest) = (review.repository, &review.blob.digest);
        // The blob before its review, as whoever names it does: so nobody waits for one another.
        work.lock_blob(digest).await?;
        if !work.take_review(review).await? {
            return Ok(collected);
        }
        if work.end_membership(repository, digest, review.epoch).await? {
            collected.memberships = 1;
            collected.bytes = review.blob.size;
            collected.blobs = u64::from(release(work, digest, self.grace).await?);
        } else if !work.is_needed(repository, digest).await? {
            // Somebody named it meanwhile, as the source of a mount: it has its whole delay again.
            work.ask_review(repository, digest, self.delay).await?;
        }
        Ok(collected)
    }
}

/// Lets a blob go that is a member of nothing any more: its row now, its object after the grace. Says whether it went.
pub(crate) async fn release(work: &mut dyn Work, digest: &Digest, grace: i64) -> Result<bool> {
    match work.remove_orphan(digest).await? {
        Some(blob) => work.condemn(blob.key, grace).await.map(|()| true),
        None => Ok(false),
    }
}
