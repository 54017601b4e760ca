//! `wharf import`, `wharf login` and `wharf logout`: from a second Wharf, from distribution and from its files, and from
//! a registry of our own that misbehaves.

mod directory;
mod distribution;
mod login;
mod misbehaving;
mod packages;
mod registries;
mod stage;

use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;

use crate::harness::{ADMIN_PASSWORD, Wharf, wharf_command};

/// Somebody at a command line, with a home of their own.
struct Shell(TempDir);

/// What an import printed for machines.
struct Imported {
    code: i32,
    lines: Vec<Value>,
    errors: String,
}

impl Shell {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// Somebody who is logged in to these servers as their operator.
    async fn at(servers: &[&Wharf]) -> Self {
        let shell = Self::new();
        for wharf in servers {
            shell.log_in(&wharf.host(), ADMIN_PASSWORD).await;
        }
        shell
    }

    async fn log_in(&self, server: &str, password: &str) {
        let output = self.run(&["login", server, "--username", "admin", "--password-stdin"], password).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    async fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = tokio::process::Command::from(wharf_command());
        command.args(arguments).env("DOCKER_CONFIG", self.0.path().join("docker")).current_dir(self.0.path());
        // Proxies from the environment must mean nothing.
        command.env("http_proxy", "http://127.0.0.1:9").env("ALL_PROXY", "http://127.0.0.1:9");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        // A command that refuses its arguments reads no input.
        let _ = process.stdin.take().unwrap().write_all(input.as_bytes()).await;
        process.wait_with_output().await.unwrap()
    }

    async fn import(&self, arguments: &[&str]) -> Imported {
        let output = self.run(&[&["import", "--json"], arguments].concat(), "").await;
        let text = String::from_utf8(output.stdout).unwrap();
        Imported {
            code: output.status.code().unwrap(),
            lines: text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            errors: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn docker_file(&self) -> std::path::PathBuf {
        self.0.path().join("docker/config.json")
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Imported {
    /// How the command must have ended.
    #[track_caller]
    fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{:#?}\n{}", self.lines, self.errors);
        self
    }

    /// A number of the summary.
    #[track_caller]
    fn count(&self, name: &str) -> u64 {
        let summary = self.lines.last().unwrap_or_else(|| panic!("no summary: {}", self.errors));
        assert_eq!(summary["event"], "summary");
        summary[name].as_u64().unwrap_or_else(|| panic!("no {name} in {summary}"))
    }

    /// Why the one thing that failed did.
    #[track_caller]
    fn reason(&self) -> &str {
        let failed: Vec<&Value> = self.lines.iter().filter(|line| line["outcome"] == "failed").collect();
        assert_eq!(failed.len(), 1, "{:#?}\n{}", self.lines, self.errors);
        failed[0]["reason"].as_str().unwrap()
    }
}
