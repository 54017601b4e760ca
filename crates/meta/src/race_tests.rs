//! What two do at once, on both databases: of those who count up to a bound one comes last, and a registry is of one kind.

use async_trait::async_trait;
use futures_util::future::join_all;
use wharf_auth::port::{
    Accounts, Claim, NewAccount, NewOrganisation, Organisations, Person, Registries, RegistryChange,
    SourceChange, TokenRow, Tokens,
};
use wharf_core::{
    AccountId, Actor, Kind, RegistryKind, RegistryName, Result, Timestamp, TokenHash,
    audit::AuditRecord,
    gate::{OrganisationId, RegistryId},
};
use wharf_registry::port::{Home, Maker, Tenants as _};

use crate::{
    Database, database::Step, meanwhile::meanwhile, on_both::on_both, rows::SqlWork, session::Session,
};

const NOW: Timestamp = Timestamp::from_microseconds(1_700_000_000_000_000);

fn record() -> AuditRecord {
    AuditRecord::new(NOW, &Actor::job("races"), "races")
}

fn token(account: AccountId, number: u16) -> TokenRow {
    let mut hash = [0; 32];
    hash[..2].copy_from_slice(&number.to_be_bytes());
    TokenRow {
        row: 0,
        hash: TokenHash(hash),
        account,
        account_version: 1,
        name: number.to_string(),
        reach: None,
        parent: None,
        created_at: NOW,
        expires_at: None,
        used_at: None,
    }
}

/// Tokens of an account that were there before.
struct Tokened(AccountId, u16);

#[async_trait]
impl Step for Tokened {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const INSERT: &str = "
            INSERT INTO api_token (hash, account_id, account_version, name, created_at) VALUES ($1, $2, 1, 'old', 0)";
        for number in 0..self.1 {
            let TokenHash(hash) = token(self.0, number).hash;
            session.execute(INSERT, &[hash.as_slice().into(), self.0.0.into()]).await?;
        }
        Ok(())
    }
}

async fn an_account_has_a_thousand_tokens_however_many_are_made_at_once(database: Database) {
    let new = NewAccount {
        name: "alice".parse().unwrap(),
        password_hash: "hash".to_owned(),
        operator: false,
        memberships: Vec::new(),
        person: Person::default(),
    };
    let alice = database.create(new, record()).await.unwrap();
    database.write(Tokened(alice, 997)).await.unwrap();
    let add = |number| database.add_token(token(alice, number), record());
    let made = join_all((2000..2008).map(add)).await;
    let refused: Vec<_> = made.into_iter().filter_map(Result::err).map(|error| error.kind()).collect();
    assert_eq!(refused, [Kind::Conflict; 5]);
}

/// Makes a repository.
struct MakeRepository(Home);

#[async_trait]
impl Step for MakeRepository {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        let (place, actor) = ("acme/main/app".parse()?, Actor::job("races"));
        let maker = Maker { actor: &actor, at: NOW };
        SqlWork::on(session).ensure_repository(self.0, &place, maker).await.map(drop)
    }
}

/// An organisation, and its registry as pushes are let in by it.
async fn acme(database: &Database) -> (OrganisationId, Home) {
    struct FindHome;
    #[async_trait]
    impl Step for FindHome {
        type Output = (OrganisationId, Home);
        async fn run(&self, session: &mut dyn Session) -> Result<(OrganisationId, Home)> {
            let place = "acme/main/app".parse()?;
            let mut work = SqlWork::on(&mut *session);
            let home = work.ensure_registry(&place, Maker { actor: &Actor::job("races"), at: NOW }).await?;
            let mut found = session.query("SELECT id FROM organisation WHERE name = 'acme'", &[]).await?;
            Ok((OrganisationId(found.remove(0).next()?), home))
        }
    }
    let new = NewOrganisation { name: "acme".parse().unwrap(), admin: None, claim: Claim::Free };
    database.create_organisation(new, record()).await.unwrap();
    database.write(FindHome).await.unwrap()
}

async fn make_virtual(database: &Database, id: OrganisationId) -> Result<bool> {
    let source = SourceChange { kind: Some(RegistryKind::Virtual), ..SourceChange::default() };
    let change = RegistryChange { source, ..RegistryChange::default() };
    database.change_registry(id, RegistryName::main(), change, record()).await
}

async fn a_registry_that_is_pushed_to_meanwhile_stays_of_its_kind(database: Database) {
    let (id, home) = acme(&database).await;
    let (pushed, changed) = meanwhile(&database, MakeRepository(home), make_virtual(&database, id)).await;
    pushed.unwrap();
    assert_eq!(changed.unwrap_err().kind(), Kind::Conflict, "it holds a repository now");
}

async fn nothing_is_pushed_to_what_became_of_another_kind_meanwhile(database: Database) {
    let (id, home) = acme(&database).await;
    assert!(make_virtual(&database, id).await.unwrap());
    let refused = database.write(MakeRepository(home)).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Unsupported);
    let gone = Home { id: RegistryId(1 << 40), ..home };
    let refused = database.write(MakeRepository(gone)).await.unwrap_err();
    assert!(matches!(refused.kind(), Kind::NotFound(_)));
}

async fn nothing_is_pushed_into_a_repository_that_was_made_in_another_kind_of_registry(database: Database) {
    let (id, home) = acme(&database).await;
    assert!(make_virtual(&database, id).await.unwrap());
    let now = Home { kind: RegistryKind::Virtual, ..home };
    database.write(MakeRepository(now)).await.unwrap();
    let refused = database.write(MakeRepository(home)).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Unsupported, "it was let in to a hosted one");
    database.write(MakeRepository(now)).await.unwrap();
}

on_both!(
    an_account_has_a_thousand_tokens_however_many_are_made_at_once
        an_account_has_a_thousand_tokens_however_many_are_made_at_once_on_postgres,
    a_registry_that_is_pushed_to_meanwhile_stays_of_its_kind
        a_registry_that_is_pushed_to_meanwhile_stays_of_its_kind_on_postgres,
    nothing_is_pushed_to_what_became_of_another_kind_meanwhile
        nothing_is_pushed_to_what_became_of_another_kind_meanwhile_on_postgres,
    nothing_is_pushed_into_a_repository_that_was_made_in_another_kind_of_registry
        nothing_is_pushed_into_a_repository_that_was_made_in_another_kind_of_registry_on_postgres
);
