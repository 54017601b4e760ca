//! What the database counts of its own work, and how it stands.

use wharf_core::meter::{Counter, Durations, Histogram};

/// The buckets of how many units one commit took.
const UNITS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256];

/// The database's meters.
#[derive(Debug)]
pub struct Meters {
    /// Answers from memory, without a read.
    pub recalls: Counter,
    /// How long it took to learn what other nodes changed, once for all who waited. Only PostgreSQL has others.
    pub catch_ups: Durations,
    /// How long operations that read took, with the wait for a connection.
    pub reads: Durations,
    /// Reads that failed for the database's own reasons.
    pub reads_failed: Counter,
    /// How long operations that write took, until they were durable, with the wait for the writer.
    pub writes: Durations,
    /// Writes that failed for the database's own reasons.
    pub writes_failed: Counter,
    /// How long commits took, which is their flush. Only SQLite's writer tells.
    pub commits: Durations,
    /// How many operations one commit took. Only SQLite's writer tells.
    pub batches: Histogram,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            recalls: Counter::default(),
            catch_ups: Durations::default(),
            reads: Durations::default(),
            reads_failed: Counter::default(),
            writes: Durations::default(),
            writes_failed: Counter::default(),
            commits: Durations::default(),
            batches: Histogram::new(UNITS),
        }
    }
}

/// How the database stands at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// SQLite's files, in bytes, and its queues.
    Sqlite {
        /// The database.
        database_bytes: u64,
        /// What was written to it and not yet taken into its file.
        log_bytes: u64,
        /// Operations that wait for the writer.
        waiting: usize,
    },
    /// PostgreSQL's connections.
    Postgres {
        /// Connections that are open.
        open: usize,
        /// Those of them nobody uses.
        idle: usize,
        /// Operations that wait for one.
        waiting: usize,
    },
}
