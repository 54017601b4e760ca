//! Things a machine may lack: clients, loop devices. Whoever runs the tests lists what is there.

use std::io::Write as _;

/// Whether `WHARF_TEST_COMPONENTS` lists this one. If not, the test says so and skips; in CI it fails, unless
/// `WHARF_TEST_QUICK` asks for what needs nothing.
pub(crate) fn component(name: &str) -> bool {
    let listed = std::env::var("WHARF_TEST_COMPONENTS").unwrap_or_default();
    if listed.split(',').any(|one| one.trim() == name) {
        return true;
    }
    let may_skip = is_set("WHARF_TEST_QUICK", "1") || !is_set("CI", "true");
    assert!(may_skip, "{name} is not in WHARF_TEST_COMPONENTS, and in CI no test may be skipped");
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Past the test runner's capture: a skip that nobody sees is no skip.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {name} is not in WHARF_TEST_COMPONENTS");
    false
}

fn is_set(name: &str, to: &str) -> bool {
    std::env::var(name).is_ok_and(|value| value == to)
}

pub(crate) fn number_from_environment(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")),
        Err(_) => default,
    }
}
