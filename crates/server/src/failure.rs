//! Why a command came to nothing: its words say nothing, or what they say could not be done.

use std::fmt;

use wharf_core::Error;

/// Why a command came to nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The words on the command line mean nothing. Said as the grammar says what it refuses.
    Usage(String),
    /// What it was to do failed.
    Work(Error),
}

impl Failure {
    /// A refusal of the words, in the words of whoever reads them.
    pub(crate) fn usage(words: impl ToString) -> Self {
        Self::Usage(words.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(words) => f.write_str(words),
            Self::Work(error) => error.fmt(f),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Work(error)
    }
}
