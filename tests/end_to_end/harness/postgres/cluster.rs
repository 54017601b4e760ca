//! A PostgreSQL cluster of one test's own, which may be ended the hard way and started again.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_postgres::NoTls;

use super::connect;
use crate::harness::component;

/// Where Debian keeps the programs, beside the path.
const PACKAGED: &str = "/usr/lib/postgresql";
/// How long a start may take, recovery included.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Cluster {
    home: TempDir,
    port: u16,
    process: Option<Child>,
}

impl Cluster {
    /// A new cluster, ready to answer, unless this machine has no PostgreSQL.
    pub(crate) async fn start() -> Option<Self> {
        if !component("postgres") {
            return None;
        }
        let (home, data) = folder();
        let mut initdb = program("initdb");
        initdb
            .args(["--username=wharf", "--auth=trust", "--encoding=UTF8", "--no-sync"])
            .arg("-D")
            .arg(&data);
        assert!(initdb.stdout(Stdio::null()).status().unwrap().success(), "initdb failed");
        Some(Self::serve(home).await)
    }

    async fn serve(home: TempDir) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut cluster = Self { home, port, process: None };
        cluster.restart().await;
        cluster
    }

    /// A standby of this one, for which every commit waits from now on.
    pub(crate) async fn standby(&self) -> Self {
        let (home, data) = folder();
        let mut copy = program("pg_basebackup");
        copy.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "wharf", "-R", "-c", "fast", "-D"]);
        assert!(copy.arg(&data).status().unwrap().success(), "pg_basebackup failed");
        let standby = Self::serve(home).await;
        self.execute("ALTER SYSTEM SET synchronous_standby_names = '*'").await;
        self.execute("SELECT pg_reload_conf()").await;
        const WAITED_FOR: &str = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        let (client, began) = (connect(&self.url()).await, Instant::now());
        while client.query_one(WAITED_FOR, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            assert!(began.elapsed() < PATIENCE, "no commit waits for the standby");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        standby
    }

    /// Makes a standby the primary.
    pub(crate) async fn promote(&self) {
        self.execute("SELECT pg_promote()").await;
    }

    async fn execute(&self, statement: &str) {
        connect(&self.url()).await.batch_execute(statement).await.unwrap();
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://wharf@{}/postgres?sslmode=disable", self.host())
    }

    /// Where it listens.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Ends it without a checkpoint (SIGQUIT): the next start recovers from the log.
    pub(crate) fn end(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let id = process.id().to_string();
        assert!(Command::new("kill").args(["-s", "QUIT", &id]).status().unwrap().success());
        process.wait().unwrap();
    }

    /// Starts it and waits until it answers.
    pub(crate) async fn restart(&mut self) {
        let data = self.home.path().join("data");
        let mut server = program("postgres");
        server.arg("-D").arg(&data).arg("-k").arg(&data);
        server.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(server.spawn().unwrap());
        let started = Instant::now();
        while tokio_postgres::connect(&self.url(), NoTls).await.is_err() {
            assert!(started.elapsed() < PATIENCE, "PostgreSQL is not ready after {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end();
    }
}

/// A folder for a cluster, which belongs to whoever is to run it.
fn folder() -> (TempDir, PathBuf) {
    let home = TempDir::new().unwrap();
    fs::set_permissions(home.path(), Permissions::from_mode(0o755)).unwrap();
    let data = home.path().join("data");
    DirBuilder::new().mode(0o700).create(&data).unwrap();
    if let Some((user, group)) = identity() {
        chown(&data, Some(user), Some(group)).unwrap();
    }
    (home, data)
}

/// A program of PostgreSQL's, as a user who is not root: it refuses to serve root.
fn program(name: &str) -> Command {
    let packaged = fs::read_dir(PACKAGED).into_iter().flatten().flatten();
    let packaged = packaged.map(|version| version.path().join("bin").join(name)).find(|path| path.exists());
    let mut command = Command::new(packaged.unwrap_or_else(|| PathBuf::from(name)));
    command.current_dir("/");
    if let Some((user, group)) = identity() {
        command.uid(user).gid(group);
    }
    command
}

/// Whom to be under root: the user that PostgreSQL's package made.
fn identity() -> Option<(u32, u32)> {
    let ask = |arguments: &[&str]| {
        let said = Command::new("id").args(arguments).output().unwrap().stdout;
        String::from_utf8(said).unwrap().trim().parse::<u32>().unwrap()
    };
    (ask(&["-u"]) == 0).then(|| (ask(&["-u", "postgres"]), ask(&["-g", "postgres"])))
}
