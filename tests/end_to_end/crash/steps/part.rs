//! One part of a proof that tries everything once.

use std::fmt;

/// A part of what is tried once, as `WHARF_PROOF_PART` names it: `3/16` is every sixteenth from the third on. All parts
/// together are the whole, so that a proof of hours is run piece by piece.
pub(super) struct Part {
    number: usize,
    count: usize,
}

impl Part {
    pub(super) fn asked_for() -> Self {
        let Ok(text) = std::env::var("WHARF_PROOF_PART") else { return Self { number: 1, count: 1 } };
        let (number, count) = text.split_once('/').expect("a part is written as 3/16");
        let (number, count) = (number.parse().unwrap(), count.parse().unwrap());
        assert!((1..=count).contains(&number), "there is no part {text}");
        Self { number, count }
    }

    pub(super) fn of<T>(&self, all: impl Iterator<Item = T>) -> Vec<T> {
        all.skip(self.number - 1).step_by(self.count).collect()
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "part {} of {}", self.number, self.count)
    }
}
