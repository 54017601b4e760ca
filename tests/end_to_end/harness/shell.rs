//! Somebody at a command line of another machine, with a home of their own.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;

use super::{ADMIN_PASSWORD, Wharf, wharf_command};

pub(crate) struct Shell(TempDir);

impl Shell {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// Somebody who is logged in to these servers as their operator.
    pub(crate) async fn at(servers: &[&Wharf]) -> Self {
        let shell = Self::new();
        for wharf in servers {
            shell.log_in(&wharf.host(), ADMIN_PASSWORD).await;
        }
        shell
    }

    /// Logs in as the operator.
    pub(crate) async fn log_in(&self, server: &str, password: &str) {
        self.log_in_as("admin", (server, password)).await;
    }

    pub(crate) async fn log_in_as(&self, user: &str, (server, password): (&str, &str)) {
        let output = self.run(&["login", server, "--username", user, "--password-stdin"], password).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub(crate) async fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = tokio::process::Command::from(wharf_command());
        command.args(arguments).env("DOCKER_CONFIG", self.0.path().join("docker")).current_dir(self.0.path());
        command.env("HOME", self.0.path()).env_remove("XDG_CONFIG_HOME");
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.0.path().join("bin").display()));
        // Proxies from the environment must mean nothing.
        command.env("http_proxy", "http://127.0.0.1:9").env("ALL_PROXY", "http://127.0.0.1:9");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        // A command that refuses its arguments reads no input.
        let _ = process.stdin.take().unwrap().write_all(input.as_bytes()).await;
        process.wait_with_output().await.unwrap()
    }

    pub(crate) fn docker_file(&self) -> PathBuf {
        self.0.path().join("docker/config.json")
    }

    /// The home.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}
