//! The pool of connections that read.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rusqlite::Connection;
use wharf_core::{Error, Result};

use super::connection::{SqliteSession, error, open_reader};
use crate::{session::Unit, turns::ReadTurns};

/// How many reads run at once; more wait for their turn.
const CONNECTIONS: usize = 4;
/// How long one waits.
const TURN_WITHIN: Duration = Duration::from_secs(3);

pub(super) struct Readers {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: ReadTurns,
}

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let idle = (0..CONNECTIONS).map(|_| open_reader(path)).collect::<Result<_>>()?;
        Ok(Self {
            path: path.to_owned(),
            idle: Arc::new(Mutex::new(idle)),
            turns: ReadTurns::new(CONNECTIONS, TURN_WITHIN),
        })
    }

    /// Runs a unit on a thread that may block, inside one read transaction.
    pub(super) async fn run(&self, unit: Arc<dyn Unit>) -> Result<()> {
        let turn = self.turns.next(unit.extent()).await?;
        let (idle, path) = (self.idle.clone(), self.path.clone());
        let read = move || {
            let _turn = turn;
            let taken = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            // One whose reader panicked was not given back: another takes its place.
            let mut connection = taken.map_or_else(|| open_reader(&path), Ok)?;
            let done = read(&mut connection, unit.as_ref());
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            done
        };
        tokio::task::spawn_blocking(read).await.map_err(Error::internal)?
    }
}

fn read(connection: &mut Connection, unit: &dyn Unit) -> Result<()> {
    let run = |connection: &Connection, sql| connection.prepare_cached(sql)?.execute([]);
    run(connection, "BEGIN DEFERRED").map_err(error)?;
    let done = SqliteSession::new(connection).run(unit);
    run(connection, "ROLLBACK").map_err(error)?;
    done
}
