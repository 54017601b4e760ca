//! A registry of somebody else's, on files, without a login.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Caller, Repository, component, free_port};
use crate::clients::built_by_go;

/// How long a start may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which registry, and as what it is set.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Make {
    /// Debian's `docker-registry`.
    DistributionTwo,
    /// `registry`, as the tests build it.
    DistributionThree,
    /// `zot` on the path, as it comes.
    Zot,
    /// The same, told to flush (`commit`).
    ZotThatFlushes,
}

impl Make {
    /// Whether it is on this machine. No package has zot, so nobody is told to install it.
    pub(crate) fn is_there(self) -> bool {
        match self {
            Self::DistributionTwo => component("docker-registry"),
            Self::DistributionThree => component("registry"),
            Self::Zot | Self::ZotThatFlushes => {
                let asked =
                    Command::new("zot").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
                asked.is_ok_and(|status| status.success())
            }
        }
    }

    fn command(self) -> Command {
        match self {
            Self::DistributionTwo => Command::new("docker-registry"),
            Self::DistributionThree => Command::new(built_by_go("registry")),
            Self::Zot | Self::ZotThatFlushes => Command::new("zot"),
        }
    }

    /// Its settings, in JSON, which is YAML too.
    fn settings(self, host: &str, root: &Path) -> Value {
        let (address, port) = host.split_once(':').unwrap();
        match self {
            Self::DistributionTwo | Self::DistributionThree => json!({
                "version": "0.1",
                "log": {"level": "error", "accesslog": {"disabled": true}},
                "storage": {"filesystem": {"rootdirectory": root}, "delete": {"enabled": true}},
                "http": {"addr": host},
            }),
            Self::Zot | Self::ZotThatFlushes => json!({
                "distSpecVersion": "1.1.1",
                "log": {"level": "error"},
                "storage": {"rootDirectory": root, "commit": matches!(self, Self::ZotThatFlushes)},
                "http": {"address": address, "port": port},
            }),
        }
    }
}

/// A process on loopback, ended when dropped.
pub(crate) struct Peer {
    make: Make,
    home: TempDir,
    root: PathBuf,
    pub(crate) host: String,
    process: Option<Child>,
}

impl Peer {
    /// distribution; nothing where there is none on this machine.
    pub(crate) async fn start() -> Option<Self> {
        let home = TempDir::new().unwrap();
        let root = home.path().join("root");
        Self::start_in(Make::DistributionTwo, home, root).await
    }

    /// Another one, with its files there.
    pub(crate) async fn start_on(make: Make, root: &Path) -> Option<Self> {
        Self::start_in(make, TempDir::new().unwrap(), root.to_owned()).await
    }

    async fn start_in(make: Make, home: TempDir, root: PathBuf) -> Option<Self> {
        if !make.is_there() {
            return None;
        }
        let host = format!("127.0.0.1:{}", free_port());
        std::fs::write(home.path().join("settings.json"), make.settings(&host, &root).to_string()).unwrap();
        let mut peer = Self { make, home, root, host, process: None };
        peer.restart().await;
        Some(peer)
    }

    /// Starts it on what is there, and waits for it.
    pub(crate) async fn restart(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let mut command = self.make.command();
        command.arg("serve").arg(self.home.path().join("settings.json"));
        self.process = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let (caller, begun) = (self.caller(), Instant::now());
        while caller.request("GET", "/v2/").try_send().await.is_err() {
            assert!(begun.elapsed() < PATIENCE, "{:?} does not answer", self.make);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// SIGKILL, and the end of the process awaited.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    pub(crate) fn caller(&self) -> Caller {
        Caller::anonymous(&format!("http://{}", self.host))
    }

    pub(crate) fn repository(&self, name: &str) -> Repository {
        self.caller().repository(name)
    }

    /// Its root directory.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.kill();
    }
}
