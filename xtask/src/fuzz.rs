//! `cargo xtask fuzz <seconds>`: each fuzz target for longer than the tests run it.

use crate::failure::Failure;
use crate::program::{cargo, run};

/// Runs every target for so many seconds. One that fails prints its input and the seed it follows from.
pub(crate) fn run_targets(seconds: u32) -> Result<(), Failure> {
    let milliseconds = u64::from(seconds) * 1_000;
    let mut targets = cargo(["test", "--package", "wharf-fuzz"]);
    run(targets.env("BOLERO_RANDOM_TEST_TIME_MS", milliseconds.to_string()))
}
