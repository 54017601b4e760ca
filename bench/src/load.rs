//! Clients at work: each takes operations from the turn until there are none or its time is over.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use crate::{Result, client::Connection, operation::Access, peer::Server, turn::Turn};

/// What the clients saw.
#[derive(Debug)]
pub(crate) struct Load {
    /// From the first request to the last answer.
    pub(crate) wall: Duration,
    /// How long each operation took.
    pub(crate) latencies: Vec<Duration>,
}

/// Lets so many clients work on a server.
///
/// # Errors
/// The first that any of them meets.
pub(crate) async fn drive(server: &Server, turn: Turn, clients: usize) -> Result<Load> {
    let mut connections = Vec::new();
    for authority in server.authorities.iter().cycle().take(clients) {
        connections.push(Connection::open(authority).await?);
    }
    let (turn, access) = (Arc::new(turn), Arc::new(server.access.clone()));
    let started = Instant::now();
    let mut running = JoinSet::new();
    for connection in connections {
        running.spawn(client(connection, turn.clone(), access.clone(), started));
    }
    let mut latencies = Vec::new();
    while let Some(done) = running.join_next().await {
        latencies.append(&mut done??);
    }
    Ok(Load { wall: started.elapsed(), latencies })
}

async fn client(
    mut connection: Connection,
    turn: Arc<Turn>,
    access: Arc<Access>,
    started: Instant,
) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    while turn.time.is_none_or(|time| started.elapsed() < time)
        && let Some(operation) = turn.next()
    {
        let begun = begin(&turn, started).await;
        operation.perform(&mut connection, &access).await?;
        latencies.push(begun.elapsed());
    }
    Ok(latencies)
}

/// Waits until the next operation is due; it counts from then.
async fn begin(turn: &Turn, started: Instant) -> Instant {
    match turn.next_due() {
        Some(due) => {
            tokio::time::sleep_until((started + due).into()).await;
            started + due
        }
        None => Instant::now(),
    }
}
