//! PostgreSQL: a pool of connections, a transaction and a task for each unit.
//!
//! A unit that lost a race, or whose connection broke with nothing stored, is run again from the start; a commit
//! that was not answered is looked up (`commit`). Every wait has an end, so that a database that is gone is told
//! within seconds, and nothing needs a restart once it is back.

mod address;
mod catch_up;
mod commit;
mod connection;
mod connector;
mod fault;
mod migration;
mod server;
#[cfg(test)]
mod tests;
mod tls;
mod transaction;
mod values;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use deadpool::managed::{self, PoolError};
use tokio::time::{error::Elapsed, timeout};
use wharf_core::{Error, Kind, Result, Secret};

#[cfg(test)]
pub(crate) use self::tests::Fresh;
use self::{
    catch_up::{CatchUp, Prune},
    connector::Connector,
    fault::{Chance, Failed, error},
    transaction::{Access, Open},
};
use crate::{
    memory::Memory,
    meters::{Meters, State},
    session::Unit,
    turns::ReadTurns,
};

type Pool = managed::Pool<Connector>;
type Pooled = managed::Object<Connector>;

/// How long a unit waits for a connection, whether for one that is busy or for a new one.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often a unit is run that loses races with others.
const TRIES: u32 = 5;
/// No unit is begun again that was first begun so long ago.
const AGAIN_WITHIN: Duration = Duration::from_secs(3);
/// The first pause before a unit that lost a race is run again; each later one is twice as long.
const PAUSE: Duration = Duration::from_millis(2);

/// How to reach a PostgreSQL database.
#[derive(Clone, Debug)]
pub struct PostgresSettings {
    /// `postgres://user:password@host:5432/name`, with libpq's parameters.
    pub url: Secret<String>,
    /// A file that holds the password, read for each new connection. Only where the URL has none.
    pub password_file: Option<PathBuf>,
    /// How many connections to keep at most, beside the one that keeps the memory up to date.
    pub connections: usize,
}

/// How long a read waits for its turn: with what a frozen server may take after that, less than five seconds.
const TURN_WITHIN: Duration = Duration::from_millis(1500);

/// A PostgreSQL database that was reachable and safe.
pub(crate) struct Postgres {
    pool: Pool,
    turns: ReadTurns,
    memory: Arc<Memory>,
    catch_up: CatchUp,
    durability: String,
}

impl Postgres {
    /// Connects, judges the server, and brings the schema up to date.
    pub(crate) async fn open(settings: PostgresSettings, meters: Arc<Meters>) -> Result<Self> {
        let connections = settings.connections;
        let pool = Pool::builder(Connector::new(settings)?)
            .max_size(connections)
            .build()
            .map_err(Error::internal)?;
        let mut connection = take(&pool).await?;
        let durability = connection.server.durability();
        migration::migrate(&mut connection.client).await?;
        drop(connection);
        let memory = Arc::<Memory>::default();
        let catch_up = CatchUp::start(pool.clone(), memory.clone(), meters);
        Ok(Self { pool, turns: ReadTurns::new(connections, TURN_WITHIN), memory, catch_up, durability })
    }

    /// What it said lately. Before any of it is told, [`Postgres::catch_up`].
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Returns once everything is forgotten that any node had changed when this was called.
    pub(crate) async fn catch_up(&self) -> Result<()> {
        self.catch_up.wait().await
    }

    /// Removes what was written down for other nodes so long ago that they had better forget everything.
    pub(crate) async fn prune(&self) -> Result<()> {
        self.write(Arc::new(Prune)).await
    }

    /// What the server does before it acknowledges a write, as it said when the pool was made.
    pub(crate) fn durability(&self) -> &str {
        &self.durability
    }

    /// How its connections stand.
    pub(crate) fn state(&self) -> State {
        let status = self.pool.status();
        State::Postgres { open: status.size, idle: status.available, waiting: status.waiting }
    }

    /// Runs a unit durably, on a task of its own: a client that hangs up cancels nothing and leaves no open
    /// transaction behind.
    pub(crate) async fn write(&self, unit: Arc<dyn Unit>) -> Result<()> {
        let pool = self.pool.clone();
        let task = tokio::spawn(async move { carry_out(&pool, unit.as_ref(), Access::Write).await });
        task.await.map_err(Error::internal)?
    }

    /// Runs a unit that only reads, on one consistent state.
    pub(crate) async fn read(&self, unit: Arc<dyn Unit>) -> Result<()> {
        let (pool, turn) = (self.pool.clone(), self.turns.next(unit.extent()).await?);
        let task = tokio::spawn(async move {
            let _turn = turn;
            carry_out(&pool, unit.as_ref(), Access::Read).await
        });
        task.await.map_err(Error::internal)?
    }
}

/// Runs a unit until it is done, or there is no sense in trying again.
async fn carry_out(pool: &Pool, unit: &dyn Unit, access: Access) -> Result<()> {
    let (began, mut races, mut broken) = (Instant::now(), 0, false);
    loop {
        let Err(Failed { error, chance }) = attempt(pool, unit, access).await else { return Ok(()) };
        if chance == Chance::AllFresh {
            pool.retain(|_, _| false);
        }
        let again = match chance {
            Chance::None => false,
            Chance::Race => {
                races += 1;
                races < TRIES
            }
            Chance::Fresh | Chance::AllFresh => !std::mem::replace(&mut broken, true),
        };
        if !again || began.elapsed() > AGAIN_WITHIN {
            return Err(error);
        }
        tokio::time::sleep(PAUSE * 2_u32.pow(races)).await;
    }
}

async fn attempt(pool: &Pool, unit: &dyn Unit, access: Access) -> Result<(), Failed> {
    let mut open = Open::begin(pool, access).await?;
    match unit.run(&mut open).await {
        Ok(()) => open.commit().await,
        Err(error) => Err(open.roll_back(error).await),
    }
}

/// A connection of the pool's.
async fn take(pool: &Pool) -> Result<Pooled> {
    timeout(PATIENCE, pool.get()).await.map_err(late)?.map_err(|failed| match failed {
        PoolError::Backend(error) => error,
        other => Error::internal(other),
    })
}

/// There was no connection within [`PATIENCE`].
fn late(_: Elapsed) -> Error {
    let cause = format!("no connection within {} seconds", PATIENCE.as_secs());
    Error::new(Kind::Unavailable, fault::UNAVAILABLE).because(cause)
}
