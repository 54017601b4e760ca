//! The suite of users as people.

use wharf_core::{AccountId, Kind, Role, audit::AuditRecord};

use super::{
    NOW, record,
    tenancy::{name, user},
};
use crate::port::{Accounts, Claim, NewAccount, NewOrganisation, Newcomer, People, Person, Tenancy};

/// The suite of [`People`].
pub async fn people(accounts: &dyn Accounts, tenancy: &dyn Tenancy, store: &dyn People) {
    who_comes_for_the_first_time_finds_an_organisation(accounts, tenancy, store).await;
    an_address_is_of_one_user(accounts, store).await;
}

fn known_by(email: &str) -> Person {
    let email = Some(email.parse().unwrap());
    Person { email, verified_at: Some(NOW), given_name: Some("Ada".parse().unwrap()), family_name: None }
}

async fn an_address_is_of_one_user(accounts: &dyn Accounts, store: &dyn People) {
    let new = |login: &str, person: Person| NewAccount {
        name: name(login),
        password_hash: "hash".to_owned(),
        operator: false,
        memberships: Vec::new(),
        person,
    };
    let one = accounts.create(new("peo-one", known_by("One@peo.example")), record()).await.unwrap();
    assert_eq!(store.person(one).await.unwrap(), known_by("One@peo.example"));
    let taken = accounts.create(new("peo-two", known_by("one@PEO.example")), record()).await.unwrap_err();
    assert_eq!(taken.kind(), Kind::Exists, "cases make no other address");
    assert!(accounts.by_name(&name("peo-two")).await.unwrap().is_none(), "and nothing was made");
    let two = accounts.create(new("peo-two", Person::default()), record()).await.unwrap();
    assert_eq!(store.person(two).await.unwrap(), Person::default());
    let taken = store.set_person(two, known_by("ONE@peo.example"), record()).await.unwrap_err();
    assert_eq!(taken.kind(), Kind::Exists);
    store.set_person(one, known_by("one@peo.example"), record()).await.expect("its own is no other's");
    store.set_person(one, Person::default(), record()).await.unwrap();
    store.set_person(two, known_by("one@peo.example"), record()).await.expect("what was given up is free");
}

async fn who_comes_for_the_first_time_finds_an_organisation(
    accounts: &dyn Accounts,
    tenancy: &dyn Tenancy,
    store: &dyn People,
) {
    let foreign = NewOrganisation { name: name("peo-taken"), admin: None, claim: Claim::Free };
    tenancy.create_organisation(foreign, record()).await.unwrap();
    for (login, organisations) in [("peo-free", 1), ("peo-taken", 0)] {
        let id = user(accounts, login, false).await.principal.account().unwrap();
        assert!(accounts.by_id(id).await.unwrap().unwrap().is_new);
        for _ in 0..2 {
            welcome(store, id, login).await;
            assert!(!accounts.by_id(id).await.unwrap().unwrap().is_new, "the first login is written down");
            let found = tenancy.memberships(id).await.unwrap();
            assert_eq!(found.len(), organisations, "{login}");
            assert!(found.iter().all(|row| row.role == Some(Role::Admin)), "it is the admin of its own");
        }
    }
    let again = NewOrganisation { name: name("peo-free"), admin: None, claim: Claim::Free };
    assert_eq!(tenancy.create_organisation(again, record()).await.unwrap_err().kind(), Kind::Exists);
}

async fn welcome(store: &dyn People, account: AccountId, login: &str) {
    let newcomer = Newcomer { account, organisation: Some(name(login)) };
    let record = AuditRecord { organisation: Some(name(login)), ..record() };
    store.welcome(newcomer, record).await.unwrap();
}
