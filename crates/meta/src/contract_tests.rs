//! Both databases run the same suites. PostgreSQL is the one of `WHARF_TEST_POSTGRES`, which the test command
//! starts; without it that half says that it was skipped.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use wharf_auth::port::{
    Accounts as _, Claim, NewAccount, NewOrganisation, Organisations as _, Person, RegistryChange, Seer, Span,
};
use wharf_core::{
    Access, AccountId, Actor, Credential, Digest, Kind, OrganisationName, Place, Principal, RegistryPlace,
    Result, Role, Timestamp, UploadId, UserName,
    action::Pull,
    audit::AuditRecord,
    gate::{self, CreateOnPush, OrganisationId, Rights},
};
use wharf_registry::port::{BlobRow, CatalogOf, Maker, RightsSource as _, Store, Transaction, Work};
use wharf_signing::port::Keys as _;

use crate::{Database, Field, RowSink, TABLES, Table, postgres::Fresh};

async fn keeps_the_contracts(database: &Database) {
    wharf_registry::contract::store(database).await;
    wharf_auth::contract::accounts(database).await;
    wharf_auth::contract::keys(database).await;
    wharf_auth::contract::tenancy(database, database).await;
    wharf_auth::contract::users(database, database).await;
    wharf_auth::contract::machines(database, database, database).await;
    wharf_auth::contract::belonging(database).await;
    wharf_auth::contract::people(database, database, database).await;
    wharf_auth::contract::beliefs(database).await;
    wharf_auth::contract::providers(database).await;
    wharf_auth::contract::invitations(database, database, database).await;
    wharf_auth::contract::links(database, database).await;
    wharf_auth::contract::logins(database, database).await;
    wharf_auth::contract::second_factors(database, database, database).await;
    wharf_auth::contract::letters((database, database), database, database).await;
    wharf_auth::contract::repeats(database).await;
    a_quota_goes_with_its_organisation(database).await;
    rights_that_change_are_known_at_once(database).await;
    lists_and_the_gate_agree_on_who_may_read(database).await;
    let registry =
        RegistryPlace { organisation: "lookups".parse().unwrap(), registry: "main".parse().unwrap() };
    wharf_signing::contract::keys(database, &registry).await;
    let unverified = RegistryChange { accepts_unverified: Some(true), ..RegistryChange::default() };
    let RegistryPlace { organisation, registry: name } = registry.clone();
    database.set_registry(organisation, name, unverified, record()).await.unwrap();
    assert!(database.belief(&registry).await.unwrap().accepts_unverified);
}

#[expect(clippy::disallowed_methods, reason = "the test acts as a job")]
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

#[expect(clippy::disallowed_methods, reason = "the test acts as a user")]
async fn rights_that_change_are_known_at_once(database: &Database) {
    let name: wharf_core::UserName = "reader".parse().unwrap();
    let memberships = vec![("lookups".parse().unwrap(), Role::Viewer)];
    let account = NewAccount {
        name: name.clone(),
        password_hash: "hash".to_owned(),
        operator: false,
        memberships,
        person: Person::default(),
    };
    let nobody = Actor::nobody(None, "contract");
    let is_public = async || rights(database, &nobody).await.registry.is_some_and(|found| found.public);
    for public in [true, false].repeat(10) {
        set_public(database, public).await;
        let (one, two) = futures_util::future::join(is_public(), is_public()).await;
        assert_eq!([one, two, is_public().await], [public; 3], "a change of a registry was not seen at once");
    }
    let id = database.create(account, record()).await.unwrap();
    let reader = nobody.known(Principal::User { id, name, version: 1 }, Credential::Password, Access::Whole);
    assert_eq!(
        [rights(database, &reader).await.role, rights(database, &reader).await.role],
        [Some(Role::Viewer); 2]
    );
    database.set_password(id, "new".to_owned(), record()).await.unwrap();
    assert_eq!(rights(database, &reader).await.role, None, "an old credential reaches its roles");
}

