//! `zot` on the path: files, no authentication, a log of errors alone. It is told to flush (`commit`), which it does not do
//! by itself; everything else is as it comes.

use std::{fs, path::Path, process::Command};

use crate::Result;

pub(super) fn command(folder: &Path, authority: &str) -> Result<Command> {
    let (address, port) = authority.rsplit_once(':').ok_or("an authority without a port")?;
    let configuration = serde_json::json!({
        "distSpecVersion": "1.1.1",
        "log": {"level": "error"},
        "storage": {"rootDirectory": folder.join("data"), "commit": true},
        "http": {"address": address, "port": port},
    });
    let path = folder.join("config.json");
    fs::write(&path, configuration.to_string())?;
    let mut command = Command::new("zot");
    command.arg("serve").arg(path);
    Ok(command)
}
