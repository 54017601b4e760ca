//! `cargo xtask lint`: every check that runs no test. All of them run, so that one pass tells all there is to mend.

use crate::failure::Failure;
use crate::program::{capture, cargo, run as run_program};
use crate::steps::Steps;
use crate::{deny, layers, limits, markers, proofs};

/// Runs the checks; fails with the names of those that failed.
pub(crate) fn run() -> Result<(), Failure> {
    let mut steps = Steps::default();
    // First, because every later cargo would quietly mend it.
    steps.attempt("lock file", || {
        capture(&mut cargo(["metadata", "--format-version", "1", "--locked"])).map(drop)
    });
    steps.attempt("format", || run_program(&mut cargo(["fmt", "--all", "--check"])));
    steps.attempt("merges", markers::run);
    steps.attempt("proofs", proofs::run);
    steps.attempt("limits", limits::run);
    steps.attempt("layers", layers::run);
    steps.attempt("clippy", || {
        run_program(&mut cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    });
    steps.attempt("docs", || {
        run_program(cargo(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
    });
    deny::check(&mut steps);
    steps.close()
}
