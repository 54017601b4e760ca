//! Things a machine may lack: clients, loop devices. Whoever runs the tests lists what is there.

use std::fmt::Display;
use std::io::Write as _;

/// Whether `WHARF_TEST_COMPONENTS` lists this one. If not, the test says so and skips; in CI it fails, unless
/// `WHARF_TEST_QUICK` asks for what needs nothing.
pub(crate) fn component(name: &str) -> bool {
    let listed = std::env::var("WHARF_TEST_COMPONENTS").unwrap_or_default();
    if listed.split(',').any(|one| one.trim() == name) {
        return true;
    }
    may_skip(&format!("{name} is not in WHARF_TEST_COMPONENTS"));
    false
}

/// Says why a test is skipped. In CI it fails instead, unless `WHARF_TEST_QUICK` asks for what needs nothing.
pub(crate) fn may_skip(why: &str) {
    let is_quick = std::env::var("WHARF_TEST_QUICK").is_ok_and(|value| value == "1");
    assert!(is_quick || !is_ci(), "{why}, and in CI no test may be skipped");
    announce(format_args!("skipped: {why}"));
}

/// Says something under the test's name, past the runner's capture: what a test prints is not seen where it passes, but
/// a skip that nobody sees is no skip, and a proof without its seed and its rounds is a claim.
pub(crate) fn announce(words: impl Display) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "{test}: {words}");
}

/// Whether this runs in CI, by the rule of `xtask/src/program.rs`.
fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

pub(crate) fn number_from_environment(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")),
        Err(_) => default,
    }
}
