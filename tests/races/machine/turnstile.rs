//! Who goes next: every call to a store waits here, and a seed chooses.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::model::Model;
use crate::random::Random;

/// Longer than any call takes, even on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where somebody waits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before an operation.
    Beginning,
    /// Before a call of an operation that has begun.
    Call,
}

pub(super) struct Arrival {
    at: At,
    go: oneshot::Sender<()>,
}

/// What the tasks see of it.
pub(super) struct Turnstile {
    arrivals: mpsc::UnboundedSender<Arrival>,
    open: AtomicBool,
}

impl Turnstile {
    /// Open, until it is closed; and its arrivals, for the scheduler.
    pub(super) fn new() -> (Arc<Self>, mpsc::UnboundedReceiver<Arrival>) {
        let (arrivals, arrived) = mpsc::unbounded_channel();
        (Arc::new(Self { arrivals, open: AtomicBool::new(true) }), arrived)
    }

    /// Lets everybody through: nothing races.
    pub(super) fn open(&self) {
        self.open.store(true, Ordering::SeqCst);
    }

    /// Holds everybody up from now on.
    pub(super) fn close(&self) {
        self.open.store(false, Ordering::SeqCst);
    }

    /// Waits for the turn to begin an operation.
    pub(super) async fn begin(&self) {
        self.wait(At::Beginning).await;
    }

    /// Waits for the turn to make a call.
    pub(super) async fn call(&self) {
        if !self.open.load(Ordering::SeqCst) {
            self.wait(At::Call).await;
        }
    }

    async fn wait(&self, at: At) {
        let (go, gone) = oneshot::channel();
        assert!(self.arrivals.send(Arrival { at, go }).is_ok(), "the scheduler is there");
        if gone.await.is_err() {
            // The test is over.
            std::future::pending().await
        }
    }
}

/// Chooses.
pub(super) struct Scheduler {
    arrivals: mpsc::UnboundedReceiver<Arrival>,
    waiting: Vec<Arrival>,
    /// How many run now.
    running: u64,
    /// How many may run at once.
    width: u64,
}

impl Scheduler {
    pub(super) fn new(arrivals: mpsc::UnboundedReceiver<Arrival>, width: u64) -> Self {
        Self { arrivals, waiting: Vec::new(), running: 0, width }
    }

    /// So many tasks were started.
    pub(super) fn expect(&mut self, tasks: u64) {
        self.running += tasks;
    }

    /// Lets so many operations begin, and then all end. Says how many calls they made.
    pub(super) async fn run(&mut self, random: &mut Random, operations: u64, model: &Model) -> u64 {
        let (mut begun, mut calls) = (0, 0);
        self.settle(0).await;
        model.close_turnstile();
        while begun < operations && !model.has_faults() {
            match self.release(random, |_| true) {
                At::Beginning => begun += 1,
                At::Call => calls += 1,
            }
            self.settle(self.width - 1).await;
        }
        loop {
            if self.waiting.iter().any(|arrival| arrival.at == At::Call) {
                self.release(random, |at| at == At::Call);
                calls += 1;
                self.settle(self.width - 1).await;
            } else if self.running > 0 {
                self.settle(self.running - 1).await;
            } else {
                return calls;
            }
        }
    }

    fn release(&mut self, random: &mut Random, may: impl Fn(At) -> bool) -> At {
        let indices: Vec<usize> =
            (0..self.waiting.len()).filter(|&index| may(self.waiting[index].at)).collect();
        let chosen = self.waiting.swap_remove(*random.pick(&indices).expect("somebody waits"));
        self.running += 1;
        chosen.go.send(()).expect("who waits is there");
        chosen.at
    }

    /// Waits until no more than so many run.
    async fn settle(&mut self, at_most: u64) {
        while self.running > at_most {
            let arrival = timeout(PATIENCE, self.arrivals.recv()).await;
            self.waiting.push(arrival.expect("a task panicked, or waits for another").expect("tasks live"));
            self.running -= 1;
        }
    }
}
