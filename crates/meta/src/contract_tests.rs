//! Both databases run the same suites. PostgreSQL is the one of `WHARF_TEST_POSTGRES`, which the test command
//! starts; without it that half says that it was skipped.

use crate::Database;

async fn keeps_the_contracts(database: &Database) {
    wharf_registry::contract::store(database).await;
    wharf_auth::contract::accounts(database).await;
    wharf_auth::contract::keys(database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_keeps_the_contracts() {
    let folder = tempfile::tempdir().unwrap();
    keeps_the_contracts(
        &Database::sqlite(&folder.path().join("wharf.sqlite"), &folder.path().join("ballast")).unwrap(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[allow(
    clippy::disallowed_methods,
    reason = "the test command says through the environment where the server is"
)]
async fn postgres_keeps_the_contracts() {
    let Ok(server) = std::env::var("WHARF_TEST_POSTGRES") else {
        assert!(std::env::var("CI").is_err(), "WHARF_TEST_POSTGRES must be set in CI");
        eprintln!("skipped: WHARF_TEST_POSTGRES names no server");
        return;
    };
    let url = fresh_database(&server).await;
    keeps_the_contracts(&Database::postgres(&url).await.unwrap()).await;
}

/// Makes a database whose default collation is not byte order, so that a name column without its own is found.
async fn fresh_database(server: &str) -> String {
    let (client, connection) = tokio_postgres::connect(server, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let name = format!("contract_{}", std::process::id());
    let create = format!(
        "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C'"
    );
    client.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).await.unwrap();
    client.batch_execute(&create).await.unwrap();
    let (base, _) = server.rsplit_once('/').unwrap();
    format!("{base}/{name}")
}
