//! Transactions in tests that others come in between of: they end once somebody waits for them, and not before.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use tokio::sync::Notify;
use wharf_core::{Error, Result};

use crate::{Database, State, database::Step, session::Session};

/// How long somebody may take to come.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked whether somebody did.
const LOOK: Duration = Duration::from_millis(2);

/// Waits until somebody waits for this transaction: on SQLite for the writer, on PostgreSQL for a row that it holds.
///
/// # Errors
/// `Internal` where nobody does.
pub(crate) async fn until_somebody_waits(database: &Database, session: &mut dyn Session) -> Result<()> {
    const WAITING: &str = "
        SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND transactionid = CAST(pg_current_xact_id() AS xid)";
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        match database.state() {
            State::Sqlite { waiting: 0, .. } => {
                // A unit over SQLite must not wait, so this thread does.
                thread::sleep(LOOK);
            }
            State::Sqlite { .. } => return Ok(()),
            State::Postgres { .. } => {
                if session.query(WAITING, &[]).await?.remove(0).next::<i64>()? > 0 {
                    return Ok(());
                }
                tokio::time::sleep(LOOK).await;
            }
        }
    }
    Err(Error::internal("nobody waits for a transaction that others come in between of"))
}

/// A step that others come in between of.
struct Held<S> {
    step: S,
    database: Database,
    begun: Arc<Notify>,
}

#[async_trait]
impl<S: Step> Step for Held<S> {
    type Output = S::Output;

    async fn run(&self, session: &mut dyn Session) -> Result<S::Output> {
        let done = self.step.run(session).await;
        self.begun.notify_one();
        let output = done?;
        until_somebody_waits(&self.database, session).await?;
        Ok(output)
    }
}

/// What comes of a step, and of something that began when the step had done its work, and waits for its commit.
pub(crate) async fn meanwhile<S: Step, T>(
    database: &Database,
    step: S,
    other: impl Future<Output = T>,
) -> (Result<S::Output>, T) {
    let begun = Arc::<Notify>::default();
    let held = Held { step, database: database.clone(), begun: begun.clone() };
    let writer = database.clone();
    let under_way = tokio::spawn(async move { writer.write(held).await });
    begun.notified().await;
    let other = other.await;
    (under_way.await.expect("it does not panic"), other)
}
