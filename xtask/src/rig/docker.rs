//! A docker daemon of our own: it pushes and pulls, and runs nothing that would need a network of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::failure::Failure;
use crate::program::{find, succeeds};
use crate::rig::daemon::Daemon;

/// Starts the daemon in `scratch` and waits until a client gets an answer. Returns it with its `DOCKER_HOST`.
pub(crate) fn start(scratch: &Path) -> Result<(Daemon, String), Failure> {
    let home = scratch.join("docker");
    fs::create_dir(&home).map_err(Failure::file(&home))?;
    // An empty configuration: the one of the machine's own daemon is none of ours.
    let configuration = home.join("daemon.json");
    fs::write(&configuration, "{}").map_err(Failure::file(&configuration))?;
    let host = format!("unix://{}", home.join("docker.sock").display());
    let daemon = Daemon::start("dockerd", &mut dockerd(&home, &host), &home.join("log"), Signal::TERM)?;
    let client = find("docker").unwrap_or_else(|| "docker".into());
    let answers = || succeeds(Command::new(&client).arg("version").env("DOCKER_HOST", &host));
    Ok((daemon.wait_until(answers)?, host))
}

/// vfs needs no kernel support, and without a bridge and firewall rules the machine's own network is left alone.
fn dockerd(home: &Path, host: &str) -> Command {
    let mut command = Command::new(find("dockerd").unwrap_or_else(|| "dockerd".into()));
    command.args(["--storage-driver=vfs", "--iptables=false", "--bridge=none"]);
    command.args(["--insecure-registry=127.0.0.0/8", "--host", host]);
    command.arg("--data-root").arg(home.join("data"));
    command.arg("--exec-root").arg(home.join("run"));
    command.arg("--pidfile").arg(home.join("pid"));
    command.arg("--config-file").arg(home.join("daemon.json"));
    command
}
