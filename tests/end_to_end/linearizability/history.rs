//! What was asked of each tag and what was answered, in the order in which it happened.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::search::is_linearizable;

/// A digest, shortened to a number of its own.
pub(super) type Value = u64;

/// What a client asks of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Read,
    Write(Value),
    Delete,
    /// Only if the tag is not there yet.
    WriteNew(Value),
    /// Only if the tag holds the first value.
    Replace(Value, Value),
    DeleteIf(Value),
}

/// What it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Done,
    Holds(Value),
    NothingThere,
    /// The condition does not hold.
    Refused,
    /// It happened, or happens later, or never does.
    Unknown,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    pub(super) wish: Wish,
    pub(super) told: Told,
    pub(super) called: u64,
    /// For ever later, where nobody was told anything.
    pub(super) returned: u64,
}

/// A call that has begun.
pub(super) struct Call {
    tag: String,
    wish: Wish,
    called: u64,
}

#[derive(Default)]
struct Pages {
    moment: u64,
    tags: BTreeMap<String, Vec<Operation>>,
}

#[derive(Clone, Default)]
pub(super) struct History(Arc<Mutex<Pages>>);

impl History {
    pub(super) fn call(&self, tag: &str, wish: Wish) -> Call {
        let mut pages = self.0.lock().unwrap();
        pages.moment += 1;
        Call { tag: tag.to_owned(), wish, called: pages.moment }
    }

    pub(super) fn answer(&self, call: Call, told: Told) {
        let mut pages = self.0.lock().unwrap();
        pages.moment += 1;
        let returned = if told == Told::Unknown { u64::MAX } else { pages.moment };
        let Call { tag, wish, called } = call;
        pages.tags.entry(tag).or_default().push(Operation { wish, told, called, returned });
    }

    /// Panics with the history of a tag that has no order.
    pub(super) fn expect_order(&self) {
        let pages = self.0.lock().unwrap();
        for (tag, operations) in &pages.tags {
            let told = operations.iter().filter(|operation| operation.told != Told::Unknown).count();
            assert!(told > 10, "only {told} operations on {tag} were answered");
            assert!(is_linearizable(operations), "no order explains {tag}:\n{}", listed(operations));
        }
    }
}

fn listed(operations: &[Operation]) -> String {
    let mut sorted = operations.to_vec();
    sorted.sort_by_key(|operation| operation.called);
    let line = |Operation { wish, told, called, returned }: &Operation| match returned {
        &u64::MAX => format!("{called}–: {wish:?}"),
        _ => format!("{called}–{returned}: {wish:?} {told:?}"),
    };
    sorted.iter().map(line).collect::<Vec<_>>().join("\n")
}
