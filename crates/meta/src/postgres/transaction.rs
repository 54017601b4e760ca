//! A connection whose transaction is open.
//!
//! Dropped before the transaction was ended – by an error, a panic, a shutdown – the connection is closed rather
//! than given back: nobody may go on in another's transaction.

use std::mem;

use async_trait::async_trait;
use futures_util::future::join;
use wharf_core::{Error, Result};

use super::{
    Pool, Pooled,
    catch_up::Entry,
    commit::{Fate, fate},
    connection::{Connection, answered},
    fault::{Chance, Failed, Fault},
    take, values,
};
use crate::{
    memory::{Changes, Content},
    session::{Row, Session, Value, Writers},
};

/// Whether a transaction may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// Begins, and learns the id under which a lost commit can be looked up, in one round trip.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_current_xact_id()";
/// Begins a transaction that sees one state.
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// Commits, without a limit on the server's side: a commit that waits for a synchronous standby and is cancelled
/// reports success all the same. In a transaction that failed, the first statement is refused, so that a commit
/// cannot turn into a rollback in silence.
const COMMIT: &str = "SET LOCAL statement_timeout = 0; COMMIT";
const ROLLBACK: &str = "ROLLBACK";

/// A connection in a transaction.
pub(super) struct Open<'p> {
    pool: &'p Pool,
    connection: Option<Pooled>,
    /// The id of the transaction, if it may write.
    id: Option<String>,
    /// What the latest fault leaves to hope for.
    chance: Chance,
    /// What was changed, for those who remember what it was.
    changes: Changes,
}

impl<'p> Open<'p> {
    pub(super) async fn begin(pool: &'p Pool, access: Access) -> Result<Self, Failed> {
        let connection = Some(take(pool).await?);
        let mut open = Self { pool, connection, id: None, chance: Chance::None, changes: Changes::default() };
        open.id = match access {
            Access::Read => open.connection()?.run(BEGIN_READ).await?,
            Access::Write => open.connection()?.run(BEGIN).await?,
        };
        Ok(open)
    }

    /// Ends the transaction so that it counts; one that only read is rolled back.
    pub(super) async fn commit(mut self) -> Result<(), Failed> {
        let Some(id) = self.id.take() else {
            // What was read is read, whatever becomes of the connection.
            self.end(ROLLBACK).await.ok();
            return Ok(());
        };
        match self.end_for_good().await {
            Ok(()) => Ok(()),
            Err(fault) if fault.is_silent() => self.look_up(&id, fault).await,
            Err(fault) => Err(fault.into()),
        }
    }

    /// Ends the transaction so that it never was; the unit's error goes on.
    pub(super) async fn roll_back(mut self, error: Error) -> Failed {
        let chance = self.chance;
        if matches!(chance, Chance::None | Chance::Race) {
            // A connection that cannot even do this is closed by the drop.
            self.end(ROLLBACK).await.ok();
        }
        Failed { error, chance }
    }

    /// Writes down what was changed, where anything was, and commits, in one round trip. The server goes on to the commit
    /// also where the first failed, and refuses it then.
    async fn end_for_good(&mut self) -> Result<(), Fault> {
        let mut changes = Changes::default();
        changes.add(mem::take(&mut self.changes));
        let Some(connection) = self.connection.as_mut().filter(|_| !changes.is_empty()) else {
            return self.end(COMMIT).await;
        };
        let insert = connection.prepared(Entry::INSERT).await?;
        let entry = Entry::Changed(changes).to_row();
        let written = async { answered(connection.client.execute(&insert, &[&entry])).await };
        match join(written, connection.run(COMMIT)).await {
            (_, Ok(_)) => {}
            // The commit was refused for what happened before it.
            (Err(fault), Err(refused)) if !refused.is_silent() => return Err(fault),
            (_, Err(fault)) => return Err(fault),
        }
        self.connection = None;
        Ok(())
    }

    async fn end(&mut self, sql: &str) -> Result<(), Fault> {
        if let Some(connection) = &self.connection {
            connection.run(sql).await?;
        }
        self.connection = None;
        Ok(())
    }

    /// Learns what became of a commit that was not answered, on a new connection in the place of the lost one.
    async fn look_up(mut self, id: &str, lost: Fault) -> Result<(), Failed> {
        let found = match &mut self.connection {
            Some(connection) => fate(self.pool, connection, id).await,
            None => Fate::Unknown,
        };
        tracing::warn!(transaction = id, fate = ?found, cause = %lost, "a commit was not answered");
        if found != Fate::Unknown {
            // It was asked on a connection that is good.
            self.connection = None;
        }
        match found {
            Fate::Committed => Ok(()),
            Fate::RolledBack => Err(Failed { error: lost.into(), chance: Chance::Fresh }),
            Fate::Unknown => Err(Failed { error: lost.into(), chance: Chance::None }),
        }
    }

    fn connection(&mut self) -> Result<&mut Connection> {
        let ended = || Error::internal("a transaction that was ended goes on");
        self.connection.as_deref_mut().ok_or_else(ended)
    }

    fn note(&mut self, fault: Fault) -> Error {
        self.chance = fault.chance();
        fault.into()
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Pooled::take(connection));
        }
    }
}

#[async_trait]
impl Session for Open<'_> {
    async fn execute(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<u64> {
        let connection = self.connection()?;
        let executed = async {
            let statement = connection.prepared(sql).await?;
            answered(connection.client.execute(&statement, &values::parameters(values))).await
        };
        let touched = executed.await.map_err(|fault| self.note(fault))?;
        if touched > 0 {
            self.changes.note(sql);
        }
        Ok(touched)
    }

    async fn query(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>> {
        let connection = self.connection()?;
        let found = async {
            let statement = connection.prepared(sql).await?;
            let rows = answered(connection.client.query(&statement, &values::parameters(values))).await?;
            rows.iter().map(values::row).collect::<Result<_, _>>().map_err(Fault::Driver)
        };
        let rows = found.await.map_err(|fault| self.note(fault))?;
        self.changes.note(sql);
        Ok(rows)
    }

    fn writers(&self) -> Writers {
        Writers::Many
    }

    fn changes(&mut self, content: Content) {
        self.changes.name(content);
    }
}
