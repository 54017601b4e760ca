//! The suite of users as people.

use wharf_core::{AccountId, Kind, Role, audit::AuditRecord};

use super::{
    record,
    tenancy::{name, user},
};
use crate::port::{Accounts, Claim, NewOrganisation, Newcomer, People, Tenancy};

/// The suite of [`People`].
pub async fn people(accounts: &dyn Accounts, tenancy: &dyn Tenancy, store: &dyn People) {
    who_comes_for_the_first_time_finds_an_organisation(accounts, tenancy, store).await;
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
