//! Log lines: text for people, JSON for machines, on standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, filter::LevelFilter};
use wharf_core::{Error, Kind, Result};

use crate::config::{Config, LogFormat};

/// Whether a word by itself is a level or a part of Wharf.
fn is_known(word: &str) -> bool {
    word.parse::<LevelFilter>().is_ok() || word.starts_with("wharf")
}

/// Begins logging as configured.
pub(crate) fn begin(config: &Config) -> Result<()> {
    let wrong =
        || Error::new(Kind::Invalid, format!("log must be a level, not {:?}; see wharf --help", config.log));
    // A misspelt level would be taken for the name of a part, and silence everything else.
    let bare =
        config.log.split(',').map(str::trim).find(|word| !word.contains(['=', '[']) && !is_known(word));
    let filter = EnvFilter::try_new(&config.log).ok().filter(|_| bare.is_none()).ok_or_else(wrong)?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let text = match config.log_format {
        LogFormat::Text => true,
        LogFormat::Json => false,
        LogFormat::Auto => io::stderr().is_terminal(),
    };
    let begun = if text {
        lines.with_ansi(io::stderr().is_terminal()).try_init()
    } else {
        lines.json().flatten_event(true).try_init()
    };
    begun.map_err(|error| Error::internal(error.to_string()))
}
