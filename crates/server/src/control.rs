//! Commands on the data: carried out by the running server when there is one, else by this process.
//!
//! A running server takes them through a local socket in the data directory, which only its owner can open. So
//! there is never a second process on a database.

mod client;
mod command;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    Json, Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::post,
};
use wharf_auth::Auth;
use wharf_core::{Error, Kind, Result};
use wharf_http::{collect, problem};
use wharf_registry::Registry;

pub(crate) use self::command::{Command, Gc};
use crate::{
    config::Config,
    data_dir::{DataDir, NotHeld},
    first_start,
    wiring::Wharf,
};

/// The largest command, in bytes.
const LARGEST: usize = 64 * 1024;

/// What commands work with.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) registry: Registry,
    pub(crate) auth: Auth,
    pub(crate) data_dir: Arc<DataDir>,
}

/// The control socket of a data directory.
pub(crate) fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("control.sock")
}

/// Carries a command out and yields what to tell the operator.
pub(crate) async fn carry_out(config: &Config, command: Command) -> Result<String> {
    expect_wharf(&config.data_dir)?;
    match DataDir::hold(&config.data_dir) {
        Ok(data_dir) => {
            let data_dir = Arc::new(data_dir);
            let wharf = Wharf::open(config, &data_dir).await?;
            // A directory that never served still gets its operator: there must always be one.
            first_start::prepare(&wharf.auth, &data_dir, wharf.entropy.as_ref()).await?;
            command.carry_out(&wharf.desk(data_dir)).await
        }
        Err(NotHeld::ByAnother(_)) => client::send(&path(&config.data_dir), &command).await,
        Err(NotHeld::Unusable(error)) => Err(error),
    }
}

/// A command in the wrong folder must not make a second Wharf there.
#[allow(clippy::disallowed_methods, reason = "the data directory is files")]
fn expect_wharf(data_dir: &Path) -> Result<()> {
    if data_dir.join("lock").exists() {
        return Ok(());
    }
    let absolute = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned());
    let message =
        format!("there is no Wharf in {}: name its --data-dir, or start it there first", absolute.display());
    Err(Error::new(Kind::Invalid, message))
}

/// The one route of the control socket.
pub(crate) fn router(desk: Desk) -> Router {
    Router::new().route("/command", post(take)).with_state(desk)
}

async fn take(State(desk): State<Desk>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let done = async {
        let bytes = collect(&parts.headers, body, LARGEST).await?;
        let unknown =
            |error| Error::new(Kind::Invalid, "the server does not know that command").because(error);
        let command: Command = serde_json::from_slice(&bytes).map_err(unknown)?;
        command.carry_out(&desk).await
    };
    match done.await {
        Ok(told) => Json(told).into_response(),
        Err(error) => problem(&error, "control"),
    }
}
