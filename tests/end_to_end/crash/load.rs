//! Eight clients at once, until somebody ends them.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::journal::Journal;
use super::operator;
use super::worker::Worker;
use crate::harness::{Random, Wharf};

const CLIENTS: u64 = 8;

pub(super) struct Load {
    workers: Vec<JoinHandle<()>>,
}

impl Load {
    pub(super) async fn begin(wharf: &Wharf, journal: &Journal, seed: u64) -> Self {
        let caller = operator(wharf).await;
        let worker = |number| Worker::new(caller.clone(), journal.clone(), seed, number);
        let workers = (0..CLIENTS).map(|number| tokio::spawn(worker(number).run())).collect();
        Self { workers }
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

/// A while, between two bounds in milliseconds.
pub(super) async fn some_time(random: &mut Random, least: u64, most: u64) {
    tokio::time::sleep(Duration::from_millis(least + random.below(most - least))).await;
}
