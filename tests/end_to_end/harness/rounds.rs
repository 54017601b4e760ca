//! How long a rig goes on: `cargo test` gives each a moment, `cargo xtask test` a share of some minutes, and `cargo
//! xtask soak` a number of rounds that it is to reach.

use std::time::{Duration, Instant};

use super::components::{announce, number_from_environment};

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

    /// Says how many there were, and what they did, also where output is captured: a line that goes into the soak's log.
    pub(crate) fn close(self, what: &str) {
        let seconds = self.begun.elapsed().as_secs();
        announce(format_args!("proved: {} rounds in {seconds} s, {what}", self.done));
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

#[test]
fn the_first_rounds_come_always() {
    let mut rounds = Rounds { most: 0, ..Rounds::at_least(2) };
    assert_eq!((&mut rounds).collect::<Vec<_>>(), [0, 1]);
    rounds.close("told of a test that passed");
}

/// The test before this one, in a process of its own, whose runner captures what tests print.
#[test]
fn rounds_are_told_of_a_test_that_passed() {
    let (_, here) = module_path!().split_once("::").unwrap();
    let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
    let output = alone.args(["--exact", &format!("{here}::the_first_rounds_come_always")]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("proved: 2 rounds in 0 s, told of a test that passed"), "{said}");
}
