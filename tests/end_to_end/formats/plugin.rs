//! Plugins, the keys they are signed by, and the form they are uploaded with.

use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use serde_json::Value;
use wharf_memflow::descriptor::Architecture;
use wharf_memflow::samples::{Addends, Plugin, elf};

use crate::harness::{Answer, Caller, Wharf, sha256};

/// A connector for Linux on x86-64.
pub(crate) fn connector(name: &str, version: &str) -> Bytes {
    elf(Architecture::X86_64, Addends::Apart, &[Plugin::connector(name, version)]).into()
}

/// The digest as memflow's clients write it.
pub(crate) fn hex(file: &[u8]) -> String {
    sha256(file).trim_start_matches("sha256:").to_owned()
}

/// A pair of keys that `openssl` made.
pub(crate) struct Pair {
    pub(crate) secret: PathBuf,
    pub(crate) public: PathBuf,
}

impl Pair {
    /// A key of secp256k1, as the seed has them made.
    pub(crate) fn secp256k1(directory: &Path) -> Self {
        Self::of(directory, "openssl ecparam -name secp256k1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt")
    }

    /// The key that a command of the shell prints.
    pub(crate) fn of(directory: &Path, command: &str) -> Self {
        let count = std::fs::read_dir(directory).unwrap().count();
        let (secret, public) =
            (directory.join(format!("key-{count}.pem")), directory.join(format!("key-{count}.pub.pem")));
        let (secret_name, public_name) = (secret.display(), public.display());
        shell(&format!(
            "{command} > {secret_name} && openssl pkey -in {secret_name} -pubout -out {public_name}"
        ));
        Self { secret, public }
    }

    /// The signature that `openssl` makes of a file, in hex: with a high S half of the time.
    pub(crate) fn sign(&self, file: &[u8]) -> String {
        let path = self.secret.with_extension("file");
        std::fs::write(&path, file).unwrap();
        let said =
            shell(&format!("openssl dgst -sha256 -hex -sign {} {}", self.secret.display(), path.display()));
        said.trim().rsplit(' ').next().unwrap().to_owned()
    }

    /// A signature whose S is high, or low.
    pub(crate) fn sign_with(&self, s: Half, file: &[u8]) -> String {
        (0..200)
            .map(|_| self.sign(file))
            .find(|signature| half(signature) == s)
            .expect("each comes half of the time")
    }

    /// Whether `openssl` believes a signature in hex.
    pub(crate) fn verifies(&self, file: &[u8], signature: &str) -> bool {
        let (path, raw) = (self.secret.with_extension("file"), self.secret.with_extension("sig"));
        std::fs::write(&path, file).unwrap();
        std::fs::write(&raw, unhex(signature)).unwrap();
        let mut openssl = Command::new("openssl");
        openssl.args(["dgst", "-sha256", "-verify"]).arg(&self.public).arg("-signature").arg(&raw).arg(&path);
        openssl.output().unwrap().status.success()
    }
}

/// Which of the two S that say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    Low,
    High,
}

/// Which S a signature in DER has: `30 … 02 <length> <r> 02 <length> <s>`.
pub(crate) fn half(signature: &str) -> Half {
    let bytes = unhex(signature);
    let r = usize::from(bytes[3]);
    let s = &bytes[6 + r..];
    let s = if s[0] == 0 { &s[1..] } else { s };
    // The order of the curve is a little below 2^256, and its half a little below 2^255.
    if s.len() == 32 && s[0] >= 0x80 { Half::High } else { Half::Low }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

pub(crate) fn shell(script: &str) -> String {
    let output = Command::new("sh").args(["-euc", script]).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A registry `acme/main` that believes one key, and who writes there.
pub(crate) struct Shop {
    pub(crate) wharf: Wharf,
    pub(crate) alice: Caller,
    pub(crate) key: Pair,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::of(Wharf::start().await).await
    }

    pub(crate) async fn of(wharf: Wharf) -> Self {
        wharf.found(&["acme"]).await;
        let alice = wharf.add_user("alice", &["acme:writer"]);
        let key = Pair::secp256k1(&wharf.directory("keys"));
        wharf.believe("acme/main", "first", &key.public, &[]);
        Self { wharf, alice, key }
    }

    /// Uploads a file that is signed by the shop's key.
    pub(crate) async fn add(&self, file: &Bytes) -> String {
        let signature = self.key.sign(file);
        let answer = upload(&self.alice, BELOW, &[("file", file), ("signature", signature.as_bytes())]).await;
        assert_eq!(answer.is(200).json(), "Added");
        hex(file)
    }

    /// What is listed of a plugin.
    pub(crate) async fn variants(&self, query: &str) -> Vec<Value> {
        let answer = self.alice.get(&format!("{BELOW}/plugins/{query}")).await.is(200).json();
        answer["plugins"].as_array().unwrap().clone()
    }
}

/// Where the plugins of `acme/main` are.
pub(crate) const BELOW: &str = "/memflow/acme/main";

impl Wharf {
    /// Lets a registry believe a key.
    pub(crate) fn believe(&self, registry: &str, name: &str, pem: &Path, more: &[&str]) {
        let path = pem.display().to_string();
        let arguments = [&["key", "add", registry, name, &path], more].concat();
        let output = self.try_command(&arguments, "");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Lets a registry believe a key no more.
    pub(crate) fn revoke_key(&self, registry: &str, name: &str) {
        assert!(self.try_command(&["key", "revoke", registry, name], "").status.success());
    }
}

/// Sends a form of these parts.
pub(crate) async fn upload(caller: &Caller, below: &str, parts: &[(&str, &[u8])]) -> Answer {
    let request = caller.request("POST", &format!("{below}/files"));
    let request = request.header("content-type", "multipart/form-data; boundary=----frontier");
    request.body(form(parts)).send().await
}

/// The bytes of a form; a part whose name is empty has none.
pub(crate) fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, bytes) in parts {
        let name = if name.is_empty() { String::new() } else { format!("; name=\"{name}\"") };
        body.extend(format!("------frontier\r\nContent-Disposition: form-data{name}\r\n\r\n").into_bytes());
        body.extend_from_slice(bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"------frontier--\r\n");
    body
}
