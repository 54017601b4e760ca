//! Log lines: text for people, JSON for machines, on standard error. And, where they are wanted, traces.

use std::io::{self, IsTerminal};

use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt as _, LevelFilter, filter_fn},
    layer::SubscriberExt as _,
    registry,
    util::SubscriberInitExt as _,
};
use wharf_core::{Error, Kind, Result};

use crate::{
    config::{Config, LogFormat},
    traces::Traces,
};

/// Whether a word by itself is a level or a part of Wharf.
fn is_known(word: &str) -> bool {
    word.parse::<LevelFilter>().is_ok() || word.starts_with("wharf")
}

/// Begins logging as configured, and tracing into what is given. Spans are for traces alone: where nobody takes
/// those, they are not even made.
pub(crate) fn begin(config: &Config, traces: Option<&Traces>) -> Result<()> {
    let wrong = || {
        let levels = "off, error, warn, info, debug, trace, or filters like info,wharf_registry=debug";
        Error::new(Kind::Invalid, format!("log must be one of {levels}; not {:?}", config.log))
    };
    // A misspelt level would be taken for the name of a part, and silence everything else.
    let bare =
        config.log.split(',').map(str::trim).find(|word| !word.contains(['=', '[']) && !is_known(word));
    let filter = EnvFilter::try_new(&config.log).ok().filter(|_| bare.is_none()).ok_or_else(wrong)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let text = match config.log_format {
        LogFormat::Text => true,
        LogFormat::Json => false,
        LogFormat::Auto => io::stderr().is_terminal(),
    };
    let lines = match text {
        true => lines.with_ansi(io::stderr().is_terminal()).boxed(),
        false => lines.json().flatten_event(true).boxed(),
    };
    let lines = lines.with_filter(filter.and(filter_fn(|metadata| metadata.is_event())));
    let begun = registry().with(lines).with(traces.map(Traces::layer)).try_init();
    begun.map_err(|error| Error::internal(error.to_string()))
}
