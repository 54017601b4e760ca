//! Why a command stopped. Printed once, by `main` or by the step that failed.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// Why a command stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A file or directory could not be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// The file that was meant.
        path: PathBuf,
        /// What the system answered.
        source: std::io::Error,
    },
    /// A program could not be started at all.
    #[error("cannot start {program}")]
    Start {
        /// The program's name as it was called.
        program: String,
        /// What the system answered.
        source: std::io::Error,
    },
    /// A program ran and said no.
    #[error("{program} ended with {status}{said}")]
    Ended {
        /// The program's name as it was called.
        program: String,
        /// Its exit status.
        status: ExitStatus,
        /// What it wrote to standard error, when that was captured; else empty.
        said: String,
    },
    /// A program answered something that does not parse.
    #[error("the answer of {program} does not parse")]
    Answer {
        /// The program's name as it was called.
        program: &'static str,
        /// The parser's complaint.
        source: serde_json::Error,
    },
    /// A rule of the project is broken; the text names each place.
    #[error("{0}")]
    Broken(String),
}

impl Failure {
    /// For `map_err` on a file operation: names the file.
    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        |source| Self::File { path, source }
    }

    /// The failure and the chain of its causes on one line.
    pub(crate) fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_with_its_causes() {
        let failure = Failure::file(Path::new("deny.toml"))(std::io::Error::other("no such file"));
        assert_eq!(failure.with_causes(), "cannot use deny.toml: no such file");
    }
}
