//! How long a rig goes on: `cargo test` gives each a moment, `cargo xtask test` a share of some minutes, and `cargo
//! xtask soak` a number of rounds that it is to reach.

use std::time::{Duration, Instant};

use super::components::number_from_environment;

/// What a rig gets from those who ask for nothing.
const A_MOMENT: u64 = 4;

/// The numbers of a rig's rounds, from 0 on: no more than `WHARF_PROOF_ROUNDS`, and none that begins when
/// `WHARF_PROOF_SECONDS` are over, but the first ones always.
pub(crate) struct Rounds {
    begun: Instant,
    time: Duration,
    least: u64,
    most: u64,
    done: u64,
}

impl Rounds {
    /// So many in any case, for fewer would show nothing.
    pub(crate) fn at_least(least: u64) -> Self {
        let most = number_from_environment("WHARF_PROOF_ROUNDS", u64::MAX);
        let patience = if most == u64::MAX { A_MOMENT } else { u64::from(u32::MAX) };
        let time = Duration::from_secs(number_from_environment("WHARF_PROOF_SECONDS", patience));
        Self { begun: Instant::now(), time, least, most, done: 0 }
    }

    /// Says how many there were, and what they did: a line that goes into the soak's log.
    pub(crate) fn close(self, what: &str) {
        println!("proved: {} rounds in {} s, {what}", self.done, self.begun.elapsed().as_secs());
    }
}

impl Iterator for Rounds {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let is_over = self.done >= self.most || self.begun.elapsed() >= self.time;
        if is_over && self.done >= self.least {
            return None;
        }
        self.done += 1;
        Some(self.done - 1)
    }
}
