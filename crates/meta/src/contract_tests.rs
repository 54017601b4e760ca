//! Both databases run the same suites. PostgreSQL is the one of `WHARF_TEST_POSTGRES`, which the test command
//! starts; without it that half says that it was skipped.

use wharf_auth::port::{Accounts as _, NewAccount, RegistryChange};
use wharf_core::{Access, Actor, Credential, Principal, Role, Timestamp, audit::AuditRecord, gate::Rights};
use wharf_registry::port::RightsSource as _;

use crate::{Database, postgres::Fresh};

async fn keeps_the_contracts(database: &Database) {
    wharf_registry::contract::store(database).await;
    wharf_auth::contract::accounts(database).await;
    wharf_auth::contract::keys(database).await;
    rights_that_change_are_known_at_once(database).await;
}

#[allow(clippy::disallowed_methods, reason = "the test acts as a job")]
fn record() -> AuditRecord {
    AuditRecord::new(Timestamp::default(), &Actor::job("contract"), "contract")
}

async fn set_public(database: &Database, public: bool) {
    let change = RegistryChange { public: Some(public), ..RegistryChange::default() };
    let (organisation, registry) = ("lookups".parse().unwrap(), "main".parse().unwrap());
    database.set_registry(organisation, registry, change, record()).await.unwrap();
}

/// Asked at the place that the suite of lookups made.
async fn rights(database: &Database, actor: &Actor) -> Rights {
    database.rights(actor, &"lookups/here".parse().unwrap()).await.unwrap()
}

#[allow(clippy::disallowed_methods, reason = "the test acts as a user")]
async fn rights_that_change_are_known_at_once(database: &Database) {
    let name: wharf_core::UserName = "reader".parse().unwrap();
    let memberships = vec![("lookups".parse().unwrap(), Role::Viewer)];
    let account =
        NewAccount { name: name.clone(), password_hash: "hash".to_owned(), operator: false, memberships };
    let nobody = Actor { principal: Principal::Anonymous, ..Actor::job("contract") };
    let is_public = async || rights(database, &nobody).await.registry.is_some_and(|found| found.public);
    for public in [true, false].repeat(10) {
        set_public(database, public).await;
        let (one, two) = futures_util::future::join(is_public(), is_public()).await;
        assert_eq!([one, two, is_public().await], [public; 3], "a change of a registry was not seen at once");
    }
    let id = database.create(account, record()).await.unwrap();
    let reader = Actor {
        principal: Principal::User { id, name, version: 1 },
        credential: Credential::Password,
        access: Access::Whole,
        ..nobody
    };
    assert_eq!(
        [rights(database, &reader).await.role, rights(database, &reader).await.role],
        [Some(Role::Viewer); 2]
    );
    database.set_password(id, "new".to_owned(), record()).await.unwrap();
    assert_eq!(rights(database, &reader).await.role, None, "an old credential reaches its roles");
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
