//! `wharf plugin`, from another machine's command line.

mod hostile;
mod pull;
mod push;
mod verify;

use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use serde_json::Value;
use wharf_memflow::descriptor::Architecture;
use wharf_memflow::samples::{Addends, Plugin, elf};

use super::super::plugin::Shop;
use crate::harness::Shell;

/// Alice at her own machine, logged in to the shop.
struct Desk {
    shop: Shop,
    shell: Shell,
}

/// What a command printed for machines.
struct Told {
    code: i32,
    lines: Vec<Value>,
    errors: String,
}

impl Desk {
    async fn open() -> Self {
        let (shop, shell) = (Shop::open().await, Shell::new());
        shell.log_in_as("alice", (&shop.wharf.host(), "the-password-of-alice")).await;
        Self { shop, shell }
    }

    /// The shop, as the command line names it.
    fn registry(&self) -> String {
        format!("{}/acme/main", self.shop.wharf.host())
    }

    /// Runs a command on the shop.
    async fn plugin(&self, verb: &str, arguments: &[&str]) -> Told {
        told(&self.shell, &[&["plugin", verb, "--registry", &self.registry()], arguments].concat()).await
    }

    fn public_key(&self) -> String {
        self.shop.key.public.display().to_string()
    }

    /// A file of Alice's.
    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.shell.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    /// The files in a folder of hers, by name, those too that hide.
    fn files(&self, folder: &str) -> Vec<PathBuf> {
        files(&self.shell, folder)
    }
}

async fn told(shell: &Shell, arguments: &[&str]) -> Told {
    let output = shell.run(&[arguments, &["--json"]].concat(), "").await;
    let text = String::from_utf8(output.stdout).unwrap();
    Told {
        code: output.status.code().unwrap(),
        lines: text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        errors: String::from_utf8(output.stderr).unwrap(),
    }
}

fn files(shell: &Shell, folder: &str) -> Vec<PathBuf> {
    let Ok(found) = fs::read_dir(shell.path().join(folder)) else { return Vec::new() };
    let mut found: Vec<_> = found.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

impl Told {
    /// How the command must have ended.
    #[track_caller]
    fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{:#?}\n{}", self.lines, self.errors);
        self
    }

    /// What became of each thing.
    fn outcomes(&self) -> Vec<&str> {
        self.lines.iter().filter_map(|line| line["outcome"].as_str()).collect()
    }

    /// Why the one thing that failed did.
    #[track_caller]
    fn reason(&self) -> &str {
        let failed: Vec<&Value> = self.lines.iter().filter(|line| line["outcome"] == "failed").collect();
        assert_eq!(failed.len(), 1, "{:#?}\n{}", self.lines, self.errors);
        failed[0]["reason"].as_str().unwrap()
    }
}

/// The processor this test runs on.
fn processor() -> Architecture {
    if cfg!(target_arch = "aarch64") { Architecture::Arm64 } else { Architecture::X86_64 }
}

/// A connector for this machine, on Linux.
fn here(name: &str, version: &str) -> Bytes {
    elf(processor(), Addends::Apart, &[Plugin::connector(name, version)]).into()
}
