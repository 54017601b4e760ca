//! What was tried and what was answered, register by register.
//!
//! A register is one thing that holds a value or nothing: a blob or a manifest in a repository (its own digest),
//! a tag (the digest it points to), a file that a format's door serves (the digest of its bytes). Writes by several clients overlap, so a register may hold what any of them
//! wrote, unless another acknowledged write began after that one had been acknowledged. A write without an answer
//! happened or did not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::check::Wrong;
use crate::harness::noise;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Register {
    Blob { repository: String, digest: String },
    Manifest { repository: String, digest: String },
    Tag { repository: String, tag: String },
    File { repository: &'static str, path: String },
}

impl Register {
    fn repository(&self) -> &str {
        match self {
            Self::Blob { repository, .. }
            | Self::Manifest { repository, .. }
            | Self::Tag { repository, .. } => repository,
            Self::File { repository, .. } => repository,
        }
    }
}

/// What a register holds: a digest, or nothing.
pub(super) type Value = Option<String>;

/// What a digest is of. Blobs are made again from their seed: the journal would not fit in memory otherwise.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Noise { seed: u64, length: usize },
    Text(Bytes),
}

impl Content {
    pub(super) fn bytes(&self) -> Bytes {
        match self {
            Self::Noise { seed, length } => noise(*seed, *length),
            Self::Text(bytes) => bytes.clone(),
        }
    }
}

#[derive(Debug)]
struct Attempt {
    ticket: u64,
    value: Value,
    started: u64,
    acknowledged: Option<u64>,
    begun: Instant,
}

impl Attempt {
    fn new(ticket: u64, value: Value) -> Self {
        Self { ticket, value, started: ticket, acknowledged: None, begun: Instant::now() }
    }
}

#[derive(Debug, Default)]
pub(super) struct History {
    /// What was seen at the last check.
    settled: Value,
    attempts: Vec<Attempt>,
    /// From when the collector's delay counts for what was seen then.
    since: Option<Instant>,
}

impl History {
    /// Whether a register with this history may hold this value now.
    pub(super) fn allows(&self, seen: &Value) -> bool {
        let overwritten = |acknowledged: u64| {
            self.attempts.iter().any(|later| later.acknowledged.is_some() && later.started > acknowledged)
        };
        let untouched = self.attempts.iter().all(|attempt| attempt.acknowledged.is_none());
        let may_stand = |attempt: &Attempt| !attempt.acknowledged.is_some_and(overwritten);
        let tried = self.attempts.iter().any(|attempt| attempt.value == *seen && may_stand(attempt));
        tried || (untouched && self.settled == *seen)
    }

    /// Whether it ever held this value, or was to.
    fn knows(&self, seen: &Value) -> bool {
        seen.is_none() || self.settled == *seen || self.attempts.iter().any(|attempt| attempt.value == *seen)
    }

    /// From when the collector's delay counts: the last write that happened for certain. One without an answer may
    /// not have, unless nothing was there before it.
    fn since(&self) -> Option<Instant> {
        let is_certain = |attempt: &&Attempt| attempt.acknowledged.is_some() || self.settled.is_none();
        let writes = self.attempts.iter().filter(|attempt| attempt.value.is_some());
        writes.filter(is_certain).map(|attempt| attempt.begun).max().or(self.since)
    }
}

#[derive(Debug, Default)]
struct Pages {
    clock: u64,
    registers: BTreeMap<Register, History>,
    /// Of all registers there ever were.
    repositories: BTreeSet<String>,
    contents: BTreeMap<String, Content>,
    faults: Vec<String>,
    collected: usize,
}

#[derive(Clone, Default)]
pub(super) struct Journal(Arc<Mutex<Pages>>);

/// An attempt that waits for its answer.
pub(super) struct Ticket {
    journal: Journal,
    register: Register,
    number: u64,
}

impl Journal {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down that a register is about to be given a value, before the request is sent.
    pub(super) fn attempt(&self, register: Register, value: Value) -> Ticket {
        let mut pages = self.pages();
        pages.clock += 1;
        let number = pages.clock;
        pages.repositories.insert(register.repository().to_owned());
        let history = pages.registers.entry(register.clone()).or_default();
        history.attempts.push(Attempt::new(number, value));
        Ticket { journal: self.clone(), register, number }
    }

    /// Names a register that nothing is written to: it must stay as it is.
    pub(super) fn watch(&self, register: Register) {
        self.pages().registers.entry(register).or_default();
    }

    /// Nothing names this blob: the collector may have taken it away, but not before its delay was over.
    pub(super) fn may_be_collected(&self, register: &Register, delay: Duration) {
        let mut pages = self.pages();
        pages.clock += 1;
        let number = pages.clock;
        let Some(history) = pages.registers.get_mut(register) else { return };
        if history.since().is_some_and(|since| since.elapsed() >= delay) {
            history.attempts.push(Attempt::new(number, None));
        }
    }

    pub(super) fn remember(&self, digest: &str, content: Content) {
        self.pages().contents.insert(digest.to_owned(), content);
    }

    pub(super) fn content(&self, digest: &str) -> Option<Content> {
        self.pages().contents.get(digest).cloned()
    }

    /// An answer that should never be.
    pub(super) fn fault(&self, description: String) {
        self.pages().faults.push(description);
    }

    /// Looks at a register no more.
    pub(super) fn forget(&self, register: &Register) {
        self.pages().registers.remove(register);
    }

    pub(super) fn take_faults(&self) -> Vec<String> {
        std::mem::take(&mut self.pages().faults)
    }

    pub(super) fn registers(&self) -> Vec<Register> {
        self.pages().registers.keys().cloned().collect()
    }

