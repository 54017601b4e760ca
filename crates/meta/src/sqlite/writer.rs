//! The one thread that writes, and group commit.
//!
//! It takes one waiting unit, then all others that wait, into one transaction: each in a savepoint of its own, so
//! that one can fail alone, and one commit for all, so that they share its flush. Nobody is answered before that, and
//! before what the batch changed is forgotten.

use std::{
    mem,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Instant,
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use wharf_core::{Error, Kind, Result};

use super::connection::{SqliteSession, error};
use crate::{
    memory::{Changes, Memory},
    meters::Meters,
    session::Unit,
};

/// The most units one commit takes.
const BATCH: usize = 256;
/// How many units may wait; more wait outside.
const QUEUE: usize = 1024;

pub(super) struct Writer {
    queue: mpsc::Sender<Waiting>,
}

/// A unit and whoever waits for it, perhaps no longer.
struct Waiting {
    unit: Arc<dyn Unit>,
    reply: oneshot::Sender<Result<()>>,
}

impl Writer {
    pub(super) fn start(committer: Committer, ballast: PathBuf) -> Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new().name("sqlite-writer".to_owned());
        let work = move || {
            let _fail_stop = FailStop;
            write(committer, waiting, &ballast);
        };
        thread.spawn(work).map_err(Error::unavailable)?;
        Ok(Self { queue })
    }

    /// How many units wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Queues a unit and waits until it is durable. Once queued, it runs whether or not anybody still waits.
    pub(super) async fn run(&self, unit: Arc<dyn Unit>) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(Waiting { unit, reply }).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// Ends the process when the writer panics: nobody knows then what it did, and a restart is the tested path.
struct FailStop;

impl Drop for FailStop {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!("the database's writer panicked, the process ends");
            std::process::abort();
        }
    }
}

fn gone() -> Error {
    Error::unavailable("the database's writer has ended")
}

/// The connection that writes, who counts what it does, and who remembers what it said before.
pub(super) struct Committer {
    connection: Connection,
    meters: Arc<Meters>,
    memory: Arc<Memory>,
    /// What was changed since it was last forgotten.
    changes: Changes,
}

impl Committer {
    pub(super) fn new(connection: Connection, meters: Arc<Meters>, memory: Arc<Memory>) -> Self {
        Self { connection, meters, memory, changes: Changes::default() }
    }

    /// Runs a unit in the open transaction.
    fn run(&mut self, unit: &dyn Unit) -> Result<()> {
        let mut session = SqliteSession::new(&mut self.connection);
        let done = session.run(unit);
        self.changes.add(session.into_changes());
        done
    }

    /// Lets what was changed be forgotten, whatever became of the transactions that did.
    fn forget(&mut self) {
        self.memory.forget(&mem::take(&mut self.changes));
    }

    /// Commits a transaction of so many units: the flush they share.
    fn commit(&self, units: usize) -> rusqlite::Result<()> {
        self.meters.batches.record(units as u64);
        self.memory.close(&self.changes);
        let began = Instant::now();
        let committed = execute(&self.connection, "COMMIT");
        self.meters.commits.record(began.elapsed());
        committed
    }
}

fn write(mut committer: Committer, mut queue: mpsc::Receiver<Waiting>, ballast: &Path) {
    while let Some(first) = queue.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH {
            match queue.try_recv() {
                Ok(next) => batch.push(next),
                Err(_) => break,
            }
        }
        let mut results = commit(&mut committer, &batch);
        if results.iter().any(is_full) && give_up_ballast(ballast) {
            for (waiting, result) in batch.iter().zip(&mut results).filter(|(_, result)| is_full(result)) {
                *result = commit_alone(&mut committer, waiting);
            }
        }
        committer.forget();
        for (waiting, result) in batch.into_iter().zip(results) {
            // Whoever gave up waiting learns from the database later.
            let _ = waiting.reply.send(result);
        }
    }
}

fn is_full(result: &Result<()>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == Kind::StorageFull)
}

/// Makes room on a full disk; false where there was nothing to give up.
#[expect(clippy::disallowed_methods, reason = "the ballast is a file")]
fn give_up_ballast(ballast: &Path) -> bool {
    let given = std::fs::remove_file(ballast).is_ok();
    if given {
        tracing::error!("the disk is full: the ballast was given up so that deletions find room");
    }
    given
}

