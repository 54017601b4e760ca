//! `cargo xtask soak`: the proofs in their full length, which the tests run for a moment each.
//!
//! Each proof is one test, told how many rounds it is to reach and how much time it has. What came of each run, seeds
//! above all, is a paragraph at the end of a log beside the benchmark's results, so that runs add up.

mod log;
mod programs;
mod proof;

use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::rig::Rig;
use crate::rig::components::Components;
use crate::steps::Steps;

use self::log::Log;
use self::programs::Programs;
use self::proof::{PROOFS, Proof};

/// Runs the proofs whose names contain one of these words, or all, one after the other. So many minutes, if it is said
/// how many, are shared: what one leaves the next ones have.
pub(crate) fn run(words: &[String], minutes: Option<u32>) -> Result<(), Failure> {
    let is_meant =
        |proof: &&Proof| words.is_empty() || words.iter().any(|word| proof.name.contains(word.as_str()));
    let proofs: Vec<&Proof> = PROOFS.iter().filter(is_meant).collect();
    if proofs.is_empty() {
        let names: Vec<&str> = PROOFS.iter().map(|proof| proof.name).collect();
        return Err(Failure::Broken(format!("no proof is called so; there are: {}", names.join(", "))));
    }
    let mut steps = Steps::default();
    // The step that failed has said so, and stands in the table.
    let _ = prove(&mut steps, &proofs, minutes);
    steps.close()
}

fn prove(steps: &mut Steps, proofs: &[&Proof], minutes: Option<u32>) -> Result<(), Failure> {
    let components = steps.run("components", Components::gather)?;
    let programs = steps.run("build", Programs::build)?;
    let rig = Rig::raise_stores(steps, &components)?;
    let mut log = Log::open()?;
    let end = minutes.map(|minutes| Instant::now() + Duration::from_secs(u64::from(minutes) * 60));
    for (done, proof) in proofs.iter().enumerate() {
        if proof.on_shared_stores && !rig.has_shared_stores() {
            steps.skip(proof.name, "there is no PostgreSQL or no S3 server");
            continue;
        }
        let left = u32::try_from(proofs.len() - done).unwrap_or(u32::MAX);
        let share = end.map(|end| end.saturating_duration_since(Instant::now()) / left);
        let mut command = proof.command(&programs, share);
        command.env("WHARF_TEST_COMPONENTS", components.present()).envs(rig.environment());
        steps.attempt(proof.name, || log.run(proof, &mut command));
    }
    steps.run("stop", || rig.stop())
}
