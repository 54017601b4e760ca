//! docker's credential helpers: programs called `docker-credential-<name>` that keep logins where the system keeps secrets
//! (the protocol of docker-credential-helpers). They are only asked; `wharf login` writes docker's own file.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use serde::Deserialize;
use wharf_core::Secret;
use wharf_outbound::Login;

/// The user of a refresh token.
const OF_TOKEN: &str = "<token>";

/// What a helper answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Kept {
    username: String,
    secret: String,
}

/// The login that a helper keeps for a server, if there is such a helper and it keeps one.
pub(super) fn login(helper: &str, server: &str) -> Option<Login> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if helper.is_empty() || !helper.chars().all(legal) {
        return None;
    }
    let mut command = Command::new(format!("docker-credential-{helper}"));
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = command.spawn().ok()?;
    // One that reads nothing may still answer; what it says counts.
    let _ = process.stdin.take()?.write_all(server.as_bytes());
    let output = process.wait_with_output().ok().filter(|output| output.status.success())?;
    let Kept { username, secret } = serde_json::from_slice(&output.stdout).ok()?;
    let secret = Secret::new(secret);
    match username.as_str() {
        "" => None,
        OF_TOKEN => Some(Login::Refresh(secret)),
        _ => Some(Login::Password { user: username, password: secret }),
    }
}