/// Every way in which somebody may stand to a registry, asked of the gate and of each statement that leaves out what
/// may not be read.
#[expect(clippy::disallowed_methods, reason = "the test asks the gate")]
async fn lists_and_the_gate_agree_on_who_may_read(database: &Database) {
    let place: Place = "readable/main/app".parse().unwrap();
    let store: &dyn Store = database;
    store.commit(MakeReadable(place.clone())).await.unwrap();
    let mut callers = vec![Actor::nobody(None, "contract")];
    for (name, role, operator) in [
        ("reads-nothing", None, false),
        ("reads-as-viewer", Some(Role::Viewer), false),
        ("reads-as-writer", Some(Role::Writer), false),
        ("reads-as-admin", Some(Role::Admin), false),
        ("reads-as-operator", None, true),
    ] {
        let memberships = role.map(|role| (place.organisation.clone(), role)).into_iter().collect();
        let (name, password_hash): (UserName, _) = (name.parse().unwrap(), "hash".to_owned());
        let new = NewAccount {
            name: name.clone(),
            password_hash,
            operator,
            memberships,
            person: Person::default(),
        };
        let id = database.create(new, record()).await.unwrap();
        let principal = Principal::User { id, name, version: 1 };
        callers.push(Actor::nobody(None, "contract").known(principal, Credential::Password, Access::Whole));
    }
    for public in [false, true] {
        let change = RegistryChange { public: Some(public), ..RegistryChange::default() };
        let (organisation, registry) = (place.organisation.clone(), place.registry.clone());
        database.set_registry(organisation, registry, change, record()).await.unwrap();
        for caller in &callers {
            let rights = database.rights(caller, &place).await.unwrap();
            let decided = gate::decide::<Pull>(caller, &place, &rights, CreateOnPush::Off).is_ok();
            let listed = store.view(ReadBy(caller.principal().account(), place.clone())).await.unwrap();
            let who = caller.principal().name();
            assert_eq!(listed, [decided; 2], "public {public}: the gate and the lists differ for {who:?}");
            if !rights.operator {
                let seer = Seer::Account(caller.principal().account());
                let span = Span { last: Some("readabl".to_owned()), most: 1000 };
                let seen = database.organisations(seer, span).await.unwrap();
                let seen = seen.iter().any(|organisation| organisation.name == place.organisation);
                assert_eq!(seen, decided, "public {public}: {who:?} sees the organisation");
            }
        }
    }
}

fn readable_blob() -> Digest {
    format!("sha256:{}", "e".repeat(64)).parse().unwrap()
}

/// A repository that is shown and holds a blob.
/// Quotas and organisations come from two engines.
#[expect(clippy::disallowed_methods, reason = "the test acts as a job")]
async fn a_quota_goes_with_its_organisation(database: &Database) {
    let name: OrganisationName = "rationed".parse().unwrap();
    let new = NewOrganisation { name: name.clone(), admin: None, claim: Claim::Any };
    let store: &dyn Store = database;
    let set = async |bytes| store.commit(SetQuota(name.clone(), bytes)).await.unwrap();
    database.create_organisation(new.clone(), record()).await.unwrap();
    let rights = database.organisation_rights(&Actor::job("contract"), &name).await.unwrap();
    let id = rights.organisation.unwrap();
    assert!(set(7).await);
    assert_eq!(store.view(FindQuota(id)).await.unwrap(), Some(7));
    database.remove_organisation(id, record()).await.unwrap();
    assert!(!set(9).await, "a removed organisation has no quota");
    database.create_organisation(new, record()).await.unwrap();
    assert_eq!(store.view(FindQuota(id)).await.unwrap(), None, "its next owner begins without one");
}

struct SetQuota(OrganisationName, u64);

#[async_trait]
impl Transaction for SetQuota {
    type Output = bool;

    async fn run(&self, work: &mut dyn Work) -> Result<bool> {
        work.set_quota(&self.0, Some(self.1)).await
    }
}

struct FindQuota(OrganisationId);

#[async_trait]
impl Transaction for FindQuota {
    type Output = Option<u64>;

    async fn run(&self, work: &mut dyn Work) -> Result<Option<u64>> {
        work.quota(self.0).await
    }
}

struct MakeReadable(Place);

#[async_trait]
impl Transaction for MakeReadable {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        let registry = work
            .ensure_registry(&self.0, Maker { actor: &Actor::job("contract"), at: Timestamp::default() })
            .await?;
        let repository = work
            .ensure_repository(
                registry,
                &self.0,
                Maker { actor: &Actor::job("contract"), at: Timestamp::default() },
            )
            .await?;
        work.show_repository(repository).await?;
        let key = UploadId::new(Timestamp::default(), [9; 16]).object_key();
        let blob = BlobRow { digest: readable_blob(), size: 1, key };
        work.insert_blob(&blob, Timestamp::default()).await?;
        work.add_member(repository, &blob.digest, Timestamp::default()).await.map(drop)
    }
}

