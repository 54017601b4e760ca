//! Both databases run the same suites. PostgreSQL is the one of `WHARF_TEST_POSTGRES`, which the test command
//! starts; without it that half says that it was skipped.

use crate::{Database, postgres::Fresh};

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
async fn postgres_keeps_the_contracts() {
    let Some(fresh) = Fresh::make().await else { return };
    keeps_the_contracts(&Database::postgres(fresh.settings()).await.unwrap()).await;
}