/// Commits a batch; where the whole transaction broke under one of its units, each unit once more alone.
fn commit(committer: &mut Committer, batch: &[Waiting]) -> Vec<Result<()>> {
    match commit_together(committer, batch) {
        Ok(results) => results,
        Err(Broken) => batch.iter().map(|waiting| commit_alone(committer, waiting)).collect(),
    }
}

/// The transaction is gone with everything in it, and nobody was answered.
struct Broken;

fn commit_together(committer: &mut Committer, batch: &[Waiting]) -> Result<Vec<Result<()>>, Broken> {
    if let Err(failed) = execute(&committer.connection, "BEGIN IMMEDIATE") {
        // Nothing was begun, so the cause can be told.
        let failed = error(failed);
        return Ok(batch.iter().map(|_| Err(again(&failed))).collect());
    }
    let mut results = Vec::with_capacity(batch.len());
    for waiting in batch {
        results.push(run_in_savepoint(committer, waiting)?);
    }
    match committer.commit(batch.len()) {
        Ok(()) => Ok(results),
        Err(failed) => {
            let _ = execute(&committer.connection, "ROLLBACK");
            let failed = error(failed);
            tracing::error!(error = ?failed, operations = batch.len(), "commit failed");
            Ok(unknown(&failed, batch.len()))
        }
    }
}

/// Some errors (disk full, I/O) roll the whole transaction back, released savepoints too: then it is `Broken`.
fn run_in_savepoint(committer: &mut Committer, waiting: &Waiting) -> Result<Result<()>, Broken> {
    execute(&committer.connection, "SAVEPOINT unit").map_err(|_| give_up(&committer.connection))?;
    let result = committer.run(waiting.unit.as_ref());
    let connection = &committer.connection;
    if connection.is_autocommit() {
        return Err(Broken);
    }
    let undone = if result.is_ok() { Ok(()) } else { execute(connection, "ROLLBACK TO unit") };
    undone.and_then(|()| execute(connection, "RELEASE unit")).map_err(|_| give_up(connection))?;
    Ok(result)
}

fn commit_alone(committer: &mut Committer, waiting: &Waiting) -> Result<()> {
    execute(&committer.connection, "BEGIN IMMEDIATE").map_err(error)?;
    let result = committer.run(waiting.unit.as_ref());
    let connection = &committer.connection;
    if connection.is_autocommit() {
        return result.and(Err(Error::unavailable("the transaction was rolled back")));
    }
    let ended = if result.is_ok() { committer.commit(1) } else { execute(connection, "ROLLBACK") };
    if let Err(failed) = ended {
        let _ = execute(&committer.connection, "ROLLBACK");
        return Err(committed_not(failed));
    }
    result
}

fn give_up(connection: &Connection) -> Broken {
    let _ = execute(connection, "ROLLBACK");
    Broken
}

/// Begins or ends a transaction; the statement is prepared once.
fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// A failed commit is not "not stored": until the next start nobody knows, so all of them are told to try again. Only
/// a full disk is known: SQLite has no room for the commit's last page, and takes it back.
fn unknown(cause: &Error, waiting: usize) -> Vec<Result<()>> {
    let full = cause.kind() == Kind::StorageFull;
    (0..waiting)
        .map(|_| Err(if full { again(cause) } else { Error::unavailable(format!("{cause:?}")) }))
        .collect()
}

/// What a failed commit of one unit means, as above.
fn committed_not(failed: rusqlite::Error) -> Error {
    let cause = error(failed);
    if cause.kind() == Kind::StorageFull { cause } else { Error::unavailable(cause) }
}

