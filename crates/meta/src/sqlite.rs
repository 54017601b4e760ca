//! SQLite: one file, written by one thread, read by a pool.

mod connection;
mod reader;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use wharf_core::{Error, Kind, Result};

pub(crate) use self::connection::error;
use self::{
    reader::Readers,
    writer::{Committer, Writer},
};
use crate::{
    memory::Memory,
    meters::{Meters, State},
    session::Unit,
};

/// The oldest SQLite without the WAL-reset race, which can corrupt a database (sqlite.org/wal.html).
const OLDEST: i32 = 3_051_003;

/// A SQLite database that is open.
pub(crate) struct Sqlite {
    path: PathBuf,
    durability: String,
    writer: Writer,
    memory: Arc<Memory>,
    readers: Readers,
}

impl Sqlite {
    /// Opens the file, made if it is not there, and brings its schema up to date.
    pub(crate) fn open(path: &Path, ballast: &Path, meters: Arc<Meters>) -> Result<Self> {
        if rusqlite::version_number() < OLDEST {
            return Err(Error::new(Kind::Unsupported, "this build links an SQLite older than 3.51.3"));
        }
        let named = connection::named(path);
        let mut connection = connection::open_writer(path).map_err(&named)?;
        crate::migrate::sqlite(&mut connection).map_err(&named)?;
        let durability = connection::durability(&connection)?;
        let memory = Arc::<Memory>::default();
        let committer = Committer::new(connection, meters, memory.clone());
        Ok(Self {
            path: path.to_owned(),
            durability,
            writer: Writer::start(committer, ballast.to_owned())?,
            memory,
            readers: Readers::open(path)?,
        })
    }

    /// What it said lately, and what still stands of that.
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// What it does before it acknowledges a write, as it says itself.
    pub(crate) fn durability(&self) -> &str {
        &self.durability
    }

    /// How its files and its queue stand.
    pub(crate) fn state(&self) -> State {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        State::Sqlite {
            database_bytes: size_of_file(&self.path),
            log_bytes: size_of_file(Path::new(&log)),
            waiting: self.writer.waiting(),
        }
    }

    /// Runs a unit durably.
    pub(crate) async fn write(&self, unit: Arc<dyn Unit>) -> Result<()> {
        self.writer.run(unit).await
    }

    /// Runs a unit that only reads, on one consistent state.
    pub(crate) async fn read(&self, unit: Arc<dyn Unit>) -> Result<()> {
        self.readers.run(unit).await
    }
}

/// Runs a unit that only reads, on this thread; how many steps of SQLite's machine its statements took.
#[cfg(test)]
pub(crate) fn count_steps(path: &Path, unit: &dyn Unit) -> i64 {
    let mut connection = connection::open_reader(path).unwrap();
    connection::STEPS.set(0);
    connection::SqliteSession::new(&mut connection).run(unit).unwrap();
    connection::STEPS.get()
}

/// How many steps of SQLite's machine the statements on this thread took so far.
#[cfg(test)]
pub(crate) fn steps() -> i64 {
    connection::STEPS.get()
}

#[expect(clippy::disallowed_methods, reason = "only the file system knows how large the files are")]
fn size_of_file(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}
