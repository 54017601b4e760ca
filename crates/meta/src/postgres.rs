//! PostgreSQL: a pool of connections, a transaction and a task for each unit.

use std::{error::Error as _, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::BytesMut;
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};
use tokio_postgres::{
    NoTls,
    error::SqlState,
    types::{IsNull, ToSql, Type, to_sql_checked},
};
use wharf_core::{Error, Kind, Result};

use crate::session::{Field, Row, Session, Unit, Value};

/// How many connections one node keeps at most.
const CONNECTIONS: usize = 16;
/// How long a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a unit is run again that lost a race with another one.
const TRIES: u32 = 5;

/// A PostgreSQL database that is reachable.
pub(crate) struct Postgres {
    pool: Pool,
}

impl Postgres {
    /// Connects, and brings the schema up to date.
    pub(crate) async fn connect(url: &str) -> Result<Self> {
        let config: tokio_postgres::Config = url.parse().map_err(|_| {
            // The parser's own words may hold the password.
            Error::new(Kind::Invalid, "database must be a URL like postgres://user:password@host:5432/name")
        })?;
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let pool = Pool::builder(Manager::from_config(config, NoTls, manager))
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts { wait: Some(PATIENCE), create: Some(PATIENCE), recycle: Some(PATIENCE) })
            .build()
            .map_err(Error::internal)?;
        let mut client = pool.get().await.map_err(Error::unavailable)?;
        refuse_unsafe(&client).await?;
        crate::migrate::postgres(&mut client).await?;
        drop(client);
        Ok(Self { pool })
    }

    /// Runs a unit durably, on a task of its own: a client that hangs up cancels nothing and leaves no open
    /// transaction behind.
    pub(crate) async fn write(&self, unit: Arc<dyn Unit>) -> Result<()> {
        self.run(unit, "BEGIN; SET LOCAL synchronous_commit = on", "COMMIT").await
    }

    /// Runs a unit that only reads, on one consistent state.
    pub(crate) async fn read(&self, unit: Arc<dyn Unit>) -> Result<()> {
        self.run(unit, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "ROLLBACK").await
    }

    async fn run(&self, unit: Arc<dyn Unit>, begin: &'static str, end: &'static str) -> Result<()> {
        let pool = self.pool.clone();
        let task = tokio::spawn(async move {
            for _ in 1..TRIES {
                match attempt(&pool, unit.as_ref(), begin, end).await {
                    Err(failed) if lost_a_race(&failed) => {}
                    done => return done,
                }
            }
            attempt(&pool, unit.as_ref(), begin, end).await
        });
        task.await.map_err(Error::internal)?
    }
}

async fn attempt(pool: &Pool, unit: &dyn Unit, begin: &'static str, end: &'static str) -> Result<()> {
    let client = pool.get().await.map_err(Error::unavailable)?;
    let mut open = Open(Some(client));
    open.client()?.batch_execute(begin).await.map_err(error)?;
    let done = unit.run(&mut open).await;
    let ended = open.client()?.batch_execute(if done.is_ok() { end } else { "ROLLBACK" }).await;
    if ended.is_ok() {
        open.end();
    }
    done.and(ended.map_err(error))
}

/// A connection whose transaction is open. Dropped before the transaction was ended, by an error, a panic or a
/// shutdown, it is closed rather than given back: nobody may go on in another's transaction.
struct Open(Option<Object>);

impl Open {
    fn client(&self) -> Result<&Object> {
        self.0.as_ref().ok_or_else(|| Error::internal("a transaction that was ended goes on"))
    }

    /// Gives the connection back.
    fn end(&mut self) {
        self.0 = None;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(Object::take(client));
        }
    }
}

/// Refuses a server that may lose what it acknowledged.
async fn refuse_unsafe(client: &Object) -> Result<()> {
    let row = client
        .query_one("SELECT current_setting('fsync'), current_setting('server_version_num')::bigint", &[]);
    let row = row.await.map_err(error)?;
    let (fsync, version): (String, i64) = (row.get(0), row.get(1));
    if fsync != "on" {
        return Err(Error::new(
            Kind::Unsupported,
            "the database runs with fsync off and would lose acknowledged pushes",
        ));
    }
    if version < 140_000 {
        return Err(Error::new(Kind::Unsupported, "PostgreSQL 14 or newer is needed"));
    }
    Ok(())
}

/// A row that came or went meanwhile, a serialization failure, a deadlock: run again, the other one has committed.
fn lost_a_race(failed: &Error) -> bool {
    let cause = failed.source().and_then(|cause| cause.downcast_ref::<tokio_postgres::Error>());
    let again =
        [SqlState::UNIQUE_VIOLATION, SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
    cause.and_then(tokio_postgres::Error::code).is_some_and(|code| again.contains(code))
}

#[async_trait]
impl Session for Open {
    async fn execute(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<u64> {
        let client = self.client()?;
        let statement = client.prepare_cached(sql).await.map_err(error)?;
        client.execute(&statement, &parameters(values)).await.map_err(error)
    }

    async fn query(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>> {
        let client = self.client()?;
        let statement = client.prepare_cached(sql).await.map_err(error)?;
        let rows = client.query(&statement, &parameters(values)).await.map_err(error)?;
        rows.iter().map(row).collect()
    }
}

fn parameters<'a>(values: &'a [Value<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Integer(value) => value.to_sql(kind, out),
            Self::Text(value) => value.to_sql(kind, out),
            Self::Bytes(value) => value.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::TEXT, Type::BYTEA].contains(kind)
    }

    to_sql_checked!();
}

fn row(row: &tokio_postgres::Row) -> Result<Row> {
    let field = |index: usize, kind: &Type| {
        Ok::<_, tokio_postgres::Error>(match *kind {
            Type::INT8 => row.try_get::<_, Option<i64>>(index)?.map(Field::Integer),
            Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(index)?.map(Field::Bytes),
            _ => row.try_get::<_, Option<String>>(index)?.map(Field::Text),
        })
    };
    let columns = row.columns().iter().enumerate();
    let fields = columns.map(|(index, column)| Ok(field(index, column.type_())?.unwrap_or(Field::Null)));
    fields.collect::<Result<_, _>>().map(Row::new).map_err(error)
}

/// What a failure of PostgreSQL's means to the engines.
pub(crate) fn error(error: tokio_postgres::Error) -> Error {
    let (kind, message) = match error.code().map(SqlState::code) {
        Some(code) if code.starts_with("23") => (Kind::Conflict, "the request conflicts with another one"),
        Some("53100") => (Kind::StorageFull, "the storage is full"),
        Some(code) if ["40", "42", "22"].contains(&code.get(..2).unwrap_or_default()) => {
            (Kind::Internal, "internal error")
        }
        _ => (Kind::Unavailable, "the database is not available, try again"),
    };
    Error::new(kind, message).because(error)
}
