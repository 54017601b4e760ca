//! devpi-server as it comes, SQLite and files under fifty threads, with one index that has no mirror behind it. It flushes
//! its database, and not the files.

use std::{path::Path, process::Command};

use super::python;
use crate::{
    Result,
    client::{Body, Connection, Request, Sink},
};

/// The credentials of its first user, whose password is empty (base64 of `root:`).
pub(super) const BASIC: &str = "authorization: Basic cm9vdDo=\r\n";

/// Nothing without a Python.
pub(super) fn command(folder: &Path, authority: &str) -> Result<Option<Command>> {
    let Some(programs) = python::programs()? else { return Ok(None) };
    let data = folder.join("devpi");
    let mut prepare = Command::new(programs.join("devpi-init"));
    python::run(prepare.args(["--no-root-pypi", "--root-passwd", "", "--serverdir"]).arg(&data))?;
    let mut command = Command::new(programs.join("devpi-server"));
    command.args(["--listen", authority, "--serverdir"]).arg(&data);
    Ok(Some(command))
}

/// Makes the index.
///
/// # Errors
/// Any answer but a success.
pub(super) async fn prepare(connection: &mut Connection) -> Result<()> {
    let headers = format!("{BASIC}content-type: application/json\r\n");
    let body = Body::Bytes(br#"{"type":"stage","bases":[],"volatile":true}"#);
    let request = Request { method: "PUT", target: "/root/bench", headers: &headers, body };
    connection.call(request, Sink::Nobody).await.map(drop)
}