/// Whether an account finds a repository in the catalog, and as the source of a mount.
struct ReadBy(Option<AccountId>, Place);

#[async_trait]
impl Transaction for ReadBy {
    type Output = [bool; 2];

    async fn run(&self, work: &mut dyn Work) -> Result<[bool; 2]> {
        let names = work.catalog(CatalogOf::ReadableBy(self.0), Some("readabl"), 1000).await?;
        let named = names.contains(&self.1.to_string());
        let sources = work.mount_sources(self.0, &readable_blob(), 100).await?;
        Ok([named, sources.iter().any(|source| source.place == self.1)])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_keeps_the_contracts() {
    let folder = tempfile::tempdir().unwrap();
    let open =
        |name: &str| Database::sqlite(&folder.path().join(name), &folder.path().join("ballast")).unwrap();
    let database = open("wharf.sqlite");
    keeps_the_contracts(&database).await;
    moves(&database, &open("other.sqlite")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_keeps_the_contracts() {
    let Some(database) = fresh().await else { return };
    keeps_the_contracts(&database).await;
    moves(&database, &fresh().await.unwrap()).await;
    let folder = tempfile::tempdir().unwrap();
    let file =
        |name: &str| Database::sqlite(&folder.path().join(name), &folder.path().join("ballast")).unwrap();
    let (small, back) = (file("small.sqlite"), file("back.sqlite"));
    keeps_the_contracts(&small).await;
    let large = fresh().await.unwrap();
    moves(&small, &large).await;
    moves(&large, &back).await;
}

/// An empty database on PostgreSQL, where there is one.
async fn fresh() -> Option<Database> {
    Some(Database::postgres(Fresh::make().await?.settings()).await.unwrap())
}

/// Keeps all rows in memory.
#[derive(Default)]
struct Kept(Vec<(&'static Table, Vec<Vec<Field>>)>);

impl RowSink for Kept {
    fn begin(&mut self) -> Result<()> {
        self.0.clear();
        Ok(())
    }

    fn table(&mut self, table: &'static Table) -> Result<()> {
        self.0.push((table, Vec::new()));
        Ok(())
    }

    fn row(&mut self, fields: &[Field]) -> Result<()> {
        self.0.last_mut().unwrap().1.push(fields.to_vec());
        Ok(())
    }
}

async fn dumped(database: &Database) -> Kept {
    let kept = Arc::new(Mutex::new(Kept::default()));
    database.dump(kept.clone()).await.unwrap();
    std::mem::take(&mut *kept.lock().unwrap())
}

/// What the suites leave behind goes from one database into another, and is the same there.
async fn moves(from: &Database, to: &Database) {
    let rows = dumped(from).await;
    let filled = rows.0.iter().filter(|(_, rows)| !rows.is_empty()).count();
    assert!(filled > TABLES.len() / 2, "only {filled} tables hold anything to move");
    to.begin_restore().await.unwrap();
    assert_eq!(to.expect_whole().await.unwrap_err().kind(), Kind::Conflict);
    let (table, some) = rows.0.iter().find(|(table, _)| table.name == "organisation").unwrap();
    to.load(table, some.clone()).await.unwrap();
    to.begin_restore().await.expect("one that was cut begins anew");
    for (table, rows) in &rows.0 {
        to.load(table, rows.clone()).await.unwrap();
    }
    let wrong = to.load(TABLES.first().unwrap(), vec![vec![Field::Integer(1), Field::Null]]).await;
    assert_eq!(wrong.unwrap_err().kind(), Kind::Invalid);
    to.end_restore(60).await.unwrap();
    to.expect_whole().await.unwrap();
    assert_eq!(to.begin_restore().await.unwrap_err().kind(), Kind::Conflict);
    assert_eq!(dumped(to).await.0, rows.0);
    // New rows find ids that nobody has.
    let store: &dyn Store = to;
    store.commit(MakePlace).await.unwrap();
}

struct MakePlace;

#[async_trait]
impl Transaction for MakePlace {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        let place = "newly/made/app".parse()?;
        let registry = work
            .ensure_registry(&place, Maker { actor: &Actor::job("contract"), at: Timestamp::default() })
            .await?;
        work.ensure_repository(
            registry,
            &place,
            Maker { actor: &Actor::job("contract"), at: Timestamp::default() },
        )
        .await
        .map(drop)
    }
}
