//! A webhook of the registry that is measured: it leads to a receiver of the driver's own, and must be on, with nothing left
//! to be told, before each turn and on after it. One that a flood of pushes switches off would make a turn cheap.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{Result, api, client::Connection, receiver::Receiver};

/// What happens is handed on within this time.
const QUIET: Duration = Duration::from_millis(1_500);
/// How long all that waits may take.
const PATIENCE: Duration = Duration::from_secs(300);
const WEBHOOKS: &str = "/orgs/bench/webhooks";

/// A webhook, and who receives for it.
#[derive(Debug)]
pub(crate) struct Hook {
    receiver: Receiver,
    /// Its path below `/api/v1`.
    path: String,
}

impl Hook {
    /// Makes one on the server at a host and port.
    ///
    /// # Errors
    /// Any answer but a success.
    pub(crate) async fn create(authority: &str) -> Result<Self> {
        let receiver = Receiver::start()?;
        let mut connection = Connection::open(authority).await?;
        let new = json!({ "url": format!("http://{}/", receiver.authority) });
        let made = api::ask(&mut connection, ("POST", WEBHOOKS), Some(&new)).await?;
        let id = made.get("id").and_then(Value::as_i64).ok_or("a webhook without an id")?;
        Ok(Self { receiver, path: format!("{WEBHOOKS}/{id}") })
    }

    /// Waits until everything was told.
    ///
    /// # Errors
    /// A webhook that is off, or that is told no more while something waits.
    pub(crate) async fn drain(&self, authority: &str) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let taken = self.receiver.taken();
            tokio::time::sleep(QUIET).await;
            self.expect_on(authority).await?;
            if self.receiver.taken() == taken && self.is_told(authority).await? {
                return Ok(());
            }
        }
        Err("a webhook has something left to be told".into())
    }

    /// It must be on.
    ///
    /// # Errors
    /// A webhook that is off.
    pub(crate) async fn expect_on(&self, authority: &str) -> Result<()> {
        let mut connection = Connection::open(authority).await?;
        let webhook = api::ask(&mut connection, ("GET", &self.path), None).await?;
        match webhook.get("enabled") {
            Some(Value::Bool(true)) => Ok(()),
            _ => Err(format!("the webhook is off: {webhook}").into()),
        }
    }

    /// Whether the latest message was taken: those of one repository are told in order.
    async fn is_told(&self, authority: &str) -> Result<bool> {
        let mut connection = Connection::open(authority).await?;
        let latest = format!("{}/deliveries?n=1", self.path);
        let found = api::ask(&mut connection, ("GET", &latest), None).await?;
        let state = found.pointer("/items/0/state").and_then(Value::as_str);
        Ok(state.is_none_or(|state| state == "delivered"))
    }
}
