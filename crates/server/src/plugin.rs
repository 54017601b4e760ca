//! `wharf plugin`: memflow plugins signed and pushed, pulled for this machine, kept up to date, listed and verified.
//!
//! It speaks the API of memflow's own registry, to a Wharf or to the original. What comes in is believed for its
//! signature alone: a file gets its name only when its digest is right, a key of the user's choice signed it, and it is
//! the plugin that was asked for.

mod address;
mod arguments;
mod candidate;
mod fetch;
mod folder;
mod keys;
mod list;
mod pins;
mod platform;
mod pull;
mod push;
mod registry;
mod report;
mod storage;
mod update;
mod verify;

use std::process::ExitCode;

use wharf_core::Result;

pub(crate) use self::arguments::{Options, grammar};

/// What the process ends with where one of the plugins failed.
const INCOMPLETE: u8 = 3;

/// Does what the options say, and says how that went.
///
/// # Errors
/// What kept it from beginning. What fails later stands in the report, and in the exit code.
pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let whole = match options {
        Options::Push(options) => push::run(options).await?,
        Options::Pull(options) => pull::run(options).await?,
        Options::Update(options) => update::run(options).await?,
        Options::List(options) => list::run(options).await?,
        Options::Verify(options) => verify::run(options).await?,
        Options::MoveIn(options) => storage::run(options).await?,
    };
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
}
