//! What the registry does for itself: stale uploads, collection, condemned objects, empty repositories, old history.
//!
//! The job runner calls these now and then; each works through what is due in small steps, so that nobody waits
//! for it, and what a crash leaves undone the next call does.

use std::time::Duration;

use async_trait::async_trait;
use wharf_core::{ObjectKey, Result, Timestamp};

use crate::{
    Registry, Settings,
    collection::{Collected, Horizon, Share, Unwatched},
    history::Forgotten,
    port::{EmptyRepositories, LeaseClaim, Stale, Store, Transaction, UploadRow, Work},
    upload::{End, FindUpload},
};

/// How much one step takes on.
pub(crate) const STEP: u32 = 100;

/// How far open uploads are counted.
const COUNTED: u32 = 10_000;

/// How long an object is put off that cannot be removed, in seconds.
const PUT_OFF: i64 = 3600;

/// How much older than an upload can be its leftovers must be, in seconds: clocks differ.
const A_DAY: i64 = 24 * 3600;

/// What one call cleared away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Uploads given up.
    pub uploads: u64,
    /// Objects removed.
    pub objects: u64,
    /// Repositories removed.
    pub repositories: u64,
    /// What the collector took away.
    pub collected: Collected,
    /// What was forgotten for its age.
    pub forgotten: Forgotten,
}

impl Registry {
    /// Clears away what is due, until nothing is; nothing while another node does it. Two nodes at once would do no
    /// harm, only the same work twice. `passed` is the time since the last call, by a clock that does not jump.
    ///
    /// # Errors
    /// `Unavailable`; `Conflict` where the collector would take too much; what was done by then stays done.
    pub async fn sweep(&self, passed: Duration) -> Result<Swept> {
        if !self.take_lease("sweep").await? {
            return Ok(Swept::default());
        }
        self.advance_collection(passed).await?;
        self.store().commit(ForgetLeases { before: self.now().plus_seconds(-A_DAY) }).await?;
        let open = self.store().view(CountUploads).await?;
        self.meters().uploads.open.set(i64::try_from(open).unwrap_or(i64::MAX));
        Ok(Swept {
            uploads: self.expire_uploads().await?,
            objects: self.remove_objects().await?,
            repositories: self.remove_empty_repositories().await?,
            forgotten: self.forget().await?,
            collected: self.collect(Horizon::Due, Share::Tenth, &mut Unwatched).await?,
        })
    }

    /// Removes what uploads left in the store whose rows are gone, and says of how many. An upload's row is there before
    /// anything is stored for it, and goes before its object does; so what is a day older than the oldest upload may
    /// be, and has no row, is nobody's.
    ///
    /// # Errors
    /// `Unavailable`; what was done by then stays done.
    pub async fn sweep_leftovers(&self) -> Result<u64> {
        let before = self.now().plus_seconds(-self.settings().upload_expiry - A_DAY);
        let mut cleared = 0;
        for key in self.blobs().leftovers(before).await? {
            if self.store().view(FindUpload { id: key.upload() }).await?.is_some() {
                continue;
            }
            match self.blobs().clear(key).await {
                Ok(()) => cleared += 1,
                Err(error) => tracing::warn!(object = %key, ?error, "leftovers stay, trying again later"),
            }
        }
        Ok(cleared)
    }

    /// Whether this node is the one that does something now.
    pub(crate) async fn take_lease(&self, name: &'static str) -> Result<bool> {
        let Settings { node, lease, .. } = self.settings();
        take_lease(self.store(), name, (node, *lease), self.now()).await
    }

    async fn expire_uploads(&self) -> Result<u64> {
        let mut expired = 0;
        let expiry = self.settings().upload_expiry;
        let stale = Stale { before: self.now().plus_seconds(-expiry), seconds: expiry };
        loop {
            let uploads = self.store().view(StaleUploads { stale }).await?;
            let mut step = 0;
            for row in &uploads {
                // One that is being written to here is not stale, even if the database could not be told so.
                let Some(_lock) = self.0.locks.try_lock(row.id) else { continue };
                step += u64::from(self.end_upload(row, End::Stale(stale)).await?);
            }
            expired += step;
            self.meters().uploads.expired.add(step);
            if step == 0 {
                return Ok(expired);
            }
        }
    }

