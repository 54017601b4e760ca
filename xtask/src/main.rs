//! `cargo xtask`: the project's own commands. Developers and `.ci/run` call them; nothing of the product does.
//!
//! `layers` holds the picture of the crates against the code, `lint` is every check that runs no test, `test` brings
//! up the real peers (databases, container clients) and runs every test against them, `fuzz` gives the fuzz targets
//! more time than the tests do, `soak` gives the proofs theirs, and `conformance` lets the distribution-spec's own suite
//! judge.
#![expect(
    clippy::disallowed_methods,
    reason = "these commands exist to look at the machine: its environment, its programs, its files"
)]

mod cache;
mod conformance;
mod deny;
mod failure;
mod fuzz;
mod layers;
mod limits;
mod lint;
mod markers;
mod program;
mod proofs;
mod rig;
mod soak;
mod steps;
mod tally;
mod test;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;
use crate::rig::SHARED_STORES;
use crate::soak::Wanted;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "The project's own commands",
    arg_required_else_help = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Compare the crates with the picture of allowed arrows, and sizes with their maxima
    Layers,
    /// Everything that runs no test: format, layers, clippy, docs, dependencies
    Lint,
    /// Run every test against the real peers, which are installed and started as needed
    Test {
        /// Only what needs nothing but cargo
        #[arg(long)]
        quick: bool,
    },
    /// Run every fuzz target for so many seconds, as a property test
    Fuzz {
        /// For how long each
        seconds: u32,
    },
    /// Run the proofs (kills, power cuts, every durable step, races) in their full length, at the end of bench/soak.log
    Soak {
        /// Only proofs with this word in their name; may be given several times
        #[arg(long)]
        only: Vec<String>,
        /// Share so many minutes among them; what was not reached then is said
        #[arg(long)]
        minutes: Option<u32>,
        /// Of the proofs that try everything once, only this part of it, as 3/16; all parts together are the whole
        #[arg(long)]
        part: Option<String>,
        /// The server to prove, built before with --release, say, rather than a debug build made now
        #[arg(long, value_parser = absolute)]
        wharf: Option<PathBuf>,
    },
    /// Run the distribution-spec's conformance suite against a debug build; anything but a pass fails
    Conformance {
        /// The compiled suite: `conformance/` of the distribution-spec's main branch
        #[arg(value_parser = absolute)]
        suite: PathBuf,
        /// What the registry stands on
        #[arg(long, default_value = "sqlite+file", value_parser = ["sqlite+file", SHARED_STORES])]
        stores: String,
    },
}

/// A path that still leads there when this has entered the workspace.
fn absolute(path: &str) -> std::io::Result<PathBuf> {
    std::path::absolute(path)
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {}", failure.with_causes());
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<(), Failure> {
    program::enter_workspace()?;
    match task {
        Task::Layers => layers::run(),
        Task::Lint => lint::run(),
        Task::Test { quick: true } => test::quick(),
        Task::Test { quick: false } => test::full(),
        Task::Fuzz { seconds } => fuzz::run_targets(seconds),
        Task::Soak { only, minutes, part, wharf } => soak::run(&only, &Wanted { minutes, part, wharf }),
        Task::Conformance { suite, stores } => conformance::run(&suite, &stores),
    }
}
