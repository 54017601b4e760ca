//! The benchmark driver: Wharf and its peers on loopback, the same work, interleaved, one table.
//!
//! A case is an entry in `cases`; `run` starts each contender afresh, loads and checks it, and lets them take turns;
//! `report` says what came of it and which goals it meets. Nothing here is a test: a figure never fails a build,
//! only an answer that was not a success voids its row and the exit code.
#![expect(
    clippy::disallowed_methods,
    reason = "a driver reads the environment, starts programs and lays out files"
)]

mod api;
mod audit;
mod backing;
mod case;
mod cases;
mod client;
mod contender;
mod crowd;
mod filled;
mod fixture;
mod form;
mod goal;
mod hook;
mod index;
mod load;
mod operation;
mod payload;
mod peer;
mod plugins;
mod process;
mod receiver;
mod report;
mod run;
mod s3;
mod statistics;
mod tenants;
mod turn;
mod wheel;
mod yardstick;

use std::{
    error::Error,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;

use crate::{case::Scale, cases::CASES, filled::Filled, report::Report, run::Site};

/// What can go wrong here is told to a person and not matched on.
type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// Measures Wharf against its peers on this machine.
#[derive(Parser)]
struct Flags {
    /// Two short rounds instead of five, and 100 MiB where 1 GiB is meant.
    #[arg(long)]
    quick: bool,
    /// Only this case; may be given several times.
    #[arg(long = "case", value_name = "NAME")]
    cases: Vec<String>,
    /// The binary to measure; else the one beside this driver.
    #[arg(long, value_name = "PATH")]
    wharf: Option<PathBuf>,
}

fn main() -> Result<ExitCode> {
    let flags = Flags::parse();
    let known: Vec<&str> = CASES.iter().map(|case| case.name).collect();
    if let Some(unknown) = flags.cases.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("no case {unknown}; there are {}", known.join(", ")).into());
    }
    let wharf = match &flags.wharf {
        Some(path) => path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?,
        None => std::env::current_exe()?.with_file_name("wharf"),
    };
    if !wharf.is_file() {
        return Err(format!("there is no binary at {}; name one by --wharf", wharf.display()).into());
    }
    // One thread for all clients, as with `wrk -t1`: on two cores the other one is the server's.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(measure(&flags, &wharf)))
}

async fn measure(flags: &Flags, wharf: &Path) -> ExitCode {
    let scale = if flags.quick { Scale::QUICK } else { Scale::FULL };
    let chosen = |name: &str| flags.cases.is_empty() || flags.cases.iter().any(|case| case == name);
    print!("{}", report::machine());
    let site = Site { wharf, scale, filled: Filled::default() };
    let mut whole = true;
    for case in CASES.iter().filter(|case| chosen(case.name)) {
        let outcomes = run::run(case, &site).await;
        whole &= outcomes.iter().all(|outcome| outcome.void.is_none());
        print!("{}", Report { case, scale, outcomes: &outcomes });
    }
    if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
