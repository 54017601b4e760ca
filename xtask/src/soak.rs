//! `cargo xtask soak`: the proofs in their full length, which the tests run for a moment each.
//!
//! Each proof is one test, told how many rounds it is to reach and how much time it has. What came of each run, seeds
//! above all, is a paragraph at the end of a log beside the benchmark's results, so that runs add up.

mod log;
mod programs;
mod proof;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::rig::Rig;
use crate::rig::components::Components;
use crate::steps::Steps;

use self::log::Log;
use self::programs::Programs;
use self::proof::{PROOFS, Proof};

/// What is wanted of the proofs; all of each, and of a server that is built now, where nothing is said.
pub(crate) struct Wanted {
    /// The time that they share.
    pub(crate) minutes: Option<u32>,
    /// Of those that try everything once, one part of so many, as `3/16`.
    pub(crate) part: Option<String>,
    /// The server that is put to the proof, where that was built before: for release, say.
    pub(crate) wharf: Option<PathBuf>,
}

/// Runs the proofs whose names contain one of these words, or all, one after the other. Of the minutes, if it is said
/// how many, what one leaves the next ones have.
pub(crate) fn run(words: &[String], wanted: &Wanted) -> Result<(), Failure> {
    let is_meant =
        |proof: &&Proof| words.is_empty() || words.iter().any(|word| proof.name.contains(word.as_str()));
    let proofs: Vec<&Proof> = PROOFS.iter().filter(is_meant).collect();
    if proofs.is_empty() {
        let names: Vec<&str> = PROOFS.iter().map(|proof| proof.name).collect();
        return Err(Failure::Broken(format!("no proof is called so; there are: {}", names.join(", "))));
    }
    let mut steps = Steps::default();
    // The step that failed has said so, and stands in the table.
    let _ = prove(&mut steps, &proofs, wanted);
    steps.close()
}

fn prove(steps: &mut Steps, proofs: &[&Proof], wanted: &Wanted) -> Result<(), Failure> {
    let components = steps.run("components", Components::gather)?;
    let programs = steps.run("build", || Programs::build(wanted.wharf.as_deref()))?;
    let rig = Rig::raise_servers(steps, &components)?;
    let mut log = Log::open(wanted.wharf.is_some().then_some("a server built before"))?;
    let end = wanted.minutes.map(|minutes| Instant::now() + Duration::from_secs(u64::from(minutes) * 60));
    for (done, proof) in proofs.iter().enumerate() {
        if proof.on_shared_stores && !rig.has_shared_stores() {
            steps.skip(proof.name, "there is no PostgreSQL or no S3 server");
            continue;
        }
        let left = u32::try_from(proofs.len() - done).unwrap_or(u32::MAX);
        let share = end.map(|end| end.saturating_duration_since(Instant::now()) / left);
        let mut command = proof.command(&programs, share);
        command.env("WHARF_TEST_COMPONENTS", components.present()).envs(rig.environment());
        command.envs(wanted.part.as_ref().map(|part| ("WHARF_PROOF_PART", part)));
        steps.attempt(proof.name, || log.run(proof, &mut command));
    }
    steps.run("stop", || rig.stop())
}
