//! Connections and the session over one of them.

use std::{
    error::Error as _, fs::OpenOptions, os::unix::fs::OpenOptionsExt as _, path::Path, time::Duration,
};

use async_trait::async_trait;
use futures_util::FutureExt;
use rusqlite::{
    Connection, ErrorCode, OpenFlags,
    config::DbConfig,
    types::{ToSqlOutput, ValueRef},
};
use wharf_core::{Error, Kind, Result};

use crate::{
    memory::{Changes, Content},
    session::{Field, Row, Session, Unit, Value, Writers},
};

/// How many prepared statements a connection keeps: more than there are.
const STATEMENTS: usize = 256;

/// The one connection that writes.
pub(super) fn open_writer(path: &Path) -> Result<Connection> {
    make_private(path)?;
    let connection = Connection::open(path).map_err(error)?;
    // FULL: an acknowledged commit survives a power cut (NORMAL lost up to 469 at once when measured).
    let durable = [("journal_mode", "WAL"), ("synchronous", "FULL"), ("foreign_keys", "ON")];
    // What a savepoint would put back waits in memory: on disk it was an eighth of the writer's time, and nobody reads it
    // after a crash. A step changes a bounded number of rows, so it stays small.
    let settings = [durable.as_slice(), &[("temp_store", "MEMORY")]].concat();
    prepare(connection, &settings)
}

/// What a connection does before it acknowledges a write, in its own words: it was told, but a file system without
/// shared memory, say, has no WAL.
pub(super) fn durability(connection: &Connection) -> Result<String> {
    let journal: String =
        connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).map_err(error)?;
    let synchronous: i64 =
        connection.pragma_query_value(None, "synchronous", |row| row.get(0)).map_err(error)?;
    let words = ["off", "normal", "full", "extra"];
    let synchronous =
        usize::try_from(synchronous).ok().and_then(|level| words.get(level)).unwrap_or(&"unknown");
    Ok(format!("sqlite {}, {journal}, synchronous={synchronous}", rusqlite::version()))
}

/// Makes the file before SQLite does, so that only its owner can read it; its journals take the same mode.
#[expect(clippy::disallowed_methods, reason = "SQLite itself offers no mode for the file it makes")]
fn make_private(path: &Path) -> Result<()> {
    let options = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).to_owned();
    options.open(path).map(drop).map_err(Error::unavailable)
}

/// One of the connections that only read.
pub(super) fn open_reader(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(error)?;
    prepare(connection, &[("query_only", "ON")])
}

fn prepare(connection: Connection, settings: &[(&str, &str)]) -> Result<Connection> {
    connection.busy_timeout(Duration::from_secs(5)).map_err(error)?;
    // Plans do not depend on bound values: else SQLite prepares statements over partial indexes anew at each run.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(error)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    for (name, value) in settings.iter().chain(&[("trusted_schema", "OFF"), ("mmap_size", "0")]) {
        connection.pragma_update(None, name, value).map_err(error)?;
    }
    Ok(connection)
}

#[cfg(test)]
thread_local! {
    /// How many steps of SQLite's machine the statements on this thread took: what they cost, whatever the time of day.
    pub(super) static STEPS: std::cell::Cell<i64> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
fn count_steps(statement: &rusqlite::Statement<'_>) {
    STEPS.set(STEPS.get() + i64::from(statement.reset_status(rusqlite::StatementStatus::VmStep)));
}

/// A session over a connection. Its calls are done when they return, so a unit over it never waits.
pub(super) struct SqliteSession<'c> {
    connection: &'c mut Connection,
    /// What its statements changed.
    changes: Changes,
}

impl<'c> SqliteSession<'c> {
    pub(super) fn new(connection: &'c mut Connection) -> Self {
        Self { connection, changes: Changes::default() }
    }

    /// What was changed so far.
    pub(super) fn into_changes(self) -> Changes {
        self.changes
    }

