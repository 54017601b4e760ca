//! `cargo xtask conformance <suite>`: the distribution-spec's own suite against a debug build, once as each version.
//!
//! The suite is a program built elsewhere, from a pinned commit of the specification's repository. It ends well when
//! something was skipped, so what it prints is read: only a run in which everything was asked and passed will do.

mod outcome;

use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use self::outcome::Outcome;
use crate::failure::Failure;
use crate::program::{capture, unstartable};
use crate::rig::{SHARED_STORES, SharedStores, daemon::Daemon, private, scratch};
use crate::steps::Steps;
use crate::test::build_wharf;

/// What the suite may be told to hold the registry against: what was published, and what is to come.
const VERSIONS: [&str; 2] = ["1.1", "dev"];

/// Everything the suite can be told to ask of a registry or to leave out (`conformance/config.go`). All of it is asked,
/// whatever a version asks by itself: what is off is nowhere, not even among what was skipped.
const SWITCHES: [&str; 31] = [
    "OCI_API_PING",
    "OCI_API_PULL",
    "OCI_API_PUSH",
    "OCI_API_BLOBS_ATOMIC",
    "OCI_API_BLOBS_DELETE",
    "OCI_API_BLOBS_DIGEST_HEADER",
    "OCI_API_BLOBS_MOUNT_ANONYMOUS",
    "OCI_API_BLOBS_UPLOAD_CANCEL",
    "OCI_API_MANIFESTS_ATOMIC",
    "OCI_API_MANIFESTS_DELETE",
    "OCI_API_MANIFESTS_DIGEST_HEADER",
    "OCI_API_MANIFESTS_TAG_PARAM",
    "OCI_API_TAGS_ATOMIC",
    "OCI_API_TAGS_DELETE",
    "OCI_API_TAGS_LIST",
    "OCI_API_REFERRER",
    "OCI_DATA_IMAGE",
    "OCI_DATA_INDEX",
    "OCI_DATA_INDEX_LIST",
    "OCI_DATA_SPARSE",
    "OCI_DATA_ARTIFACT",
    "OCI_DATA_SUBJECT",
    "OCI_DATA_SUBJECT_MISSING",
    "OCI_DATA_ARTIFACT_LIST",
    "OCI_DATA_SUBJECT_LIST",
    "OCI_DATA_DATA_FIELD",
    "OCI_DATA_NONDISTRIBUTABLE",
    "OCI_DATA_CUSTOM_FIELDS",
    "OCI_DATA_NO_LAYERS",
    "OCI_DATA_EMPTY_BLOB",
    "OCI_DATA_SHA512",
];

/// The registry that both of the suite's repositories lie in.
const REGISTRY: &str = "conf/main";

/// Builds wharf and runs the suite; fails unless everything passed.
pub(crate) fn run(suite: &Path, stores: &str) -> Result<(), Failure> {
    let mut steps = Steps::default();
    if let Ok(binary) = steps.run("build wharf", build_wharf) {
        for version in VERSIONS {
            let judged = || judge(suite, || Server::start(&binary, stores), version);
            steps.attempt(&format!("conformance {version} on {stores}"), judged);
        }
    }
    steps.close()
}

/// One run on an empty server, for the suite's first question is to an empty repository.
fn judge(
    suite: &Path,
    start: impl FnOnce() -> Result<Server, Failure>,
    version: &str,
) -> Result<(), Failure> {
    let server = start()?;
    let output = server.tell_suite(Command::new(suite)).env("OCI_VERSION", version).output();
    let output = output.map_err(unstartable(&Command::new(suite)))?;
    let outcome = Outcome::read(&String::from_utf8_lossy(&output.stdout));
    println!("{outcome}");
    let verdict = outcome.verdict(output.status);
    if verdict.is_err() {
        print!("{}", String::from_utf8_lossy(&output.stderr));
        server.daemon.print_log();
    }
    verdict
}

/// A wharf of our own on an empty directory, with a registry that takes what the suite calls sparse.
struct Server {
    // Before the directory: what is dropped first stops first.
    daemon: Daemon,
    _stores: Option<SharedStores>,
    home: TempDir,
    host: String,
    password: String,
}

impl Server {
    fn start(binary: &Path, stores: &str) -> Result<Self, Failure> {
        let home = scratch("wharf-conformance-")?;
        let stores = (stores == SHARED_STORES).then(|| SharedStores::start(home.path())).transpose()?;
        let settings = stores.as_ref().map_or(&[][..], |stores| &stores.settings);
        let (host, password) = (format!("127.0.0.1:{}", private::port()?), private::password()?);
        let mut serve = wharf(binary, home.path());
        serve.args(["serve", "--log", "warn", "--listen", &host]).env("WHARF_ADMIN_PASSWORD", &password);
        serve.envs(settings.iter().map(|(name, value)| (name, value)));
        let daemon = Daemon::start("wharf", &mut serve, &home.path().join("log"), Signal::TERM)?;
        let daemon = daemon.wait_until(|| TcpStream::connect(&host).is_ok())?;
        let mut set = wharf(binary, home.path());
        capture(set.args(["registry", "set", REGISTRY, "--missing-content", "accept"]))?;
        Ok(Self { daemon, _stores: stores, home, host, password })
    }

    fn tell_suite(&self, mut suite: Command) -> Command {
        let ours = std::env::vars_os().map(|(name, _)| name);
        ours.filter(|name| name.to_string_lossy().starts_with("OCI_")).for_each(|name| {
            suite.env_remove(name);
        });
        suite
            .current_dir(self.home.path())
            .env("OCI_REGISTRY", &self.host)
            .env("OCI_TLS", "disabled")
            .env("OCI_REPO1", "conf/one")
            .env("OCI_REPO2", "conf/two")
            .env("OCI_USERNAME", "admin")
            .env("OCI_PASSWORD", &self.password)
            .envs(SWITCHES.map(|name| (name, "true")))
            .env("OCI_RESULTS_DIR", self.home.path().join("results"))
            .stdin(Stdio::null());
        suite
    }
}

/// The program with its data in `home` and none of the settings that this process was started with.
fn wharf(binary: &Path, home: &Path) -> Command {
    let mut command = Command::new(binary);
    let ours = std::env::vars_os().map(|(name, _)| name);
    ours.filter(|name| name.to_string_lossy().starts_with("WHARF_")).for_each(|name| {
        command.env_remove(name);
    });
    command.current_dir(home).env("WHARF_DATA_DIR", home.join("data"));
    command
}