    /// Removes what is due. An object that cannot be removed is put off, and holds nothing else up.
    async fn remove_objects(&self) -> Result<u64> {
        let mut removed = 0;
        loop {
            let due = self.store().view(DueObjects).await?;
            if due.is_empty() {
                return Ok(removed);
            }
            let (mut gone, mut stuck) = (Vec::new(), Vec::new());
            for key in due {
                match self.blobs().remove(key).await {
                    Ok(()) => gone.push(key),
                    Err(error) => {
                        tracing::warn!(object = %key, ?error, "object cannot be removed, trying again later");
                        stuck.push(key);
                    }
                }
            }
            removed += gone.len() as u64;
            self.meters().objects_removed.add(gone.len() as u64);
            self.meters().objects_stuck.add(stuck.len() as u64);
            self.store().commit(SettleObjects { gone, stuck }).await?;
        }
    }

    async fn remove_empty_repositories(&self) -> Result<u64> {
        let now = self.now();
        let before = now.plus_seconds(-self.settings().empty_repository_expiry);
        let mut removed = 0;
        loop {
            let step = self.store().commit(RemoveEmptyRepositories { before, now }).await?;
            removed += step.removed;
            if step.looked_at < u64::from(STEP) {
                return Ok(removed);
            }
        }
    }
}

/// Whether this node takes a lease for so many seconds, or has it.
pub(crate) async fn take_lease(
    store: &dyn Store,
    name: &'static str,
    (node, lease): (&str, i64),
    now: Timestamp,
) -> Result<bool> {
    let claim = LeaseClaim { name: name.into(), holder: node.to_owned(), until: now.plus_seconds(lease) };
    store.commit(TakeLease { claim, now }).await
}

pub(crate) struct TakeLease {
    pub(crate) claim: LeaseClaim,
    pub(crate) now: Timestamp,
}

#[async_trait]
impl Transaction for TakeLease {
    type Output = bool;

    async fn run(&self, work: &mut dyn Work) -> Result<bool> {
        work.take_lease(&self.claim, self.now).await
    }
}

/// Leases of what nobody does any more, whose holders died.
struct ForgetLeases {
    before: Timestamp,
}

#[async_trait]
impl Transaction for ForgetLeases {
    type Output = u64;

    async fn run(&self, work: &mut dyn Work) -> Result<u64> {
        work.forget_leases(self.before).await
    }
}

struct CountUploads;

#[async_trait]
impl Transaction for CountUploads {
    type Output = u64;

    async fn run(&self, work: &mut dyn Work) -> Result<u64> {
        work.count_uploads(COUNTED).await
    }
}

struct StaleUploads {
    stale: Stale,
}

#[async_trait]
impl Transaction for StaleUploads {
    type Output = Vec<UploadRow>;

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<UploadRow>> {
        work.stale_uploads(self.stale, STEP).await
    }
}

struct DueObjects;

#[async_trait]
impl Transaction for DueObjects {
    type Output = Vec<ObjectKey>;

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<ObjectKey>> {
        work.due_objects(STEP).await
    }
}

struct SettleObjects {
    gone: Vec<ObjectKey>,
    stuck: Vec<ObjectKey>,
}

#[async_trait]
impl Transaction for SettleObjects {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        if !self.gone.is_empty() {
            work.forget_objects(&self.gone).await?;
        }
        if !self.stuck.is_empty() {
            work.postpone_objects(&self.stuck, PUT_OFF).await?;
        }
        Ok(())
    }
}

struct RemoveEmptyRepositories {
    before: Timestamp,
    now: Timestamp,
}

#[async_trait]
impl Transaction for RemoveEmptyRepositories {
    type Output = EmptyRepositories;

    async fn run(&self, work: &mut dyn Work) -> Result<EmptyRepositories> {
        work.remove_empty_repositories(self.before, self.now, STEP).await
    }
}
