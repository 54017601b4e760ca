//! What an implementation of the ports must keep. Each suite panics with the sentence that does not hold.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a suite fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a suite acts as a job, and reads the files it is given")]

mod beliefs;
mod belonging;
mod logins;
mod people;
mod providers;
mod tenancy;

use wharf_core::{Actor, Kind, Role, Timestamp, UserName, audit::AuditRecord};

use crate::port::{Accounts, KeyRow, Keys, Login, NewAccount, Person, Refresh, RegistryChange};

pub use self::{
    beliefs::beliefs,
    belonging::belonging,
    logins::{logins, second_factors},
    people::{invitations, letters, links, people},
    providers::providers,
    tenancy::{machines, repeats, tenancy, users},
};

const NOW: Timestamp = Timestamp::from_microseconds(1_700_000_000_000_000);

fn record() -> AuditRecord {
    AuditRecord::new(NOW, &Actor::job("contract"), "contract")
}

fn new(name: &UserName) -> NewAccount {
    let memberships = vec![("acme".parse().unwrap(), Role::Writer), ("other".parse().unwrap(), Role::Viewer)];
    NewAccount {
        name: name.clone(),
        password_hash: "hash".to_owned(),
        operator: true,
        memberships,
        person: Person::default(),
    }
}

/// The suite of [`Accounts`], against a store without accounts.
pub async fn accounts(store: &dyn Accounts) {
    assert!(!store.any().await.unwrap());
    let name: UserName = "alice".parse().unwrap();
    assert!(store.by_name(&name).await.unwrap().is_none());
    let id = store.create(new(&name), record()).await.unwrap();
    assert_eq!(store.create(new(&name), record()).await.unwrap_err().kind(), Kind::Exists);
    let account = store.by_id(id).await.unwrap().expect("the account was made");
    assert_eq!(
        (&account.name, account.operator, account.disabled),
        (&Login::User(name.clone()), true, false)
    );
    assert!(store.any().await.unwrap());

    let refresh = Refresh { id: 0, account: id, account_version: 1, expires_at: NOW.plus_seconds(9) };
    for hash in [[1; 32], [2; 32]] {
        store.add_refresh(hash, refresh.clone(), record(), 2).await.unwrap();
        assert_eq!(store.refresh(hash).await.unwrap().unwrap().account, id);
    }
    assert!(store.refresh([3; 32]).await.unwrap().is_none());
    store.add_refresh([4; 32], refresh, record(), 2).await.unwrap();
    assert!(store.refresh([1; 32]).await.unwrap().is_none(), "beyond the most the oldest goes");
    for hash in [[2; 32], [4; 32]] {
        assert!(store.refresh(hash).await.unwrap().is_some(), "and no other");
    }
    store.remove_expired_refreshes(NOW.plus_seconds(8)).await.unwrap();
    assert!(store.refresh([2; 32]).await.unwrap().is_some(), "one that has not ended stays");

    assert!(store.set_password(id, "other".to_owned(), record()).await.unwrap());
    assert!(store.refresh([2; 32]).await.unwrap().is_none(), "a new password ends every refresh token");
    assert_eq!(store.by_id(id).await.unwrap().map(|account| account.version), Some(account.version + 1));
    let changed = store.by_name(&name).await.unwrap().unwrap();
    assert_eq!(changed.version, account.version + 1, "and every bearer token");
    assert_eq!(changed.password_hash.as_deref(), Some("other"));
    assert!(!store.set_password(wharf_core::AccountId(-1), String::new(), record()).await.unwrap());

    let change = RegistryChange {
        public: Some(true),
        accepts_missing_content: Some(true),
        redirects: Some(false),
        accepts_unverified: Some(true),
        ..RegistryChange::default()
    };
    store.set_registry("acme".parse().unwrap(), "team".parse().unwrap(), change, record()).await.unwrap();
}

/// The suite of [`Keys`], against a store without keys.
pub async fn keys(store: &dyn Keys) {
    assert!(store.keys().await.unwrap().is_empty());
    for (id, seconds) in [("old", 0), ("new", 10)] {
        let created_at = NOW.plus_seconds(seconds);
        store.add(KeyRow { id: id.to_owned(), public: vec![1], sealed: vec![2], created_at }).await.unwrap();
    }
    let ids = |keys: Vec<KeyRow>| keys.into_iter().map(|key| key.id).collect::<Vec<_>>();
    assert_eq!(ids(store.keys().await.unwrap()), ["new", "old"], "newest first");
    store.remove_before(NOW.plus_seconds(5)).await.unwrap();
    assert_eq!(ids(store.keys().await.unwrap()), ["new"]);
    assert_eq!(store.keep("contract", vec![1]).await.unwrap(), [1]);
    assert_eq!(store.keep("contract", vec![2]).await.unwrap(), [1], "the first value stays");
}
