//! A right that ends while a change is under way: on both databases the change is made before that is acknowledged, or
//! not at all.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use tokio::sync::Notify;
use wharf_auth::port::{
    Accounts, Claim, Members, NewAccount, NewOrganisation, Organisations, Person, TokenRow, Tokens,
};
use wharf_core::{
    Access, Actor, Credential, Kind, OrganisationGrant, OrganisationName, Place, Principal, Result, Role,
    Timestamp, TokenHash, UserName,
    action::Push,
    audit::AuditRecord,
    duty::Administer,
    gate::{self, CreateOnPush, Granted, OrganisationId, Warrant},
};
use wharf_registry::port::{Maker, RightsSource, Store, Transaction, Work};

use crate::{Database, database::Step, meanwhile::until_somebody_waits, on_both::on_both, session::Session};

const NOW: Timestamp = Timestamp::from_microseconds(1_700_000_000_000_000);

fn record() -> AuditRecord {
    AuditRecord::new(NOW, &Actor::job("warrants"), "warrants")
}

fn by(principal: Principal, credential: Credential) -> Actor {
    Actor::nobody(None, "warrants").known(principal, credential, Access::Whole)
}

struct House {
    database: Database,
    organisation: OrganisationName,
    id: OrganisationId,
    /// An admin of the organisation.
    admin: Actor,
    /// A member of it, and its other admin.
    others: [UserName; 2],
}

impl House {
    async fn on(database: Database) -> Self {
        let organisation: OrganisationName = "acme".parse().unwrap();
        let new = NewOrganisation { name: organisation.clone(), admin: None, claim: Claim::Free };
        database.create_organisation(new, record()).await.unwrap();
        let mut actors = Vec::new();
        for name in ["alice", "bob", "carol"] {
            let memberships = vec![(organisation.clone(), Role::Admin)];
            let (name, password_hash): (UserName, _) = (name.parse().unwrap(), "hash".to_owned());
            let new = NewAccount {
                name: name.clone(),
                password_hash,
                operator: false,
                memberships,
                person: Person::default(),
            };
            let id = database.create(new, record()).await.unwrap();
            let principal = Principal::User { id, name: name.clone(), version: 1 };
            actors.push((name, by(principal, Credential::Password)));
        }
        let [(_, admin), (bob, _), (carol, _)] = actors.try_into().unwrap();
        let rights = database.organisation_rights(&admin, &organisation).await.unwrap();
        Self { database, organisation, id: rights.organisation.unwrap(), admin, others: [bob, carol] }
    }

    #[expect(clippy::disallowed_methods, reason = "the test asks the gate")]
    async fn administers(&self) -> OrganisationGrant<Administer> {
        let rights = self.database.organisation_rights(&self.admin, &self.organisation).await.unwrap();
        gate::decide_organisation(&self.admin, &self.organisation, &rights).unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "the test asks the gate")]
    async fn pushes(&self) -> wharf_core::Grant<Push> {
        let place: Place = "acme/app".parse().unwrap();
        let rights = self.database.rights(&self.admin, &place).await.unwrap();
        gate::decide(&self.admin, &place, &rights, CreateOnPush::Off).unwrap()
    }

    async fn send_away(&self) {
        assert!(self.database.remove_member(self.id, "alice".parse().unwrap(), record()).await.unwrap());
    }
}

/// A change that is not made before somebody waits for it, once its right was found to stand.
struct Slowly {
    database: Database,
    begun: Arc<Notify>,
    done: Arc<AtomicBool>,
}

#[async_trait]
impl Step for Slowly {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        self.begun.notify_one();
        until_somebody_waits(&self.database, session).await?;
        self.done.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// Whoever revokes while a change is under way is told that it is done once that change is, and never before.
async fn expect_held(house: &House, warrant: Warrant, revoke: impl Future<Output = ()>) {
    let (begun, done, database) = (Arc::<Notify>::default(), Arc::<AtomicBool>::default(), &house.database);
    let slowly = Slowly { database: database.clone(), begun: begun.clone(), done: done.clone() };
    let database = database.clone();
    let changing = tokio::spawn(async move { database.write_by(warrant, slowly).await });
    begun.notified().await;
    revoke.await;
    assert!(
        done.load(Ordering::SeqCst),
        "it was revoked while the change was under way, and made after that"
    );
    changing.await.unwrap().unwrap();
}

async fn who_is_sent_away_changes_no_member_any_more(database: Database) {
    let house = House::on(database).await;
    let grant = house.administers().await;
    let set = async |user: &UserName, role| {
        let record = AuditRecord::by(NOW, &grant, "member.set");
        house.database.set_member(house.id, user.clone(), role, record).await
    };
    assert!(set(&house.others[0], Role::Viewer).await.unwrap());
    expect_held(&house, grant.warrant(), house.send_away()).await;
    let refused = set(&house.others[0], Role::Admin).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Denied);
    let member = house.database.member(house.id, &house.others[0]).await.unwrap().unwrap();
    assert_eq!(member.role, Role::Viewer, "nothing of it stays");
}

