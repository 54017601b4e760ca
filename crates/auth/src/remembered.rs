//! Passwords that were found right a moment ago, so that a client that sends Basic with every request does not cost
//! an argon2id each time.
//!
//! They are known by account, version and password. The account's row is read on every request anyway, so a changed
//! password or a disabled account is refused at once.

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};
use wharf_core::{Entropy, Secret, Shared, Timestamp};

use crate::{
    port::Account,
    right_lately::{Proof, RightLately},
};

pub(crate) struct Remembered {
    passwords: RightLately<()>,
    turns: Shared<Proof, Turn<()>>,
}

impl Remembered {
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        Self { passwords: RightLately::new(entropy), turns: Shared::default() }
    }

    /// Whether this password of this account was right a moment ago.
    pub(crate) fn knows(&self, account: &Account, password: &Secret<String>, now: Timestamp) -> bool {
        self.passwords.find(&self.proof(account, password), now).is_some()
    }

    /// Remembers that it is right.
    pub(crate) fn remember(&self, account: &Account, password: &Secret<String>, now: Timestamp) {
        self.passwords.remember(self.proof(account, password), (), now);
    }

    /// The turn to find out whether this password of this user is right. Who brings the same meanwhile waits: a client with many
    /// connections would else ask for as many checks at the moment at which what is remembered ends. Whether there is such a
    /// user makes no difference.
    pub(crate) async fn turn(&self, user: &str, password: &Secret<String>) -> OwnedMutexGuard<()> {
        let proof = self.passwords.proof(&[user.as_bytes(), password.expose().as_bytes()]);
        self.turns.hold(proof, Turn::default).lock_owned().await
    }

    fn proof(&self, account: &Account, password: &Secret<String>) -> Proof {
        let (id, version) = (account.id.0.to_be_bytes(), account.version.to_be_bytes());
        self.passwords.proof(&[&id, &version, password.expose().as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use wharf_core::AccountId;

    use super::*;
    use crate::right_lately::{LIFETIME, MOST, tests::Seven};

    #[test]
    fn only_this_password_of_this_version_is_known_and_not_for_ever() {
        let account = |version| Account {
            id: AccountId(1),
            name: crate::port::Login::User("a".parse().unwrap()),
            password_hash: None,
            operator: false,
            disabled: false,
            version,
            is_new: false,
            has_second_factor: false,
        };
        let (remembered, now) = (Remembered::new(&Seven), Timestamp::from_microseconds(0));
        let secret = |text: &str| Secret::new(text.to_owned());
        remembered.remember(&account(1), &secret("right"), now);
        assert!(remembered.knows(&account(1), &secret("right"), now));
        assert!(!remembered.knows(&account(1), &secret("wrong"), now));
        assert!(!remembered.knows(&account(2), &secret("right"), now));
        assert!(!remembered.knows(&account(1), &secret("right"), now.plus_seconds(LIFETIME)));
        for version in 2..3 * i64::try_from(MOST).unwrap() {
            remembered.remember(&account(version), &secret("right"), now);
            assert!(remembered.knows(&account(1), &secret("right"), now), "after {version} others");
        }
    }

    #[tokio::test]
    async fn who_brings_the_same_waits_and_nobody_else_does() {
        let remembered = Remembered::new(&Seven);
        let secret = |text: &str| Secret::new(text.to_owned());
        let (right, wrong) = (secret("right"), secret("wrong"));
        let is_free = |user: &'static str, password: &Secret<String>| {
            remembered.turn(user, password).now_or_never().is_some()
        };
        let turn = remembered.turn("a", &right).await;
        assert!(!is_free("a", &right) && is_free("a", &wrong) && is_free("b", &right));
        drop(turn);
        assert!(is_free("a", &right));
    }
}
