//! `cargo xtask test`: every test, against the real peers. `--quick` runs what needs nothing but cargo.
//!
//! What is there is told to the tests through the environment: `WHARF_TEST_QUICK`, or `WHARF_TEST_COMPONENTS`
//! (`docker,podman,skopeo,crane,…`, as `rig::components` calls them), `WHARF_TEST_BINARY` and what the rig adds. A
//! component that is missing is a visible skip; in CI it fails the run. Where PostgreSQL and an S3 server are there, the
//! end-to-end tests run once more on that pair (`WHARF_TEST_STORES`).

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::failure::Failure;
use crate::program::{cargo, in_ci, run};
use crate::rig::components::Components;
use crate::rig::{Rig, SHARED_STORES};
use crate::steps::Steps;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// End-to-end tests that choose their stores, or need none of their own: a second run of them shows nothing new.
const WITH_STORES_OF_THEIR_OWN: &[&str] = &[
    "postgres::",
    "storage::",
    "nodes::",
    "clients::large_image",
    "crash::broken_disk",
    "crash::failing_flush",
    "crash::full_disk",
    "crash::nodes",
    "crash::peers",
    "crash::power_cut",
    "crash::steps",
    "operation::collection",
    "operation::damage",
    "operation::files",
];

/// How long each of the rigs goes on that kill, cut and race: about ten minutes for all of them, of which none gets less
/// than one round (`tests/end_to_end/harness/rounds.rs`).
const SECONDS_FOR_EACH_RIG: &str = "40";

/// How long each fuzz target goes on: ten times as long as in a run that somebody waits for.
const MILLISECONDS_FOR_EACH_TARGET: &str = "3000";
/// How long all of it may take in CI: whoever waits longer for an answer stops asking.
const MOST_IN_CI: Duration = Duration::from_secs(60 * 60);

/// Runs the tests that need nothing but cargo.
pub(crate) fn quick() -> Result<(), Failure> {
    let mut steps = Steps::default();
    let mut tally = Tally::default();
    steps.attempt("tests", || tally.run(cargo_test().env("WHARF_TEST_QUICK", "1")));
    close(steps, &tally)
}

/// Installs, builds and starts what the tests need, and runs them all.
pub(crate) fn full() -> Result<(), Failure> {
    let mut steps = Steps::default();
    let mut tally = Tally::default();
    // The step that failed has said so, and stands in the table.
    let _ = rehearse(&mut steps, &mut tally);
    close(steps, &tally)
}

fn rehearse(steps: &mut Steps, tally: &mut Tally) -> Result<(), Failure> {
    let components = steps.run("components", Components::gather)?;
    let binary = steps.run("build wharf", build_wharf)?;
    let rig = Rig::raise(steps, &components)?;
    let mut told = |mut tests: Command| {
        tests.env("WHARF_TEST_COMPONENTS", components.present()).env("WHARF_TEST_BINARY", &binary);
        tests.env("WHARF_PROOF_SECONDS", SECONDS_FOR_EACH_RIG);
        tests.env("BOLERO_RANDOM_TEST_TIME_MS", MILLISECONDS_FOR_EACH_TARGET).envs(rig.environment());
        tally.run(&mut tests)
    };
    let mut result = steps.run("tests", || told(cargo_test()));
    if rig.has_shared_stores() {
        let again = steps.run(SHARED_STORES, || told(end_to_end_on(SHARED_STORES)));
        result = result.and(again);
    }
    if result.is_err() {
        rig.print_logs();
    }
    steps.run("stop", || rig.stop())?;
    result
}

fn cargo_test() -> Command {
    cargo(["test", "--workspace", "--no-fail-fast"])
}

/// The end-to-end tests on another pair of stores than the one a server has by itself.
fn end_to_end_on(stores: &str) -> Command {
    let mut tests = cargo(["test", "--package", "wharf-tests", "--test", "end_to_end", "--"]);
    tests.args(WITH_STORES_OF_THEIR_OWN.iter().flat_map(|name| ["--skip", name]));
    tests.env("WHARF_TEST_STORES", stores);
    tests
}

/// Built by itself, so that it has the features that ship and no test's.
pub(crate) fn build_wharf() -> Result<PathBuf, Failure> {
    run(&mut cargo(["build", "--package", "wharf-server"]))?;
    Ok(Workspace::load()?.target_directory.join("debug").join("wharf"))
}

/// The table, then how many tests there were: the last line of all.
fn close(steps: Steps, tally: &Tally) -> Result<(), Failure> {
    let most = if in_ci() { MOST_IN_CI } else { Duration::MAX };
    let result = steps.close_within(most);
    println!("\n{tally}");
    result
}
