//! distribution: a registry of somebody else's, on files, without a login. Debian's `docker-registry` is its second major
//! version, `registry` its third.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Caller, Repository, component, free_port};
use crate::clients::built_by_go;

/// How long a start may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Version {
    Two,
    Three,
}

impl Version {
    /// The component and its program.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Two => "docker-registry",
            Self::Three => "registry",
        }
    }
}

pub(crate) struct Distribution {
    version: Version,
    home: TempDir,
    root: PathBuf,
    pub(crate) host: String,
    process: Option<Child>,
}

impl Distribution {
    /// One on loopback; nothing where there is none on this machine.
    pub(crate) async fn start() -> Option<Self> {
        let home = TempDir::new().unwrap();
        let root = home.path().join("root");
        Self::start_in(Version::Two, home, root).await
    }

    /// The same with its files elsewhere.
    pub(crate) async fn start_on(version: Version, root: &Path) -> Option<Self> {
        Self::start_in(version, TempDir::new().unwrap(), root.to_owned()).await
    }

    async fn start_in(version: Version, home: TempDir, root: PathBuf) -> Option<Self> {
        if !component(version.program()) {
            return None;
        }
        let host = format!("127.0.0.1:{}", free_port());
        let configuration = serde_json::json!({
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": true}},
            "storage": {"filesystem": {"rootdirectory": root}, "delete": {"enabled": true}},
            "http": {"addr": host},
        });
        // JSON is YAML.
        std::fs::write(home.path().join("config.yml"), configuration.to_string()).unwrap();
        let mut distribution = Self { version, home, root, host, process: None };
        distribution.restart().await;
        Some(distribution)
    }

    /// Starts it on what is there, and waits for it.
    pub(crate) async fn restart(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let mut command = match self.version {
            Version::Two => Command::new(self.version.program()),
            Version::Three => Command::new(built_by_go(self.version.program())),
        };
        command.arg("serve").arg(self.home.path().join("config.yml"));
        self.process = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let (caller, begun) = (self.caller(), Instant::now());
        while caller.request("GET", "/v2/").try_send().await.is_err() {
            assert!(begun.elapsed() < PATIENCE, "{} does not answer", self.version.program());
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

impl Drop for Distribution {
    fn drop(&mut self) {
        self.kill();
    }
}
