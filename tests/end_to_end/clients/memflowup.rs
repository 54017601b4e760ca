//! memflowup: memflow's own client, unchanged, against the paths at the root.
//!
//! Its `pull` and `rm` end well whatever happened, so what counts is what they printed and what lies on the disk. It does
//! nothing as root without a terminal, so there it runs as somebody else.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::json;

use super::path_from_environment;
use crate::formats::plugin::{Pair, Shop, connector, hex};
use crate::harness::{Caller, Wharf, component};
use crate::upstreams::{NEAR, make};

/// Nobody, on every Linux.
const NOBODY: u32 = 65534;

struct Memflowup {
    home: PathBuf,
    program: PathBuf,
}

impl Memflowup {
    fn new(wharf: &Wharf) -> Self {
        let (home, program) = (wharf.directory("memflowup"), path_from_environment("WHARF_TEST_MEMFLOWUP"));
        if is_root() {
            // The server's directory is its own, and so may be the one that the program was built into.
            std::fs::set_permissions(home.parent().unwrap(), Permissions::from_mode(0o711)).unwrap();
            let copy = home.join("memflowup");
            std::fs::copy(&program, &copy).unwrap();
            chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
            return Self { home, program: copy };
        }
        Self { home, program }
    }

    /// A file of its own.
    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.home.join(name);
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        path.display().to_string()
    }

    fn try_run(&self, arguments: &[&str]) -> (Output, String) {
        let mut command = Command::new(if is_root() { Path::new("setpriv") } else { &self.program });
        if is_root() {
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&self.program);
        }
        command.arg("--skip-version-check").args(arguments);
        command.env_clear().env("HOME", &self.home).env("PATH", "/usr/bin:/bin").current_dir(&self.home);
        let output = command.output().unwrap();
        let said = [&output.stdout[..], &output.stderr].concat();
        (output, String::from_utf8_lossy(&said).into_owned())
    }

    /// Runs a command that must succeed, as far as it tells.
    fn run(&self, arguments: &[&str]) -> String {
        let (output, said) = self.try_run(arguments);
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    }

    /// What is installed, with its metadata.
    fn installed(&self) -> Vec<PathBuf> {
        let plugins = self.home.join(".local/lib/memflow");
        let Ok(found) = std::fs::read_dir(plugins) else { return Vec::new() };
        let mut found: Vec<_> = found.map(|entry| entry.unwrap().path()).collect();
        found.sort();
        found
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// `library/main`, where alice writes and whose plugins anybody may have.
async fn library() -> (Wharf, Caller, Pair) {
    let wharf = Wharf::start().await;
    wharf.found(&["library/main"]).await;
    let alice = wharf.add_user("alice", &["library:writer"]);
    let key = Pair::secp256k1(&wharf.directory("keys"));
    wharf.believe("library/main", "first", &key.public, &[]);
    (wharf, alice, key)
}

#[tokio::test]
async fn memflowup_pushes_lists_pulls_and_removes() {
    if !component("memflowup") {
        return;
    }
    let (wharf, alice, key) = library().await;
    wharf.set_public("library/main", true);
    let memflowup = Memflowup::new(&wharf);
    let plugin = connector("fixture", "0.2.0");
    let secret = memflowup.file("key.pem", &std::fs::read(&key.secret).unwrap());
    let public = memflowup.file("key.pub.pem", &std::fs::read(&key.public).unwrap());
    let file = memflowup.file("libmemflow_fixture.so", &plugin);
    let registry = wharf.base();

    let token = alice.token(&["repository:library/main/memflow/fixture:pull,push"]).await;
    let said = memflowup.run(&["push", "-f", "-r", &registry, "-t", &token, "-p", &secret, &file]);
    assert!(!said.to_lowercase().contains("error"), "{said}");
    let listed = memflowup.run(&["registry", "-r", &registry, "ls"]);
    assert!(listed.contains("fixture") && listed.contains("the connector fixture"), "{listed}");
    let listed = memflowup.run(&["registry", "-r", &registry, "ls", "fixture"]);
    assert!(listed.contains("0.2.0") && listed.contains(&hex(&plugin)[..7]), "{listed}");
    let listed = memflowup.run(&["registry", "-r", &registry, "ls", "-l"]);
    assert!(listed.contains(&hex(&plugin)[..7]), "{listed}");

    memflowup.run(&["pull", "-r", &registry, "-p", &public, "fixture:0.2.0"]);
    let [meta, installed] = memflowup.installed().try_into().expect("a plugin and its metadata");
    let (meta, installed): (PathBuf, PathBuf) = (meta, installed);
    let name = format!("libmemflow_fixture_{}", &hex(&plugin)[..7]);
    assert_eq!(installed.file_name().unwrap().to_str(), Some(&*format!("{name}.so")));
    assert_eq!(meta.file_name().unwrap().to_str(), Some(&*format!("{name}.meta")));
    assert_eq!(std::fs::read(&installed).unwrap(), plugin);
    let again = memflowup.run(&["pull", "-r", &registry, "-p", &public, "fixture"]);
    assert!(again.contains("already exists with the same checksum"), "{again}");

    let owned = registry.replace("http://", "http://alice:the-password-of-alice@");
    memflowup.run(&["registry", "-r", &owned, "rm", "-t", &token, &hex(&plugin)]);
    let listed = memflowup.run(&["registry", "-r", &registry, "ls"]);
    assert!(!listed.contains("the connector fixture"), "{listed}");
}

/// A login in the URL reads what is private, and counts where a token comes with it.
#[tokio::test]
async fn memflowup_reaches_a_private_registry_with_the_login_in_its_url() {
    if !component("memflowup") {
        return;
    }
    let (wharf, _, key) = library().await;
    let memflowup = Memflowup::new(&wharf);
    let plugin = connector("fixture", "0.2.0");
    let secret = memflowup.file("key.pem", &std::fs::read(&key.secret).unwrap());
    let public = memflowup.file("key.pub.pem", &std::fs::read(&key.public).unwrap());
    let file = memflowup.file("libmemflow_fixture.so", &plugin);
    let registry = wharf.base().replace("http://", "http://alice:the-password-of-alice@");
    memflowup.run(&[
        "push",
        "-f",
        "-r",
        &registry,
        "-t",
        "a-token-of-another-registry",
        "-p",
        &secret,
        &file,
    ]);

    let (_, refused) = memflowup.try_run(&["pull", "-r", &wharf.base(), "-p", &public, "fixture"]);
    assert!(memflowup.installed().is_empty(), "{refused}");
    memflowup.run(&["pull", "-r", &registry, "-p", &public, &format!("fixture:{}", &hex(&plugin)[..7])]);
    assert_eq!(memflowup.installed().len(), 2);
}

#[tokio::test]
async fn memflowup_tells_why_a_plugin_is_refused() {
    if !component("memflowup") {
        return;
    }
    let (wharf, _, _) = library().await;
    let memflowup = Memflowup::new(&wharf);
    let stranger = Pair::secp256k1(&wharf.directory("strangers"));
    let secret = memflowup.file("key.pem", &std::fs::read(&stranger.secret).unwrap());
    let file = memflowup.file("libmemflow_fixture.so", &connector("fixture", "0.2.0"));
    let registry = wharf.base().replace("http://", "http://alice:the-password-of-alice@");
    let push = ["push", "-f", "-r", &registry, "-t", "ignored", "-p", &secret, &file];
    let (output, said) = memflowup.try_run(&push);
    assert!(!output.status.success(), "{said}");
}

/// To its client a proxy is a registry like any other, also while its upstream is away.
#[tokio::test]
async fn memflowup_lists_and_pulls_what_a_proxy_fetches() {
    if !component("memflowup") {
        return;
    }
    let mut shop = Shop::open().await;
    shop.wharf.set_public("acme/main", true);
    let plugin = connector("fixture", "0.2.0");
    shop.add(&plugin).await;

    let settings = [&NEAR[..], &[("WHARF_REGISTRY_HOSTS", "127.0.0.1=acme/mirror")]].concat();
    let wharf = Wharf::start_with(&settings).await;
    wharf.found(&["acme"]).await;
    let upstream =
        json!({ "url": format!("{}/memflow/acme/main", shop.wharf.base()), "protocol": "memflow" });
    make(&wharf.admin(), json!({ "name": "mirror", "kind": "proxy", "upstream": upstream })).await;
    wharf.set_public("acme/mirror", true);
    wharf.believe("acme/mirror", "pinned", &shop.key.public, &[]);

    let memflowup = Memflowup::new(&wharf);
    let public = memflowup.file("key.pub.pem", &std::fs::read(&shop.key.public).unwrap());
    let registry = wharf.base();
    for upstream in ["there", "away"] {
        let listed = memflowup.run(&["registry", "-r", &registry, "ls", "fixture"]);
        assert!(listed.contains("0.2.0"), "{upstream}: {listed}");
        memflowup.run(&["pull", "-r", &registry, "-p", &public, "fixture:0.2.0"]);
        let [_, installed]: [PathBuf; 2] =
            memflowup.installed().try_into().expect("a plugin and its metadata");
        assert_eq!(std::fs::read(&installed).unwrap(), plugin, "{upstream}");
        memflowup.installed().iter().for_each(|file| std::fs::remove_file(file).unwrap());
        shop.wharf.kill();
    }
}
