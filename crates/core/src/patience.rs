//! How long a peer is waited for: a time that runs out while it does nothing, and that every byte earns back.
//!
//! The pump of a body, the writer of an answer and the reader of what an upstream sends each hold one. Only time spent
//! waiting for the peer is spent, never our own; and because no more than so much can be saved up, a fast start buys no
//! slow end.

use std::{num::NonZeroU64, time::Duration};

/// How long a peer is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    left: Duration,
    /// The longest pause.
    most: Duration,
    /// How many bytes earn a second; none: any byte earns all of it.
    rate: Option<NonZeroU64>,
}

impl Patience {
    /// For a peer that may pause for `most` and must bring or take `rate` bytes a second in the long run.
    pub const fn new(most: Duration, rate: Option<NonZeroU64>) -> Self {
        Self { left: most, most, rate }
    }

    /// The same, with no more than this to begin with.
    #[must_use]
    pub fn starting_with(self, start: Duration) -> Self {
        Self { left: self.left.min(start), ..self }
    }

    /// How much longer the peer is waited for.
    pub const fn left(&self) -> Duration {
        self.left
    }

    /// Takes off what the peer was waited for.
    pub fn spend(&mut self, waited: Duration) {
        self.left = self.left.saturating_sub(waited);
    }

    /// Adds what these bytes are worth.
    pub fn earn(&mut self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let earned = match self.rate {
            Some(rate) => Duration::from_millis(bytes.saturating_mul(1000) / rate),
            None if bytes > 0 => self.most,
            None => Duration::ZERO,
        };
        self.left = self.left.saturating_add(earned).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_earn_time_but_none_is_saved_beyond_the_longest_pause() {
        let minute = Duration::from_secs(60);
        let mut patience =
            Patience::new(minute, NonZeroU64::new(1024)).starting_with(Duration::from_secs(20));
        assert_eq!(patience.left().as_secs(), 20);
        patience.earn(10 * 1024);
        assert_eq!(patience.left().as_secs(), 30);
        patience.earn(1 << 30);
        assert_eq!(patience.left(), minute);
        patience.spend(Duration::from_secs(61));
        assert_eq!(patience.left(), Duration::ZERO);
        let mut unhurried = Patience::new(minute, None);
        unhurried.spend(minute);
        unhurried.earn(0);
        assert_eq!(unhurried.left(), Duration::ZERO);
        unhurried.earn(1);
        assert_eq!(unhurried.left(), minute);
    }
}
