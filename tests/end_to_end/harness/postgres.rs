//! PostgreSQL for a server under test: a database of its own on the rig's server, or a whole cluster that may be
//! stopped, and a proxy in between that breaks connections where it hurts.

mod cluster;
mod proxy;

use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::{Client, NoTls};

pub(crate) use cluster::Cluster;
pub(crate) use proxy::{Fault, Proxy};

use super::{ADMIN_PASSWORD, Wharf, component};

/// Nodes that share a database share the key that seals its secrets.
pub(crate) const SECRET_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A database of a test's own, and a way to look into it from beside.
pub(crate) struct Database {
    client: Client,
    login: String,
    host: String,
    name: String,
}

impl Database {
    /// An empty database on the server of `WHARF_TEST_POSTGRES`, unless there is none.
    pub(crate) async fn fresh() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if !component("postgres") {
            return None;
        }
        let server = std::env::var("WHARF_TEST_POSTGRES").expect("the rig says where PostgreSQL is");
        let name = format!("wharf_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let maker = connect(&server).await;
        maker.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).await.unwrap();
        maker.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let (login, rest) = server.rsplit_once('@').unwrap();
        let (host, _) = rest.split_once('/').unwrap();
        let client = connect(&format!("{login}@{host}/{name}")).await;
        Some(Self { client, login: login.to_owned(), host: host.to_owned(), name })
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        self.url_at(&self.host)
    }

    /// A proxy before it, and its URL through that.
    pub(crate) async fn behind_proxy(&self) -> (Proxy, String) {
        let proxy = Proxy::before(&self.host).await;
        let url = self.url_at(&proxy.host());
        (proxy, url)
    }

    fn url_at(&self, host: &str) -> String {
        format!("{}@{host}/{}?sslmode=disable", self.login, self.name)
    }

    /// How often a tag was really set: once for each push that counts.
    pub(crate) async fn pushes_of(&self, tag: &str) -> i64 {
        let row = self.client.query_one("SELECT count(*) FROM event WHERE tag = $1", &[&tag]).await;
        row.unwrap().get(0)
    }

    /// Does something to it that no Wharf does.
    pub(crate) async fn execute(&self, statement: &str) {
        self.client.batch_execute(statement).await.unwrap();
    }

    /// How many rows a table has.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        self.client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0)
    }

    /// Who has a lease, if anybody ever had it.
    pub(crate) async fn holder_of(&self, lease: &str) -> Option<String> {
        let found = self.client.query_opt("SELECT holder FROM lease WHERE name = $1", &[&lease]).await;
        found.unwrap().map(|row| row.get(0))
    }

    /// How many transactions are open on it.
    pub(crate) async fn open_transactions(&self) -> i64 {
        const OPEN: &str = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()";
        // Those of jobs, such as the sealing of the audit log, end in a moment.
        for _ in 0..50 {
            if self.client.query_one(OPEN, &[]).await.unwrap().get::<_, i64>(0) == 0 {
                return 0;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        self.client.query_one(OPEN, &[]).await.unwrap().get(0)
    }

    /// Waits until the audit log is sealed and nothing more is noted for it: then no job commits anything of its own.
    pub(crate) async fn is_quiet(&self) {
        const UNSEALED: &str = "SELECT count(*) FROM audit WHERE number IS NULL";
        let mut quiet = 0;
        for _ in 0..300 {
            let unsealed: i64 = self.client.query_one(UNSEALED, &[]).await.unwrap().get(0);
            quiet = if unsealed == 0 { quiet + 1 } else { 0 };
            if quiet == 15 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("the audit log is not sealed");
    }
}

impl Drop for Database {
    /// Even where somebody is still connected.
    fn drop(&mut self) {
        let server = format!("{}@{}/postgres", self.login, self.host);
        let statement = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        // The runtime of the test may be ending, and would not be waited for here.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { connect(&server).await.batch_execute(&statement).await })
        });
        match dropping.join() {
            Ok(Ok(())) => {}
            failed => eprintln!("the database {} stays: {failed:?}", self.name),
        }
    }
}

/// The settings of a node on this database.
pub(super) fn node_on(url: &str) -> Vec<(String, String)> {
    let settings =
        [("WHARF_DATABASE", url), ("WHARF_DATABASE_CONNECTIONS", "4"), ("WHARF_SECRET_KEY", SECRET_KEY)];
    settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

impl Wharf {
    /// A node on a database, with a data directory of its own.
    pub(crate) async fn start_on_postgres(url: &str) -> Self {
        let settings = node_on(url);
        let settings = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let settings: Vec<_> = settings.chain([("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD)]).collect();
        Self::start_with(&settings).await
    }
}
