//! One connection, with the statements it has prepared.

use std::{collections::HashMap, time::Duration};

use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::{Client, SimpleQueryMessage, Statement};

use super::{fault::Fault, server::Server};

/// How long an answer may take. The server gives up its statements a little earlier by itself, so this ends the
/// wait for one that is frozen or cut off.
pub(super) const ANSWER: Duration = Duration::from_secs(4);

/// A connection that is ready for units.
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) server: Server,
    statements: HashMap<&'static str, Statement>,
    _speaker: Speaker,
}

impl Connection {
    pub(super) fn new(client: Client, speaker: Speaker, server: Server) -> Self {
        Self { client, server, statements: HashMap::new(), _speaker: speaker }
    }

    /// Runs a few statements that have no parameters, in one round trip; the first field of their first row.
    pub(super) async fn run(&self, sql: &str) -> Result<Option<String>, Fault> {
        let messages = answered(self.client.simple_query(sql)).await?;
        let first = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        Ok(first)
    }

    /// The statement, prepared at its first use.
    pub(super) async fn prepared(&mut self, sql: &'static str) -> Result<Statement, Fault> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = answered(self.client.prepare(sql)).await?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }
}

/// The task that holds the socket. Its drop closes that at once: a server that does not answer is not waited for.
pub(super) struct Speaker(JoinHandle<()>);

impl Speaker {
    pub(super) fn start(
        connection: impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static,
    ) -> Self {
        Self(tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the database broke");
            }
        }))
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An answer, or the fault that came in its place.
pub(super) async fn answered<T>(
    question: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Fault> {
    timeout(ANSWER, question).await.map_err(|_| Fault::Silence)?.map_err(Fault::Driver)
}
