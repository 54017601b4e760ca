//! A commit whose answer was lost is looked up, not guessed.

use std::time::Duration;

use deadpool::managed::Manager as _;
use tokio::time::{sleep, timeout};
use wharf_core::Result;

use super::{Pool, Pooled, connection::answered, fault::Fault, server::Server};

/// How long the answer is looked for.
const PATIENCE: Duration = Duration::from_secs(2);
/// The pause between two questions.
const PAUSE: Duration = Duration::from_millis(50);

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Committed,
    RolledBack,
    /// Still running, or nobody to ask.
    Unknown,
}

/// Puts a new connection in the place of the lost one and asks it for the transaction, until it has ended or the
/// patience has.
pub(super) async fn fate(pool: &Pool, lost: &mut Pooled, id: &str) -> Fate {
    let before = lost.server.clone();
    let ask = async {
        loop {
            if let Ok(connection) = pool.manager().create().await {
                **lost = connection;
                while let Ok(answer) = ask(lost, &before, id).await {
                    if let Some(fate) = answer {
                        return fate;
                    }
                    sleep(PAUSE).await;
                }
            }
            sleep(PAUSE).await;
        }
    };
    timeout(PATIENCE, ask).await.unwrap_or(Fate::Unknown)
}

/// The fate of a transaction, if it has one yet. A standby that was promoted may never have had the transaction and
/// given its id to another one, so its word does not count.
async fn ask(connection: &Pooled, before: &Server, id: &str) -> Result<Option<Fate>, Fault> {
    const STATUS: &str = "SELECT pg_xact_status(CAST(CAST($1 AS text) AS xid8))";
    if !connection.server.continues(before) {
        return Ok(Some(Fate::Unknown));
    }
    let row = answered(connection.client.query_one(STATUS, &[&id])).await?;
    let status: Option<&str> = row.try_get(0).map_err(Fault::Driver)?;
    Ok(match status {
        Some("committed") => Some(Fate::Committed),
        Some("aborted") => Some(Fate::RolledBack),
        Some("in progress") => None,
        _ => Some(Fate::Unknown),
    })
}
