//! Sending a command to the running server, and listening to what it says.

use std::path::Path;

use axum::{
    body::{Body, Bytes},
    http::{Request, header},
};
use http_body_util::BodyExt;
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use wharf_core::{Error, Kind, Result};

use super::{
    Command,
    bar::Bar,
    progress::{Outcome, Said},
};

/// Sends a command, shows how far it is, and yields what the server tells.
pub(super) async fn send(socket: &Path, command: &Command) -> Result<Outcome> {
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
    if response.status().is_success() {
        return listen(response.into_body()).await;
    }
    let bytes = response.into_body().collect().await.map_err(Error::unavailable)?.to_bytes();
    Err(refused(&bytes))
}

/// Listens line by line until the end is said.
async fn listen(mut body: Incoming) -> Result<Outcome> {
    let (mut bar, mut heard) = (Bar::new(), Vec::new());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(Error::unavailable)?.into_data() else { continue };
        heard.extend_from_slice(&data);
        while let Some(end) = heard.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = heard.drain(..=end).collect();
            match serde_json::from_slice(&line).map_err(Error::internal)? {
                Said::Step(step) => bar.show(&step),
                Said::Line(line) => bar.tell(&line),
                Said::Told(outcome) => return Ok(outcome),
                Said::Refused(words) => return Err(Error::new(Kind::Invalid, words)),
            }
        }
    }
    Err(Error::new(Kind::Unavailable, "the server ended before the command did"))
}

/// The server's own words.
fn refused(bytes: &Bytes) -> Error {
    let problem: Option<serde_json::Value> = serde_json::from_slice(bytes).ok();
    let detail = problem.as_ref().and_then(|problem| problem.get("detail")?.as_str());
    Error::new(Kind::Invalid, detail.unwrap_or("the server refused the command"))
}
