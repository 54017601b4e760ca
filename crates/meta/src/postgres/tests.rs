//! The driver against a real server, `WHARF_TEST_POSTGRES`, which the test command starts; without it each test says
//! that it was skipped.

#[expect(clippy::disallowed_methods, reason = "the tests act as jobs")]
mod catching_up;
mod faults;
mod reaching;
mod starting;

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use tokio_postgres::{Client, NoTls};
use wharf_core::{Result, Secret};

use super::{Postgres, PostgresSettings};
use crate::session::{Session, Unit};

/// A database of a test's own on the server that the environment names.
pub(crate) struct Fresh {
    /// `postgres://user:password@host:port/`
    pub(crate) server: String,
    pub(crate) name: String,
}

impl Fresh {
    /// Makes a database whose own sort order is not the byte order, so that a name column without its own is found.
    #[expect(
        clippy::disallowed_methods,
        reason = "the test command says through the environment where it is"
    )]
    pub(crate) async fn make() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let Ok(url) = std::env::var("WHARF_TEST_POSTGRES") else {
            let quick = std::env::var("WHARF_TEST_QUICK").is_ok();
            assert!(quick || std::env::var("CI").is_err(), "WHARF_TEST_POSTGRES must be set in CI");
            eprintln!("skipped: WHARF_TEST_POSTGRES names no server");
            return None;
        };
        let name = format!("meta_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let client = client(&url).await;
        client.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).await.unwrap();
        let create = format!(
            "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C'"
        );
        client.batch_execute(&create).await.unwrap();
        let (server, _) = url.rsplit_once('/').unwrap();
        Some(Self { server: format!("{server}/"), name })
    }

    pub(crate) fn url(&self) -> String {
        format!("{}{}?sslmode=disable", self.server, self.name)
    }

    pub(crate) fn settings(&self) -> PostgresSettings {
        settings(self.url())
    }

    async fn open(&self) -> Postgres {
        open(self.settings()).await.unwrap()
    }

    /// A client beside Wharf's own, with a table for numbers.
    async fn observer(&self) -> Client {
        let client = client(&self.url()).await;
        client.batch_execute("CREATE TABLE IF NOT EXISTS number (n BIGINT PRIMARY KEY)").await.unwrap();
        client
    }
}

fn settings(url: String) -> PostgresSettings {
    PostgresSettings { url: Secret::new(url), password_file: None, connections: 4 }
}

async fn open(settings: PostgresSettings) -> Result<Postgres> {
    Postgres::open(settings, Arc::default()).await
}

async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn numbers(client: &Client) -> Vec<i64> {
    let rows = client.query("SELECT n FROM number ORDER BY n", &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Inserts a number, and runs a statement before.
struct Insert {
    number: i64,
    before: &'static str,
    runs: AtomicU32,
}

impl Insert {
    fn number(number: i64) -> Arc<Self> {
        Self::after("SELECT 1", number)
    }

    fn after(before: &'static str, number: i64) -> Arc<Self> {
        Arc::new(Self { number, before, runs: AtomicU32::new(0) })
    }

    fn runs(&self) -> u32 {
        self.runs.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Unit for Insert {
    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        session.execute(self.before, &[]).await?;
        session.execute("INSERT INTO number VALUES ($1)", &[self.number.into()]).await.map(drop)
    }
}