    /// How many files of formats there are, or were to be.
    pub(super) fn files(&self) -> usize {
        self.pages().registers.keys().filter(|register| matches!(register, Register::File { .. })).count()
    }

    pub(super) fn repositories(&self) -> BTreeSet<String> {
        self.pages().repositories.clone()
    }

    /// Holds what is seen in a register against its history, and makes it the point to go on from.
    pub(super) fn settle(&self, register: &Register, seen: Value) -> Result<(), (Wrong, String)> {
        let mut pages = self.pages();
        let history = pages.registers.get_mut(register).expect("only what was written down is looked at");
        if !history.allows(&seen) {
            let words = format!("{register:?} holds {seen:?} after {history:?}");
            let wrong = if history.knows(&seen) { Wrong::Lost } else { Wrong::Unattempted };
            *history = History { settled: seen, ..History::default() };
            return Err((wrong, words));
        }
        let only_the_collector =
            matches!(history.attempts[..], [Attempt { acknowledged: None, value: None, .. }]);
        let was_collected = only_the_collector && history.settled.is_some() && seen.is_none();
        let is_gone_for_good = history.attempts.is_empty() && history.settled.is_none();
        *history = History { settled: seen, attempts: Vec::new(), since: history.since() };
        pages.collected += usize::from(was_collected);
        if is_gone_for_good {
            // It was looked for once more, and a long run has no end of such.
            pages.registers.remove(register);
        }
        Ok(())
    }

    /// How many blobs the collector took away, between checks that saw them and checks that did not.
    pub(super) fn collected(&self) -> usize {
        self.pages().collected
    }

    /// How many attempts were acknowledged since the last check.
    pub(super) fn acknowledged(&self) -> usize {
        let pages = self.pages();
        let attempts = pages.registers.values().flat_map(|history| &history.attempts);
        attempts.filter(|attempt| attempt.acknowledged.is_some()).count()
    }
}

impl Ticket {
    /// The server said that it is done.
    pub(super) fn acknowledge(self) {
        let mut pages = self.journal.pages();
        pages.clock += 1;
        let now = pages.clock;
        let history = pages.registers.entry(self.register).or_default();
        let mut attempts = history.attempts.iter_mut();
        attempts.find(|attempt| attempt.ticket == self.number).expect("it was written down").acknowledged =
            Some(now);
    }

    /// The server said that it did nothing.
    pub(super) fn withdraw(self) {
        let mut pages = self.journal.pages();
        let history = pages.registers.entry(self.register).or_default();
        history.attempts.retain(|attempt| attempt.ticket != self.number);
    }
}

fn history(settled: Value, attempts: &[(&str, u64, Option<u64>)]) -> History {
    let attempt = |&(value, started, acknowledged): &(&str, u64, Option<u64>)| {
        let value = (value != "gone").then(|| value.to_owned());
        Attempt { acknowledged, ..Attempt::new(started, value) }
    };
    History { settled, attempts: attempts.iter().map(attempt).collect(), since: None }
}

/// The judge is judged first: histories whose outcome is known.
#[test]
fn the_journal_knows_what_may_be_there() {
    let holds = |text: &str| Some(text.to_owned());

    let acknowledged = history(None, &[("a", 1, Some(2))]);
    assert!(acknowledged.allows(&holds("a")) && !acknowledged.allows(&None));
    let unanswered = history(holds("old"), &[("a", 1, None)]);
    assert!(unanswered.allows(&holds("a")) && unanswered.allows(&holds("old")) && !unanswered.allows(&None));
    let in_order = history(None, &[("a", 1, Some(2)), ("b", 3, Some(4))]);
    assert!(in_order.allows(&holds("b")) && !in_order.allows(&holds("a")));
    let overlapping = history(None, &[("a", 1, Some(3)), ("b", 2, Some(4))]);
    assert!(overlapping.allows(&holds("a")) && overlapping.allows(&holds("b")) && !overlapping.allows(&None));
    let deleted = history(holds("old"), &[("gone", 1, Some(2)), ("b", 3, None)]);
    assert!(deleted.allows(&None) && deleted.allows(&holds("b")) && !deleted.allows(&holds("old")));
    let never = history(None, &[]);
    assert!(never.allows(&None) && !never.allows(&holds("a")));
}

/// A journal of one blob that was pushed and acknowledged.
fn journal_of_one() -> (Journal, Register) {
    let blob = Register::Blob { repository: "a".to_owned(), digest: "d".to_owned() };
    let journal = Journal::default();
    journal.attempt(blob.clone(), Some("d".to_owned())).acknowledge();
    (journal, blob)
}

#[test]
fn the_journal_lets_the_collector_take_a_blob_after_its_delay_only() {
    let (journal, blob) = journal_of_one();
    journal.may_be_collected(&blob, Duration::from_secs(3600));
    assert!(journal.settle(&blob, None).is_err());

    let (journal, blob) = journal_of_one();
    journal.may_be_collected(&blob, Duration::ZERO);
    assert!(journal.settle(&blob, None).is_ok());
    assert!(journal.settle(&blob, Some("d".to_owned())).is_err(), "what was collected does not come back");
    assert!(journal.settle(&blob, None).is_err(), "and what came back does not go");
    assert!(
        journal.settle(&blob, None).is_ok() && journal.registers().is_empty(),
        "it is looked at for ever"
    );
}

#[test]
fn a_push_without_an_answer_is_no_reason_to_wait_for_longer() {
    let ((journal, blob), delay) = (journal_of_one(), Duration::from_millis(20));
    assert!(journal.settle(&blob, Some("d".to_owned())).is_ok());
    std::thread::sleep(delay);

    drop(journal.attempt(blob.clone(), Some("d".to_owned())));
    journal.may_be_collected(&blob, delay);
    assert!(journal.settle(&blob, None).is_ok());
}
