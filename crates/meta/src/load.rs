//! Rows into an empty database, which serves nobody until all of them are there.

use async_trait::async_trait;
use wharf_core::{Error, Kind, Result};

use crate::{
    Field, TABLES, Table,
    database::{Database, Step},
    session::Session,
    tables::Statements,
};

/// The setting that stands while a restore is unfinished. No backup holds it, for such a database is not backed up.
const MARK: &str = "unfinished-restore";
/// The table it stands in.
const SETTINGS: &str = "setting";
/// How many repositories one transaction looks through, for no statement may take seconds.
const STEP: i64 = 100;

impl Database {
    /// The version of the schema, which this binary and the database share.
    pub const fn schema() -> i64 {
        crate::migrate::newest()
    }

    /// Whether a restore into this database was begun and not finished.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn is_restoring(&self) -> Result<bool> {
        self.read(IsMarked).await
    }

    /// Refuses a database into which a restore was begun and not finished.
    ///
    /// # Errors
    /// `Conflict`; `Unavailable`.
    pub async fn expect_whole(&self) -> Result<()> {
        match self.is_restoring().await? {
            false => Ok(()),
            true => Err(Error::new(
                Kind::Conflict,
                "a restore into this database did not come to its end: run the same wharf restore again",
            )),
        }
    }

    /// Begins a restore, or begins one anew that came to no end. From now on the database serves nobody.
    ///
    /// # Errors
    /// `Conflict` where the database holds anything else; `Unavailable`.
    pub async fn begin_restore(&self) -> Result<()> {
        if self.is_restoring().await? {
            for table in TABLES.iter().rev().filter(|table| table.name != SETTINGS) {
                while self.write(Clear { table }).await? > 0 {}
            }
        }
        self.write(Begin).await
    }

    /// Adds rows to a table, all or none, their fields in the order of its columns.
    ///
    /// # Errors
    /// `Invalid` for a row that the table cannot hold; `Unavailable`.
    pub async fn load(&self, table: &'static Table, rows: Vec<Vec<Field>>) -> Result<()> {
        self.write(Load { table, rows }).await
    }

    /// Ends a restore: ids go on after those that are there, memberships that nothing needs are looked at by the
    /// collector after `delay` seconds, and the database may serve.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn end_restore(&self, delay: i64) -> Result<()> {
        if self.has_sequences() {
            self.write(MoveOn).await?;
        }
        let mut after = 0;
        while let Some(last) = self.write(AskReviews { after, delay }).await? {
            after = last;
        }
        self.write(End).await
    }
}

fn statements(table: &Table) -> Result<&'static Statements> {
    table.statements().ok_or_else(|| Error::internal("a table without statements"))
}

async fn is_marked(session: &mut dyn Session) -> Result<bool> {
    const FIND: &str = "SELECT name FROM setting WHERE name = $1";
    Ok(session.query_first(FIND, &[MARK.into()]).await?.is_some())
}

struct IsMarked;

#[async_trait]
impl Step for IsMarked {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        is_marked(session).await
    }
}

/// Removes some rows of a table, and says how many.
struct Clear {
    table: &'static Table,
}

#[async_trait]
impl Step for Clear {
    type Output = u64;

    async fn run(&self, session: &mut dyn Session) -> Result<u64> {
        session.execute(statements(self.table)?.clear, &[]).await
    }
}

/// Sets the mark, in a database where nothing else stands.
struct Begin;

#[async_trait]
impl Step for Begin {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const EMPTY: &str = "DELETE FROM setting";
        const SET: &str = "INSERT INTO setting (name, value) VALUES ($1, $2)";
        if is_marked(session).await? {
            session.execute(EMPTY, &[]).await?;
        }
        for table in TABLES {
            if session.query_first(statements(table)?.any, &[]).await?.is_some() {
                let message = "the database is not empty: restore into one that no Wharf has served from";
                return Err(Error::new(Kind::Conflict, message));
            }
        }
        session.execute(SET, &[MARK.into(), [].as_slice().into()]).await.map(drop)
    }
}

struct Load {
    table: &'static Table,
    rows: Vec<Vec<Field>>,
}

#[async_trait]
impl Step for Load {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        let columns = self.table.columns;
        for row in &self.rows {
            let fits = row.len() == columns.len()
                && row.iter().zip(columns).all(|(field, column)| field.is(column.kind));
            if !fits {
                let message = format!("a row does not fit the table {}", self.table.name);
                return Err(Error::new(Kind::Invalid, message));
            }
            let values: Vec<_> = row.iter().zip(columns).map(|(field, column)| field.value(column)).collect();
            session.execute(statements(self.table)?.insert, &values).await?;
        }
        Ok(())
    }
}

struct MoveOn;

#[async_trait]
impl Step for MoveOn {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        for table in TABLES.iter().filter(|table| table.is_counted()) {
            session.query(statements(table)?.move_on, &[]).await?;
        }
        Ok(())
    }
}

/// Asks for reviews of what nothing needs in the repositories after one; says which was the last of them. Whoever
/// uploaded it and never named it may still do so, and else it goes.
struct AskReviews {
    after: i64,
    delay: i64,
}

#[async_trait]
impl Step for AskReviews {
    type Output = Option<i64>;

    async fn run(&self, session: &mut dyn Session) -> Result<Option<i64>> {
        const LIST: &str = "SELECT p.id FROM repository p WHERE p.id > $1 ORDER BY p.id LIMIT $2";
        const ASK: &str = "
            INSERT INTO review (repository_id, blob_id, epoch, due_at, after_deletion)
            SELECT m.repository_id, m.blob_id, m.epoch, (SELECT c.time FROM collection_clock c) + $1, 0
            FROM repository_blob m JOIN blob b ON b.id = m.blob_id
            WHERE m.repository_id > $2 AND m.repository_id <= $3
                AND NOT EXISTS (SELECT 1 FROM manifest_edge e
                    WHERE e.repository_id = m.repository_id AND e.digest = b.digest)
            ON CONFLICT (repository_id, blob_id) DO NOTHING";
        let repositories = session.query(LIST, &[self.after.into(), STEP.into()]).await?;
        let Some(mut last) = repositories.into_iter().last() else { return Ok(None) };
        let last: i64 = last.next()?;
        let delay = self.delay.saturating_mul(1_000_000);
        session.execute(ASK, &[delay.into(), self.after.into(), last.into()]).await?;
        Ok(Some(last))
    }
}

struct End;

#[async_trait]
impl Step for End {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const FORGET: &str = "DELETE FROM setting WHERE name = $1";
        session.execute(FORGET, &[MARK.into()]).await.map(drop)
    }
}
