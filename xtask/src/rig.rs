//! The peers that the tests talk to: a private PostgreSQL and S3 server, private docker and containerd daemons, clients,
//! a large root filesystem.
//!
//! `test` raises a rig before the tests and stops it after. Everything it starts lives in one scratch directory and
//! on loopback, is never shared with the machine's own services, and stops when the rig is dropped.

mod cargo_program;
pub(crate) mod components;
mod containerd;
pub(crate) mod daemon;
mod docker;
mod go_program;
mod install;
mod node;
mod postgres;
pub(crate) mod private;
mod python;
mod rootfs;
mod versitygw;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use crate::failure::Failure;
use crate::steps::Steps;

use self::components::Components;
use self::daemon::Daemon;

/// The pair of stores that many nodes share, as `WHARF_TEST_STORES` names it.
pub(crate) const SHARED_STORES: &str = "postgres+s3";

/// Nodes on one database share the key that seals its secrets.
const SECRET_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// What is up, and how the tests find it.
pub(crate) struct Rig {
    environment: Vec<(&'static str, OsString)>,
    // Before the directory: what is dropped first stops first.
    daemons: Vec<Daemon>,
    scratch: TempDir,
}

impl Rig {
    /// Makes and starts what the present components allow, one step each.
    pub(crate) fn raise(steps: &mut Steps, components: &Components) -> Result<Self, Failure> {
        let mut rig = Self::empty()?;
        rig.make(steps, components)?;
        rig.start_stores(steps, components)?;
        rig.start_daemons(steps, components)?;
        Ok(rig)
    }

    /// Servers alone: a database, an S3 server, and the registries of others where they are programs of their own.
    pub(crate) fn raise_servers(steps: &mut Steps, components: &Components) -> Result<Self, Failure> {
        let mut rig = Self::empty()?;
        let servers =
            go_program::ALL.iter().filter(|program| matches!(program.name, "versitygw" | "registry"));
        for program in servers.filter(|program| components.why_missing(program.name).is_none()) {
            steps.run(program.name, || program.build())?;
        }
        rig.tell("WHARF_TEST_PROGRAMS", go_program::directory()?);
        rig.start_stores(steps, components)?;
        Ok(rig)
    }

    fn empty() -> Result<Self, Failure> {
        Ok(Self { environment: Vec::new(), daemons: Vec::new(), scratch: scratch("wharf-test-")? })
    }

    /// What is made once and kept for the next run.
    fn make(&mut self, steps: &mut Steps, components: &Components) -> Result<(), Failure> {
        for program in go_program::ALL {
            if allows(components, program.name, steps) {
                steps.run(program.name, || program.build())?;
            }
        }
        self.tell("WHARF_TEST_PROGRAMS", go_program::directory()?);
        if allows(components, "python", steps) {
            let programs = steps.run("python clients", python::install)?;
            self.tell("WHARF_TEST_PYTHON", programs);
        }
        if allows(components, "node", steps) {
            let folder = steps.run("OpenID provider", node::install)?;
            self.tell("WHARF_TEST_NODE", folder);
        }
        for program in cargo_program::ALL {
            if allows(components, program.name, steps) {
                let path = steps.run(program.name, || program.install())?;
                self.tell(program.variable, path);
            }
        }
        if allows(components, "mmdebstrap", steps) {
            let rootfs = steps.run("root filesystem", || rootfs::make(self.scratch.path()))?;
            self.tell("WHARF_TEST_ROOTFS", rootfs);
        }
        Ok(())
    }

    fn start_stores(&mut self, steps: &mut Steps, components: &Components) -> Result<(), Failure> {
        if allows(components, "postgres", steps) {
            let (daemon, url) = steps.run("postgres", || postgres::start(self.scratch.path()))?;
            self.daemons.push(daemon);
            self.tell("WHARF_TEST_POSTGRES", url);
        }
        if allows(components, "versitygw", steps) {
            let program = go_program::directory()?.join("versitygw");
            let start = || versitygw::start(&program, self.scratch.path());
            let (daemon, bucket) = steps.run("S3 server", start)?;
            self.daemons.push(daemon);
            self.tell("WHARF_TEST_S3", bucket.url);
            self.tell("AWS_ACCESS_KEY_ID", bucket.access_key);
            self.tell("AWS_SECRET_ACCESS_KEY", bucket.secret_key);
        }
        Ok(())
    }