/// The same error for one more caller.
fn again(cause: &Error) -> Error {
    Error::new(cause.kind(), cause.message()).because(format!("{cause:?}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;
    use crate::{session::Session, sqlite::connection::open_writer};

    /// Inserts a number, and fails after that if it is odd.
    struct Insert(i64, Mutex<u32>);

    #[async_trait]
    impl Unit for Insert {
        async fn run(&self, session: &mut dyn Session) -> Result<()> {
            *self.1.lock().unwrap() += 1;
            session.execute("INSERT INTO number VALUES ($1)", &[self.0.into()]).await?;
            if self.0 % 2 == 0 { Ok(()) } else { Err(Error::new(Kind::Invalid, "odd")) }
        }
    }

    fn table(folder: &tempfile::TempDir) -> Committer {
        let connection = open_writer(&folder.path().join("db")).unwrap();
        connection.execute_batch("CREATE TABLE number (n INTEGER NOT NULL)").unwrap();
        Committer::new(connection, Arc::default(), Arc::default())
    }

    fn numbers(connection: &Connection) -> Vec<i64> {
        let mut statement = connection.prepare("SELECT n FROM number ORDER BY n").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    fn waiting(number: i64) -> (Waiting, oneshot::Receiver<Result<()>>) {
        let (reply, answer) = oneshot::channel();
        (Waiting { unit: Arc::new(Insert(number, Mutex::new(0))), reply }, answer)
    }

    #[test]
    fn a_failing_unit_leaves_the_others_of_its_batch_committed() {
        let folder = tempfile::tempdir().unwrap();
        let mut committer = table(&folder);
        let batch: Vec<Waiting> = (0..5).map(|n| waiting(n).0).collect();
        let results = commit(&mut committer, &batch);
        assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, false, true]);
        assert_eq!(numbers(&committer.connection), [0, 2, 4]);
    }

    #[test]
    fn every_commit_is_told_to_flush() {
        let folder = tempfile::tempdir().unwrap();
        let connection = table(&folder).connection;
        let full: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        assert_eq!(full, 2);
    }

    #[test]
    fn a_commit_that_fails_reaches_every_caller() {
        let folder = tempfile::tempdir().unwrap();
        let mut committer = table(&folder);
        committer.connection.execute_batch("PRAGMA query_only = ON").unwrap();
        let results = commit(&mut committer, &[waiting(2).0, waiting(4).0]);
        assert!(results.iter().all(Result::is_err));
        committer.connection.execute_batch("PRAGMA query_only = OFF").unwrap();
        assert!(numbers(&committer.connection).is_empty());
    }

    #[test]
    fn a_full_database_fails_only_what_does_not_fit() {
        let folder = tempfile::tempdir().unwrap();
        let mut committer = table(&folder);
        committer
            .connection
            .execute_batch("CREATE TABLE filler (b BLOB NOT NULL); PRAGMA max_page_count = 40")
            .unwrap();
        /// Writes more than the database may hold.
        struct Fill;
        #[async_trait]
        impl Unit for Fill {
            async fn run(&self, session: &mut dyn Session) -> Result<()> {
                session.execute("INSERT INTO filler VALUES (zeroblob(1000000))", &[]).await.map(drop)
            }
        }
        let filler = Waiting { unit: Arc::new(Fill), reply: oneshot::channel().0 };
        let results = commit(&mut committer, &[waiting(2).0, filler, waiting(4).0]);
        assert_eq!(results[1].as_ref().unwrap_err().kind(), Kind::StorageFull);
        assert!(results[0].is_ok() && results[2].is_ok());
        assert_eq!(numbers(&committer.connection), [2, 4]);
    }

    #[tokio::test]
    async fn forty_callers_at_once_are_all_answered_after_their_commit() {
        let folder = tempfile::tempdir().unwrap();
        let meters = Arc::<Meters>::default();
        let committer = Committer::new(table(&folder).connection, meters.clone(), Arc::default());
        let writer = Writer::start(committer, folder.path().join("ballast")).unwrap();
        let calls = (0..40).map(|n| writer.run(Arc::new(Insert(2 * n, Mutex::new(0)))));
        let answers = futures_util::future::join_all(calls).await;
        assert!(answers.iter().all(Result::is_ok));
        let again = Connection::open(folder.path().join("db")).unwrap();
        assert_eq!(numbers(&again).len(), 40);
        let (batches, commits) = (meters.batches.spread(), meters.commits.spread());
        assert_eq!(batches.sum, 40, "every operation was in one batch");
        assert_eq!(batches.counts.iter().sum::<u64>(), commits.counts.iter().sum::<u64>());
    }
}
