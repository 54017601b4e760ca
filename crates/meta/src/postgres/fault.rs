//! What a failure of PostgreSQL's means: to the engines, and for running a unit again.
//!
//! The codes are those of its manual, appendix A.

use std::{error::Error as StdError, fmt, io};

use tokio_postgres::error::{DbError, Severity, SqlState};
use wharf_core::{Error, Kind};

/// The words for a client while the database is not to be had.
pub(super) const UNAVAILABLE: &str = "the database is not available";

/// Whether a unit of which nothing was stored may run again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Chance {
    /// It would meet the same.
    #[default]
    None,
    /// It lost against another transaction, which has ended.
    Race,
    /// Its connection was at fault: another one may do.
    Fresh,
    /// Its connection was at fault, and the others most likely are: the server is cut off, or no primary any more.
    AllFresh,
}

/// A failed attempt, of which nothing was stored unless the error says that nobody knows.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: Error,
    pub(super) chance: Chance,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { error, chance: Chance::None }
    }
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self { chance: fault.chance(), error: fault.into() }
    }
}

/// What came instead of an answer.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server refused, or the connection broke.
    Driver(tokio_postgres::Error),
    /// Nothing, for longer than a statement may take.
    Silence,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Driver(error) => error.fmt(f),
            Self::Silence => f.write_str("PostgreSQL did not answer in time"),
        }
    }
}

impl StdError for Fault {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Driver(error) => error.source(),
            Self::Silence => None,
        }
    }
}

impl Fault {
    /// Whether the server may have done what it was asked and the answer was lost.
    pub(super) fn is_silent(&self) -> bool {
        match self {
            Self::Silence => true,
            Self::Driver(error) => error.as_db_error().map_or_else(|| is_broken(error), is_fatal),
        }
    }

    fn state(&self) -> Option<&SqlState> {
        match self {
            Self::Driver(error) => error.code(),
            Self::Silence => None,
        }
    }

    /// Whether running the unit again makes sense.
    pub(super) fn chance(&self) -> Chance {
        if matches!(self, Self::Silence) {
            return Chance::AllFresh;
        }
        if self.is_silent() {
            return Chance::Fresh;
        }
        match self.state().map(SqlState::code) {
            // A row that came or went meanwhile, a serialization failure, a deadlock, a lock that was not had.
            Some("23505" | "23503" | "40001" | "40P01" | "55P03") => Chance::Race,
            // A prepared statement that went stale or was forgotten.
            Some("0A000" | "26000") => Chance::Fresh,
            // Writes to a server that takes none.
            Some("25006") => Chance::AllFresh,
            _ => Chance::None,
        }
    }

    fn kind(&self) -> Kind {
        let Some(state) = self.state() else {
            return if self.is_silent() { Kind::Unavailable } else { Kind::Internal };
        };
        match (state.code(), state.code().get(..2).unwrap_or_default()) {
            ("0A000" | "26000", _) => Kind::Unavailable,
            (_, "23") => Kind::Conflict,
            (_, "0A" | "21" | "22" | "42" | "25") if state.code() != "25006" => Kind::Internal,
            _ => Kind::Unavailable,
        }
    }
}

/// The server ended the session with these words.
fn is_fatal(said: &DbError) -> bool {
    matches!(said.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
}

/// The connection is no more.
fn is_broken(error: &tokio_postgres::Error) -> bool {
    error.is_closed() || error.source().is_some_and(|cause| cause.is::<io::Error>())
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let (kind, message) = match fault.kind() {
            Kind::Conflict => (Kind::Conflict, "the request conflicts with another one"),
            Kind::Internal => (Kind::Internal, "internal error"),
            _ => (Kind::Unavailable, UNAVAILABLE),
        };
        Self::new(kind, message).because(fault)
    }
}

/// What a failure of PostgreSQL's means to the engines.
pub(super) fn error(error: tokio_postgres::Error) -> Error {
    Fault::Driver(error).into()
}
