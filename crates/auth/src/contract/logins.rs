//! The suite of logins of browsers and of second factors.

use wharf_core::{AccountId, Kind, TokenHash};

use super::{NOW, record, tenancy::user};
use crate::port::{Accounts, Assurance, Confirmation, LoginRow, Logins, Refresh, SecondFactors};

fn login(byte: u8, account: AccountId) -> LoginRow {
    LoginRow {
        hash: TokenHash([byte; 32]),
        account,
        account_version: 1,
        created_at: NOW,
        used_at: NOW,
        expires_at: NOW.plus_seconds(100),
        address: Some("192.0.2.1".to_owned()),
        user_agent: None,
    }
}

/// The suite of [`Logins`].
pub async fn logins(accounts: &dyn Accounts, store: &dyn Logins) {
    let account = user(accounts, "log-one", false).await.principal().account().unwrap();
    let other = user(accounts, "log-two", false).await.principal().account().unwrap();
    let found = async |byte: u8| store.login(TokenHash([byte; 32])).await.unwrap();
    for byte in [11, 12, 13] {
        store.add_login(login(byte, account), Assurance::Password, 2, record()).await.unwrap();
        assert_eq!(found(byte).await, Some(login(byte, account)));
    }
    assert_eq!(found(11).await, None, "beyond the most the oldest goes");
    let all = async || store.logins(account).await.unwrap().len();
    assert_eq!((all().await, store.logins(other).await.unwrap().len()), (2, 0));
    assert!(!store.remove_login(other, TokenHash([12; 32]), record()).await.unwrap(), "it is another's");
    assert!(store.remove_login(account, TokenHash([12; 32]), record()).await.unwrap());
    assert_eq!(all().await, 1);
    let used = |at: i64| vec![(TokenHash([13; 32]), NOW.plus_seconds(at))];
    store.note_login_uses(used(50)).await.unwrap();
    store.note_login_uses(used(40)).await.unwrap();
    assert_eq!(found(13).await.unwrap().used_at, NOW.plus_seconds(50), "the latest use counts");
    store.remove_expired_logins(NOW.plus_seconds(99), NOW.plus_seconds(50)).await.unwrap();
    assert!(found(13).await.is_some());
    store.remove_expired_logins(NOW.plus_seconds(99), NOW.plus_seconds(51)).await.unwrap();
    assert!(found(13).await.is_none(), "it was not used for long");
    store.add_login(login(14, account), Assurance::Password, 2, record()).await.unwrap();
    store.remove_expired_logins(NOW.plus_seconds(100), NOW).await.unwrap();
    assert!(found(14).await.is_none(), "it has ended");
    store.add_login(login(15, account), Assurance::Password, 2, record()).await.unwrap();
    accounts.set_password(account, "other".to_owned(), record()).await.unwrap();
    assert!(found(15).await.is_none(), "a new password ends it");
    let late = store.add_login(login(16, account), Assurance::Password, 2, record()).await.unwrap_err();
    assert_eq!(late.kind(), Kind::Unauthenticated, "and what was begun with the old one");
}

/// The suite of [`SecondFactors`].
pub async fn second_factors(accounts: &dyn Accounts, logins: &dyn Logins, store: &dyn SecondFactors) {
    let account = user(accounts, "fac-one", false).await.principal().account().unwrap();
    let stands = async || accounts.by_id(account).await.unwrap().unwrap().has_second_factor;
    for byte in [21, 22] {
        logins.add_login(login(byte, account), Assurance::Password, 9, record()).await.unwrap();
    }
    let refresh = Refresh { id: 0, account, account_version: 1, expires_at: NOW.plus_seconds(9) };
    accounts.add_refresh([23; 32], refresh.clone(), record(), 9).await.unwrap();
    let confirmation =
        || Confirmation { step: 7, recovery_codes: vec![[1; 32], [2; 32]], login: Some(TokenHash([21; 32])) };
    assert!(!store.confirm_factor(account, confirmation(), record()).await.unwrap(), "none was begun");
    for seed in [vec![1], vec![2]] {
        store.begin_factor(account, seed, record()).await.unwrap();
    }
    assert_eq!(store.factor(account).await.unwrap().unwrap().seed, [2], "the latest seed counts");
    assert!(!stands().await);
    assert!(store.confirm_factor(account, confirmation(), record()).await.unwrap());
    assert!(stands().await && !store.confirm_factor(account, confirmation(), record()).await.unwrap());
    assert_eq!(store.begin_factor(account, vec![3], record()).await.unwrap_err().kind(), Kind::Conflict);
    let left = logins.logins(account).await.unwrap();
    assert_eq!(left.iter().map(|login| login.hash).collect::<Vec<_>>(), [TokenHash([21; 32])]);
    assert!(accounts.refresh([23; 32]).await.unwrap().is_none(), "what the password alone opened has ended");
    let late = accounts.add_refresh([24; 32], refresh, record(), 9).await.unwrap_err();
    assert_eq!(late.kind(), Kind::Unauthenticated, "what was begun by the password alone comes too late");
    for (byte, assurance, is_let_in) in [(25, Assurance::Password, false), (26, Assurance::Code, true)] {
        let added = logins.add_login(login(byte, account), assurance, 9, record()).await;
        assert_eq!(added.is_ok(), is_let_in, "{assurance:?}");
    }
    for (step, is_new) in [(7, false), (6, false), (8, true), (8, false)] {
        assert_eq!(store.use_step(account, step).await.unwrap(), is_new, "step {step}");
    }
    for (byte, is_left) in [(1, true), (1, false), (3, false)] {
        assert_eq!(store.use_recovery_code(account, [byte; 32], record()).await.unwrap(), is_left, "{byte}");
    }
    assert_eq!(store.factor(account).await.unwrap().unwrap().recovery_codes, 1);
    assert!(store.remove_factor(account, record()).await.unwrap());
    assert!(!store.remove_factor(account, record()).await.unwrap());
    assert!(!stands().await && store.factor(account).await.unwrap().is_none());
}
