//! A containerd of our own for `ctr`: docker's is not always its own, for it takes the machine's where one runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use crate::failure::Failure;
use crate::program::{find, succeeds};
use crate::rig::daemon::Daemon;

/// Content and snapshots are all that the tests need; Kubernetes' door would listen on a port.
const CONFIGURATION: &str = "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n";

/// Starts it in `scratch` and waits until `ctr` gets an answer. Returns it with the address of its socket.
pub(crate) fn start(scratch: &Path) -> Result<(Daemon, PathBuf), Failure> {
    let home = scratch.join("containerd");
    fs::create_dir(&home).map_err(Failure::file(&home))?;
    let configuration = home.join("config.toml");
    fs::write(&configuration, CONFIGURATION).map_err(Failure::file(&configuration))?;
    let address = home.join("containerd.sock");
    let mut containerd = Command::new(find("containerd").unwrap_or_else(|| "containerd".into()));
    containerd.arg("--config").arg(configuration).arg("--address").arg(&address);
    containerd.arg("--root").arg(home.join("root")).arg("--state").arg(home.join("state"));
    let daemon = Daemon::start("containerd", &mut containerd, &home.join("log"), Signal::TERM)?;
    let client = find("ctr").unwrap_or_else(|| "ctr".into());
    let answers = || succeeds(Command::new(&client).arg("--address").arg(&address).arg("version"));
    Ok((daemon.wait_until(answers)?, address))
}
