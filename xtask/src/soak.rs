//! `cargo xtask soak`: the proofs in their full length, which the tests run for a moment each.
//!
//! Races, histories of tags, kills, power cuts and every durable step, each on every pair of stores that it knows. What each
//! run printed, seeds above all, goes to a log beside the benchmark's results.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::failure::Failure;
use crate::program::{capture, cargo, ended, unstartable};
use crate::rig::Rig;
use crate::rig::components::Components;
use crate::steps::Steps;
use crate::test::build_wharf;

/// What was run and what it said.
const LOG: &str = "bench/soak.log";

/// A proof: what it is called in the table, the test binary and its filter, and how long it is to be.
struct Proof {
    name: &'static str,
    binary: &'static str,
    filter: &'static str,
    length: &'static [(&'static str, &'static str)],
    /// Whether it is run once more on PostgreSQL and S3.
    on_both_pairs: bool,
}

const PROOFS: [Proof; 6] = [
    Proof {
        name: "races",
        binary: "races",
        filter: "machine",
        length: &[("WHARF_RACE_OPERATIONS", "100000")],
        on_both_pairs: false,
    },
    Proof {
        name: "histories of tags",
        binary: "end_to_end",
        filter: "linearizability",
        length: &[("WHARF_HISTORIES", "200")],
        on_both_pairs: false,
    },
    Proof {
        name: "kills",
        binary: "end_to_end",
        filter: "crash::kill",
        length: &[("WHARF_CRASH_ROUNDS", "200")],
        on_both_pairs: true,
    },
    Proof {
        name: "power cuts on ext4",
        binary: "end_to_end",
        filter: "power_is_cut_on_ext4",
        length: &[("WHARF_POWER_CUT_ROUNDS", "100")],
        on_both_pairs: false,
    },
    Proof {
        name: "power cuts on XFS",
        binary: "end_to_end",
        filter: "power_is_cut_on_xfs",
        length: &[("WHARF_POWER_CUT_ROUNDS", "50")],
        on_both_pairs: false,
    },
    Proof {
        name: "every durable step",
        binary: "end_to_end",
        filter: "crash::steps",
        length: &[("WHARF_DURABLE_STEPS", "1000000")],
        on_both_pairs: false,
    },
];

/// Runs the proofs one after the other, as long as they are to be, and begins none after so many minutes.
pub(crate) fn run(minutes: Option<u32>) -> Result<(), Failure> {
    let mut steps = Steps::default();
    // The step that failed has said so, and stands in the table.
    let _ = prove(&mut steps, minutes);
    steps.close()
}

fn prove(steps: &mut Steps, minutes: Option<u32>) -> Result<(), Failure> {
    let components = steps.run("components", Components::gather)?;
    let binary = steps.run("build wharf", build_wharf)?;
    let rig = Rig::raise(steps, &components)?;
    let mut log = Log::open(Path::new(LOG))?;
    let has_both = ["postgres", "versitygw"].iter().all(|one| components.why_missing(one).is_none());
    let begun = Instant::now();
    for proof in &PROOFS {
        if minutes.is_some_and(|most| begun.elapsed().as_secs() >= u64::from(most) * 60) {
            steps.skip(proof.name, "the time is over");
            continue;
        }
        let mut runs = vec![(proof.name.to_owned(), None)];
        if proof.on_both_pairs && has_both {
            runs.push((
                format!("{} on PostgreSQL and S3", proof.name),
                Some(("WHARF_TEST_STORES", "postgres+s3")),
            ));
        }
        for (name, stores) in runs {
            let mut command = proof.command();
            command.env("WHARF_TEST_COMPONENTS", components.present()).env("WHARF_TEST_BINARY", &binary);
            command.envs(rig.environment()).envs(stores);
            steps.attempt(&name, || log.run(&name, &mut command));
        }
    }
    steps.run("stop", || rig.stop())
}

impl Proof {
    fn command(&self) -> Command {
        let mut command = cargo(["test", "--package", "wharf-tests", "--test", self.binary]);
        command.args(["--", "--nocapture", "--test-threads", "1", self.filter]);
        command.envs(self.length.iter().copied());
        command
    }
}

/// The log, one paragraph for each run.
struct Log(File);

impl Log {
    /// Begins a new log with what was proved, on what, and when.
    fn open(path: &Path) -> Result<Self, Failure> {
        use std::io::Write as _;
        let mut file = File::create(path).map_err(Failure::file(path))?;
        let commit = capture(Command::new("git").args(["describe", "--always", "--dirty"]))?;
        let kernel = capture(Command::new("uname").args(["-srm"]))?;
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let head = format!("commit {}, {}, {seconds} s after 1970\n", commit.trim(), kernel.trim());
        file.write_all(head.as_bytes()).map_err(Failure::file(path))?;
        Ok(Self(file))
    }

    /// Runs a test and keeps all it says; its end is told on the terminal.
    fn run(&mut self, name: &str, command: &mut Command) -> Result<(), Failure> {
        use std::io::Write as _;
        let path = Path::new(LOG);
        writeln!(self.0, "\n== {name}").map_err(Failure::file(path))?;
        let (out, errors) = (self.0.try_clone(), self.0.try_clone());
        command.stdin(Stdio::null());
        command.stdout(out.map_err(Failure::file(path))?).stderr(errors.map_err(Failure::file(path))?);
        let status = command.status().map_err(unstartable(command))?;
        ended(command, status)
    }
}
