//! Log lines: text for people, JSON for machines, on standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use wharf_core::{Error, Kind, Result};

use crate::config::{Config, LogFormat};

/// Begins logging as configured.
pub(crate) fn begin(config: &Config) -> Result<()> {
    let wrong = |error| Error::new(Kind::Invalid, format!("log: {error}"));
    let filter = EnvFilter::try_new(&config.log).map_err(wrong)?;
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
