//! How long a server took until it was ready again, of all the ends of a run.

use std::fmt;
use std::time::Duration;

#[derive(Default)]
pub(super) struct Recoveries(Vec<Duration>);

impl Recoveries {
    pub(super) fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    /// The least time within which so many of a hundred were ready.
    fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied().unwrap_or_default()
    }
}

impl fmt::Display for Recoveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |percent| self.percentile(percent).as_millis();
        write!(f, "ready again after {} ms (p50), {} ms (p99)", milliseconds(50), milliseconds(99))
    }
}

#[test]
fn a_percentile_is_a_time_that_was_measured() {
    let mut recoveries = Recoveries::default();
    assert_eq!(recoveries.to_string(), "ready again after 0 ms (p50), 0 ms (p99)");
    (1..=200).rev().for_each(|milliseconds| recoveries.add(Duration::from_millis(milliseconds)));
    assert_eq!(recoveries.to_string(), "ready again after 100 ms (p50), 198 ms (p99)");
}