async fn who_is_sent_away_pushes_nothing_any_more(database: Database) {
    let house = House::on(database).await;
    let grant = house.pushes().await;
    let store: &dyn Store = &house.database;
    expect_held(&house, grant.warrant(), house.send_away()).await;
    let refused = store.commit_by(&grant, MakeRepository(grant.actor().clone())).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Denied);
    assert_eq!(store.commit(CountRecords("acme/app")).await.unwrap(), 0, "nothing of it stays");
}

async fn a_credential_that_ended_does_nothing_any_more(database: Database) {
    let mut house = House::on(database).await;
    let (account, hash) = (house.admin.principal().account().unwrap(), TokenHash([7; 32]));
    let token = TokenRow {
        row: 0,
        hash,
        account,
        account_version: 1,
        name: "ci".to_owned(),
        reach: None,
        parent: None,
        created_at: NOW,
        expires_at: None,
        used_at: None,
    };
    house.database.add_token(token, record()).await.unwrap();
    // A bearer token that was fetched with it ends with it, too.
    for credential in
        [Credential::Token(hash), Credential::Bearer { id: "bearer".to_owned(), token: Some(hash) }]
    {
        house.admin = by(house.admin.principal().clone(), credential);
        let grant = house.pushes().await;
        let store: &dyn Store = &house.database;
        let known = house.database.token(hash).await.unwrap().is_some();
        if known {
            let revoke =
                async { assert!(house.database.remove_token(account, hash, record()).await.unwrap()) };
            expect_held(&house, grant.warrant(), revoke).await;
        }
        let refused = store.commit_by(&grant, MakeRepository(grant.actor().clone())).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::Unauthenticated);
    }
    house.admin = by(house.admin.principal().clone(), Credential::Password);
    let grant = house.administers().await;
    let revoke =
        async { assert!(house.database.set_password(account, "new".to_owned(), record()).await.unwrap()) };
    expect_held(&house, grant.warrant(), revoke).await;
    let record = AuditRecord::by(NOW, &grant, "member.set");
    let set = house.database.set_member(house.id, house.others[0].clone(), Role::Viewer, record).await;
    assert_eq!(set.unwrap_err().kind(), Kind::Unauthenticated);
}

/// Two admins who end each other, over and over: one of them stays, for the other one was none any more.
async fn of_two_admins_who_end_each_other_one_stays(database: Database) {
    let house = House::on(database).await;
    house.send_away().await;
    for round in 0..10 {
        let [bob, carol] = &house.others;
        let grants = futures_util::future::join_all([bob, carol].map(|name| grant_of(&house, name))).await;
        let end = async |grant: &OrganisationGrant<Administer>, user: &UserName| {
            let record = AuditRecord::by(NOW, grant, "member.delete");
            house.database.remove_member(house.id, user.clone(), record).await
        };
        let (one, two) = futures_util::future::join(end(&grants[0], carol), end(&grants[1], bob)).await;
        let kinds = [one, two].map(|ended| ended.map_err(|error| error.kind()));
        assert_eq!(kinds.iter().filter(|ended| **ended == Ok(true)).count(), 1, "round {round}: {kinds:?}");
        assert!(kinds.contains(&Err(Kind::Denied)), "round {round}: {kinds:?}");
        for user in [bob, carol] {
            house.database.set_member(house.id, user.clone(), Role::Admin, record()).await.unwrap();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the test asks the gate")]
async fn grant_of(house: &House, name: &UserName) -> OrganisationGrant<Administer> {
    let account = house.database.by_name(name).await.unwrap().unwrap();
    let actor = by(account.principal(), Credential::Password);
    let rights = house.database.organisation_rights(&actor, &house.organisation).await.unwrap();
    gate::decide_organisation(&actor, &house.organisation, &rights).unwrap()
}

struct MakeRepository(Actor);

#[async_trait]
impl Transaction for MakeRepository {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        let (place, maker) = ("acme/app".parse()?, Maker { actor: &self.0, at: NOW });
        let registry = work.ensure_registry(&place, maker).await?;
        work.ensure_repository(registry, &place, maker).await.map(drop)
    }
}

/// How many records there are of a repository.
struct CountRecords(&'static str);

#[async_trait]
impl Transaction for CountRecords {
    type Output = usize;

    async fn run(&self, work: &mut dyn Work) -> Result<usize> {
        let repository = Some(self.0.to_owned());
        let wanted = wharf_registry::port::RecordsOf { repository, most: 10, ..Default::default() };
        Ok(work.records(&wanted).await?.len())
    }
}

on_both!(
    who_is_sent_away_changes_no_member_any_more who_is_sent_away_changes_no_member_any_more_on_postgres,
    who_is_sent_away_pushes_nothing_any_more who_is_sent_away_pushes_nothing_any_more_on_postgres,
    a_credential_that_ended_does_nothing_any_more a_credential_that_ended_does_nothing_any_more_on_postgres,
    of_two_admins_who_end_each_other_one_stays of_two_admins_who_end_each_other_one_stays_on_postgres
);
