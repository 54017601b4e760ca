//! Wharf as it comes: SQLite and files in a fresh data directory unless it is told of another database or storage, a
//! bearer token for every request.
//!
//! Before it answers 201 to a push, it has flushed the blob's bytes (`fdatasync`), the directory that leads to
//! them, and the database (`synchronous=full`) once for each of the two requests, shared by those that wait.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::{
    Result, api,
    case::Kind,
    client::{Body, Connection, Request, Sink},
    fixture::REPOSITORY,
};

/// The first user's password, and that user's credentials as clients send them (base64 of `admin:<password>`).
const PASSWORD: &str = "bench-operator-password";
pub(crate) const BASIC: &str = "authorization: Basic YWRtaW46YmVuY2gtb3BlcmF0b3ItcGFzc3dvcmQ=\r\n";

pub(super) fn command(program: &Path, (folder, authority): (&Path, &str), kind: Kind) -> Result<Command> {
    fs::create_dir_all(folder)?;
    let mut command = Command::new(program);
    let ours = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WHARF_"));
    for (name, _) in ours {
        command.env_remove(name);
    }
    command.args(["serve", "--listen", authority, "--data-dir"]).arg(folder.join("data"));
    command.env("WHARF_ADMIN_PASSWORD", PASSWORD).env("WHARF_LOG", "error").current_dir(folder);
    match kind {
        Kind::HookedWharf => command.env("WHARF_WEBHOOK_HOSTS", "127.0.0.1"),
        Kind::UnheardWharf => command.env("WHARF_AUDIT_PULLS", "off"),
        _ => &mut command,
    };
    Ok(command)
}

/// The header line of a token for pulls and pushes.
pub(super) async fn token(authority: &str) -> Result<String> {
    let target =
        format!("/token?service=wharf&scope=repository:{REPOSITORY}:pull,push&scope=registry:catalog:*");
    let mut body = Vec::new();
    let request = Request { method: "GET", target: &target, headers: BASIC, body: Body::Nothing };
    let mut connection = Connection::open(authority).await?;
    connection.call(request, Sink::Reader(&mut |piece| body.extend_from_slice(piece))).await?;
    let answer: Value = serde_json::from_slice(&body)?;
    let token = answer.get("token").and_then(Value::as_str).ok_or("an answer without a token")?;
    Ok(format!("authorization: Bearer {token}\r\n"))
}

/// The header line of an API token that reaches as far as its owner.
pub(super) async fn api_token(authority: &str) -> Result<String> {
    let mut connection = Connection::open(authority).await?;
    let made = api::ask(&mut connection, ("POST", "/tokens"), Some(&json!({ "name": "bench" }))).await?;
    Ok(format!("authorization: Bearer {}\r\n", api::text(&made, "token")?))
}
