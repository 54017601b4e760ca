//! Guessing passwords: ten wrong ones for one login from one address in five minutes, and the next are refused
//! unheard.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use wharf_core::{Detail, Error, Kind, Result, Timestamp};

/// How many wrong passwords are heard.
const MOST: u32 = 10;
/// Within how long, in seconds.
const WINDOW: i64 = 300;
/// How many logins and addresses are counted at most.
const KEPT: usize = 10_000;
/// The longest login that is kept apart from others.
const LONGEST: usize = 64;

/// A login as it was claimed, and where from.
type Who = (String, Option<IpAddr>);

#[derive(Default)]
pub(crate) struct Attempts(Mutex<HashMap<Who, (u32, Timestamp)>>);

impl Attempts {
    /// Whether another password is heard.
    ///
    /// # Errors
    /// `RateLimited`, whether or not there is such a user.
    pub(crate) fn expect_room(&self, user: &str, address: Option<IpAddr>, now: Timestamp) -> Result<()> {
        let attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match attempts.get(&who(user, address)) {
            Some((wrong, until)) if *wrong >= MOST && *until > now => {
                let message = "too many wrong passwords for this user from this address, try again later";
                let left = until.seconds().saturating_sub(now.seconds()).unsigned_abs();
                Err(Error::new(Kind::RateLimited, message).with(Detail::Wait(left.max(1))))
            }
            _ => Ok(()),
        }
    }

    /// Counts a wrong password.
    pub(crate) fn count(&self, user: &str, address: Option<IpAddr>, now: Timestamp) {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if attempts.len() >= KEPT {
            attempts.retain(|_, (_, until)| *until > now);
        }
        if attempts.len() >= KEPT {
            attempts.clear();
        }
        let (wrong, until) = attempts.entry(who(user, address)).or_insert((0, now.plus_seconds(WINDOW)));
        if *until <= now {
            (*wrong, *until) = (0, now.plus_seconds(WINDOW));
        }
        *wrong += 1;
    }

    /// Forgets what was counted for a login from anywhere: it has a new password.
    pub(crate) fn forget_everywhere(&self, user: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(counted, _), _| counted != user);
    }

    /// Forgets what was counted, after a right password.
    pub(crate) fn forget(&self, user: &str, address: Option<IpAddr>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&who(user, address));
    }
}

fn who(user: &str, address: Option<IpAddr>) -> Who {
    (user.chars().take(LONGEST).collect(), address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_guess_is_not_heard_until_the_window_ends() {
        let (attempts, now) = (Attempts::default(), Timestamp::from_microseconds(0));
        for _ in 0..MOST {
            attempts.expect_room("a", None, now).unwrap();
            attempts.count("a", None, now);
        }
        assert_eq!(attempts.expect_room("a", None, now).unwrap_err().kind(), Kind::RateLimited);
        attempts.expect_room("b", None, now).unwrap();
        attempts.expect_room("a", Some([127, 0, 0, 1].into()), now).unwrap();
        attempts.expect_room("a", None, now.plus_seconds(WINDOW)).unwrap();
        attempts.forget_everywhere("b");
        assert!(attempts.expect_room("a", None, now).is_err());
        attempts.forget_everywhere("a");
        attempts.expect_room("a", None, now).unwrap();
        attempts.count("a", None, now);
        attempts.forget("a", None);
        attempts.expect_room("a", None, now).unwrap();
    }
}
