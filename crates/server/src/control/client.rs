//! Sending a command to the running server.

use std::path::Path;

use axum::{
    body::{Body, Bytes},
    http::{Request, header},
};
use http_body_util::BodyExt;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use wharf_core::{Error, Kind, Result};

use super::Command;

/// Sends a command and yields what the server tells.
pub(super) async fn send(socket: &Path, command: &Command) -> Result<String> {
    let unreachable = |error: std::io::Error| {
        let message = format!("a server holds the data directory, but {} does not answer", socket.display());
        Error::new(Kind::Unavailable, message).because(error)
    };
    let stream = UnixStream::connect(socket).await.map_err(unreachable)?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(Error::unavailable)?;
    tokio::spawn(connection);
    let body = Body::from(serde_json::to_vec(command).map_err(Error::internal)?);
    let request =
        Request::post("/command").header(header::HOST, "control").body(body).map_err(Error::internal)?;
    let response = sender.send_request(request).await.map_err(Error::unavailable)?;
    let succeeded = response.status().is_success();
    let bytes = response.into_body().collect().await.map_err(Error::unavailable)?.to_bytes();
    if succeeded { told(&bytes) } else { Err(refused(&bytes)) }
}

fn told(bytes: &Bytes) -> Result<String> {
    serde_json::from_slice(bytes).map_err(Error::internal)
}

/// The server's own words.
fn refused(bytes: &Bytes) -> Error {
    let problem: Option<serde_json::Value> = serde_json::from_slice(bytes).ok();
    let detail = problem.as_ref().and_then(|problem| problem.get("detail")?.as_str());
    Error::new(Kind::Invalid, detail.unwrap_or("the server refused the command"))
}