    /// Runs a unit to its end on this thread.
    pub(super) fn run(&mut self, unit: &dyn Unit) -> Result<()> {
        let done = unit.run(self).now_or_never();
        done.unwrap_or_else(|| {
            Err(Error::internal("a transaction waited for something else than its session"))
        })
    }
}

#[async_trait]
impl Session for SqliteSession<'_> {
    async fn execute(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<u64> {
        let mut statement = self.connection.prepare_cached(sql).map_err(error)?;
        check_placeholders(&statement)?;
        self.changes.note(sql);
        let touched = statement.execute(rusqlite::params_from_iter(values)).map_err(error)?;
        #[cfg(test)]
        count_steps(&statement);
        Ok(touched as u64)
    }

    async fn query(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>> {
        let mut statement = self.connection.prepare_cached(sql).map_err(error)?;
        check_placeholders(&statement)?;
        if !statement.readonly() {
            self.changes.note(sql);
        }
        let columns = statement.column_count();
        let mut found = statement.query(rusqlite::params_from_iter(values)).map_err(error)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(error)? {
            let fields = (0..columns).map(|column| row.get_ref(column).map(field));
            rows.push(Row::new(fields.collect::<Result<_, _>>().map_err(error)?));
        }
        drop(found);
        #[cfg(test)]
        count_steps(&statement);
        Ok(rows)
    }

    fn writers(&self) -> Writers {
        Writers::One
    }

    fn changes(&mut self, content: Content) {
        self.changes.name(content);
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Integer(Some(value)) => ValueRef::Integer(*value),
            Self::Text(Some(value)) => ValueRef::Text(value.as_bytes()),
            Self::Bytes(Some(value)) => ValueRef::Blob(value),
            Self::Integer(None) | Self::Text(None) | Self::Bytes(None) => ValueRef::Null,
        }))
    }
}

fn field(value: ValueRef<'_>) -> Field {
    match value {
        ValueRef::Null | ValueRef::Real(_) => Field::Null,
        ValueRef::Integer(value) => Field::Integer(value),
        ValueRef::Text(value) => Field::Text(String::from_utf8_lossy(value).into_owned()),
        ValueRef::Blob(value) => Field::Bytes(value.to_vec()),
    }
}

/// SQLite takes `$3` for a name, not a number, and numbers names by their first use: so that one statement means
/// the same on both databases, `$1`, `$2`, … must come first in that order.
fn check_placeholders(statement: &rusqlite::Statement<'_>) -> Result<()> {
    for index in 1..=statement.parameter_count() {
        let name = statement.parameter_name(index).and_then(|name| name.strip_prefix('$'));
        if name.and_then(|name| name.parse().ok()) != Some(index) {
            return Err(Error::internal("a statement's placeholders do not stand in order"));
        }
    }
    Ok(())
}

/// Whether SQLite found something in its file that it did not write.
fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Names the file where one is damaged: whoever starts a server on it can do something about that.
pub(super) fn named(path: &Path) -> impl Fn(Error) -> Error {
    let path = path.to_owned();
    move |error| {
        let cause = error.source().and_then(|cause| cause.downcast_ref::<rusqlite::Error>());
        if !cause.is_some_and(is_damage) {
            return error;
        }
        let message = format!(
            "the database {} is damaged and not touched: move the data directory away and bring a backup back by \
             wharf restore",
            path.display()
        );
        Error::new(Kind::Internal, message).because(error)
    }
}

/// What a failure of SQLite's means to the engines.
pub(crate) fn error(error: rusqlite::Error) -> Error {
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Kind::StorageFull,
        Some(ErrorCode::ConstraintViolation) => Kind::Conflict,
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::SystemIoFailure
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen,
        ) => Kind::Unavailable,
        _ => Kind::Internal,
    };
    let message = match kind {
        Kind::StorageFull => "the storage is full",
        Kind::Conflict => "the request conflicts with another one",
        Kind::Unavailable => "the database is not available",
        _ if is_damage(&error) => "the database is damaged",
        _ => "internal error",
    };
    Error::new(kind, message).because(error)
}
