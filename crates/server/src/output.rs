//! What commands say: data on standard output, everything else on standard error. Nothing else in the program prints.
//!
//! A reader that went away, such as `head`, wanted no more: the command goes on to its end, and its exit code tells of its
//! work alone.

use std::io::{self, Write as _};

use clap::ArgMatches;
use serde::{Deserialize, Serialize};
use wharf_core::{Error, Kind, Result};

/// How a command says what it has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OutputFormat {
    /// For somebody at a terminal or of a log.
    Text,
    /// For a program: one JSON object for each line.
    Json,
}

impl OutputFormat {
    /// As the flag `--json` says.
    pub(crate) fn of(arguments: &ArgMatches) -> Self {
        if arguments.get_flag("json") { Self::Json } else { Self::Text }
    }
}

/// Writes a text to standard output, as it is.
///
/// # Errors
/// `Internal` where it cannot be written although somebody reads it, as to a full disk.
pub(crate) fn say(text: &str) -> Result<()> {
    let mut output = io::stdout().lock();
    let written = output.write_all(text.as_bytes()).and_then(|()| output.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::new(Kind::Internal, "standard output cannot be written").because(error))
        }
        _ => Ok(()),
    }
}

/// Writes a line to standard error, whoever worded it. Where that cannot be, there is nobody left to tell.
pub(crate) fn remark(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", printable(line));
}

/// A stranger's text, without what moves a terminal or turns the direction of a line.
pub(crate) fn printable(text: &str) -> String {
    let moves = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if moves(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_text_moves_no_terminal() {
        assert_eq!(
            printable("dump\u{1b}[31m\r\n\u{9b}x caf\u{e9} \u{202e}gpj"),
            "dump [31m   x caf\u{e9}  gpj"
        );
    }
}