    fn start_daemons(&mut self, steps: &mut Steps, components: &Components) -> Result<(), Failure> {
        if allows(components, "docker", steps) {
            let (daemon, host) = steps.run("docker", || docker::start(self.scratch.path()))?;
            self.daemons.push(daemon);
            self.tell("WHARF_TEST_DOCKER_HOST", host);
        }
        if allows(components, "ctr", steps) {
            let (daemon, address) = steps.run("containerd", || containerd::start(self.scratch.path()))?;
            self.daemons.push(daemon);
            self.tell("WHARF_TEST_CONTAINERD", address);
        }
        Ok(())
    }

    fn tell(&mut self, name: &'static str, value: impl Into<OsString>) {
        self.environment.push((name, value.into()));
    }

    /// The variables through which the tests find what is up.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (&'static str, &OsString)> {
        self.environment.iter().map(|(name, value)| (*name, value))
    }

    /// Whether both halves of [`SHARED_STORES`] are up.
    pub(crate) fn has_shared_stores(&self) -> bool {
        ["WHARF_TEST_POSTGRES", "WHARF_TEST_S3"]
            .iter()
            .all(|name| self.environment.iter().any(|(known, _)| known == name))
    }

    /// The last words of every daemon, for when a test failed.
    pub(crate) fn print_logs(&self) {
        self.daemons.iter().for_each(Daemon::print_log);
    }

    /// Stops everything and removes the scratch directory.
    pub(crate) fn stop(self) -> Result<(), Failure> {
        let Self { daemons, scratch, .. } = self;
        drop(daemons);
        let path = scratch.path().to_path_buf();
        scratch.close().map_err(Failure::file(&path))
    }
}

/// An empty database and an empty bucket for one server, and the settings that lead it there.
pub(crate) struct SharedStores {
    pub(crate) settings: Vec<(&'static str, String)>,
    _daemons: [Daemon; 2],
}

impl SharedStores {
    /// Starts both in a directory that PostgreSQL's user can reach.
    pub(crate) fn start(scratch: &Path) -> Result<Self, Failure> {
        let gateway = go_program::ALL.iter().find(|program| program.name == "versitygw");
        let gateway =
            gateway.ok_or_else(|| Failure::Broken("versitygw is not among the programs".to_owned()))?;
        gateway.build()?;
        let (database, url) = postgres::start(scratch)?;
        let (storage, bucket) = versitygw::start(&go_program::directory()?.join(gateway.name), scratch)?;
        let settings = vec![
            ("WHARF_DATABASE", format!("{url}?sslmode=disable")),
            ("WHARF_SECRET_KEY", SECRET_KEY.to_owned()),
            ("WHARF_STORAGE", bucket.url),
            ("AWS_ACCESS_KEY_ID", bucket.access_key.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", bucket.secret_key),
        ];
        Ok(Self { settings, _daemons: [database, storage] })
    }
}

/// PostgreSQL does not run as root: its user must be able to reach its directory in here.
pub(crate) fn scratch(prefix: &str) -> Result<TempDir, Failure> {
    let temporary = std::env::temp_dir();
    let scratch = tempfile::Builder::new().prefix(prefix).tempdir().map_err(Failure::file(&temporary))?;
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755))
        .map_err(Failure::file(scratch.path()))?;
    Ok(scratch)
}

/// Whether `component` is there; if not, its step stands in the table as skipped.
fn allows(components: &Components, component: &str, steps: &mut Steps) -> bool {
    if let Some(why) = components.why_missing(component) {
        steps.skip(component, why);
        return false;
    }
    true
}
