//! Passwords that a provider found right a moment ago, by the login as it was typed: so that a client which sends it with
//! every request does not ask the provider each time. The account's row is read on every request anyway, so one that is
//! disabled, or whose provider is removed, is refused at once.

use wharf_core::{AccountId, Entropy, Secret, Timestamp};

use crate::right_lately::{Proof, RightLately};

/// An account and its version.
type Known = (AccountId, i64);

pub(crate) struct Outsiders(RightLately<Known>);

impl Outsiders {
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        Self(RightLately::new(entropy))
    }

    /// Whose password this was a moment ago.
    pub(crate) fn knows(&self, user: &str, password: &Secret<String>, now: Timestamp) -> Option<Known> {
        self.0.find(&self.proof(user, password), now)
    }

    /// Remembers whose it is.
    pub(crate) fn remember(&self, (user, password): (&str, &Secret<String>), whose: Known, now: Timestamp) {
        self.0.remember(self.proof(user, password), whose, now);
    }

    fn proof(&self, user: &str, password: &Secret<String>) -> Proof {
        self.0.proof(&[user.as_bytes(), password.expose().as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::right_lately::{LIFETIME, tests::Seven};

    #[test]
    fn only_this_login_with_this_password_is_known_and_not_for_ever() {
        let (outsiders, now) = (Outsiders::new(&Seven), Timestamp::from_microseconds(0));
        let secret = |text: &str| Secret::new(text.to_owned());
        outsiders.remember(("a", &secret("bc")), (AccountId(1), 2), now);
        assert_eq!(outsiders.knows("a", &secret("bc"), now), Some((AccountId(1), 2)));
        for (user, password) in [("a", "b"), ("ab", "c"), ("", "abc"), ("b", "bc")] {
            assert_eq!(outsiders.knows(user, &secret(password), now), None);
        }
        assert_eq!(outsiders.knows("a", &secret("bc"), now.plus_seconds(LIFETIME)), None);
        for number in 0..3 * crate::right_lately::MOST {
            outsiders.remember((&number.to_string(), &secret("bc")), (AccountId(3), 4), now);
            assert!(outsiders.knows("a", &secret("bc"), now).is_some(), "after {number} others");
        }
    }
}
