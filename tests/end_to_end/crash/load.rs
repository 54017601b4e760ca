//! Eight clients at once, until somebody ends them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::journal::Journal;
use super::operator;
use super::worker::{Mix, Worker};
use crate::harness::{Caller, Random, Wharf};

const CLIENTS: u64 = 8;

pub(super) struct Load {
    workers: Vec<JoinHandle<()>>,
    is_enough: Arc<AtomicBool>,
}

impl Load {
    pub(super) async fn begin(wharf: &Wharf, journal: &Journal, seed: u64) -> Self {
        Self::begin_on([wharf], journal, seed).await
    }

    /// The clients spread over the nodes of one registry.
    pub(super) async fn begin_on(
        nodes: impl IntoIterator<Item = &Wharf>,
        journal: &Journal,
        seed: u64,
    ) -> Self {
        let callers = join_all(nodes.into_iter().map(operator)).await;
        Self::begin_as(callers, journal, seed, Mix::Everything)
    }

    /// The clients spread over these callers.
    pub(super) fn begin_as(callers: Vec<Caller>, journal: &Journal, seed: u64, mix: Mix) -> Self {
        let is_enough = Arc::<AtomicBool>::default();
        let worker = |(number, caller)| {
            Worker::new(caller, journal.clone(), seed.wrapping_mul(1_000_003).wrapping_add(number), mix)
                .run(is_enough.clone())
        };
        let workers = (0..CLIENTS).zip(callers.into_iter().cycle()).map(worker).map(tokio::spawn).collect();
        Self { workers, is_enough }
    }

    /// Lets the clients do what they are about, and waits for all, also for those whose node has gone.
    pub(super) async fn wind_down(self) {
        self.is_enough.store(true, Ordering::Relaxed);
        self.end().await;
    }

    /// Ends the clients where they are: what they wait for stays without an answer.
    pub(super) async fn abandon(self) {
        for worker in self.workers {
            worker.abort();
            let ended = worker.await;
            assert!(
                ended.is_ok() || ended.as_ref().is_err_and(tokio::task::JoinError::is_cancelled),
                "{ended:?}"
            );
        }
    }

    /// Waits for the clients to notice that the server has gone. What it had answered before still counts.
    pub(super) async fn end(self) {
        for worker in self.workers {
            let ended = timeout(Duration::from_secs(20), worker).await;
            ended.expect("a client noticed that the server has gone").unwrap();
        }
    }
}

/// Waits until a slow machine has done something too since the last check.
pub(super) async fn something_done(journal: &Journal) {
    let began = Instant::now();
    while journal.acknowledged() < 8 && began.elapsed() < Duration::from_secs(20) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A while, between two bounds in milliseconds.
pub(super) async fn some_time(random: &mut Random, least: u64, most: u64) {
    tokio::time::sleep(Duration::from_millis(least + random.below(most - least))).await;
}
