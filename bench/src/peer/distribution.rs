//! The registry of Debian's package `docker-registry`, and `registry` of the third version, built from the module of the
//! tests' clients: files, descriptors cached in memory, no authentication, and a log of errors alone. It flushes each small file of an upload, a link or a tag too (version 2.8.2: eleven
//! `fsync` for a push of one blob, by strace), but no directory.

use std::{fs, path::Path, process::Command};

use crate::Result;

pub(super) fn command(program: &str, folder: &Path, authority: &str) -> Result<Command> {
    let root = folder.join("data");
    let configuration = serde_json::json!({
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": true}},
        "storage": {
            "filesystem": {"rootdirectory": root},
            "cache": {"blobdescriptor": "inmemory"},
            "maintenance": {"uploadpurging": {"enabled": false}},
        },
        "http": {"addr": authority, "secret": "bench"},
    });
    let path = folder.join("config.yml");
    // JSON is YAML.
    fs::write(&path, configuration.to_string())?;
    let mut command = Command::new(program);
    command.arg("serve").arg(path);
    Ok(command)
}
