//! The catch-up read: what a node remembers it tells only after it has read what all nodes changed, itself included, up
//! to a moment after it was asked ([ADR 0029](../../../../docs/adr/0029-a-node-catches-up-before-it-remembers.md)).
//!
//! Whoever asks waits for a read that begins after that, and all who wait by then share it: so a node asks the database
//! once where it would ask a hundred times. A read that fails fails all of them, also those who came meanwhile, and
//! the next one begins with everything forgotten.

mod entry;
mod follower;
mod prune;

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use wharf_core::{Error, Result};

use self::follower::Follower;
pub(super) use self::{entry::Entry, prune::Prune};
use super::{
    Pool,
    fault::{Chance, Failed},
};
use crate::{
    memory::{Changes, Memory},
    meters::Meters,
};

/// How many may wait; more wait outside.
const QUEUE: usize = 1024;

/// Whoever waits, perhaps no longer.
type Waiting = oneshot::Sender<Result<()>>;

/// The way to the task that reads. That ends when this is dropped.
pub(super) struct CatchUp {
    queue: mpsc::Sender<Waiting>,
}

impl CatchUp {
    /// Begins to keep a memory up to date. No connection is made before somebody asks.
    pub(super) fn start(pool: Pool, memory: Arc<Memory>, meters: Arc<Meters>) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(serve(Invalidator { pool, memory, follower: None }, waiting, meters));
        Self { queue }
    }

    /// Returns once everything is forgotten that was changed before this was called.
    ///
    /// # Errors
    /// `Unavailable` where nobody knows what was changed.
    pub(super) async fn wait(&self) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        let gone = || Error::unavailable("nobody reads what other nodes change");
        self.queue.send(reply).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

async fn serve(mut invalidator: Invalidator, mut queue: mpsc::Receiver<Waiting>, meters: Arc<Meters>) {
    let mut waiting = Vec::new();
    while queue.recv_many(&mut waiting, QUEUE).await > 0 {
        let read = meters.catch_ups.time(invalidator.catch_up()).await;
        if read.is_err() {
            waiting.extend(std::iter::from_fn(|| queue.try_recv().ok()));
        }
        for reply in waiting.drain(..) {
            // Whoever gave up waiting needs no answer.
            let _ = reply.send(read.as_ref().map_err(again).copied());
        }
    }
}

/// The same error for one more caller.
fn again(failed: &Failed) -> Error {
    let Failed { error, .. } = failed;
    Error::new(error.kind(), error.message()).because(format!("{error:?}"))
}

/// Reads what was changed, and has it forgotten.
struct Invalidator {
    pool: Pool,
    memory: Arc<Memory>,
    follower: Option<Follower>,
}

impl Invalidator {
    /// A connection that breaks gets one other in its place.
    async fn catch_up(&mut self) -> Result<(), Failed> {
        match self.read().await {
            Err(Failed { chance: Chance::Fresh, .. }) => self.read().await,
            read => read,
        }
    }

    /// A follower that fails is not gone on with: what it would have read nobody knows.
    async fn read(&mut self) -> Result<(), Failed> {
        let (follower, changes) = match self.follower.take() {
            Some(mut follower) => {
                let changes = follower.read().await?;
                (follower, changes)
            }
            // What was changed before it began it cannot know.
            None => (Follower::begin(&self.pool).await?, Changes::everything()),
        };
        self.memory.forget(&changes);
        self.follower = Some(follower);
        Ok(())
    }
}
