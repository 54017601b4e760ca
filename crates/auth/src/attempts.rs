//! Guessing: so many wrong passwords for one login from one client in so long, and the next are refused unheard. What
//! strangers may try – to sign up, to use a link – is counted alike.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use wharf_core::{Detail, Error, Kind, Network, Result, Timestamp};

use crate::Limits;

/// How many logins and addresses are counted at most.
const KEPT: usize = 10_000;
/// How many wrong codes of one second factor are heard within a day.
const MOST_CODES: u32 = 100;
/// A day, in seconds.
const DAY: i64 = 24 * 3600;
/// The longest login that is kept apart from others.
const LONGEST: usize = 64;

/// A login as it was claimed, and where from.
type Who = (String, Option<Network>);

pub(crate) struct Attempts {
    /// How many wrong ones are heard.
    most: u32,
    /// What is said of more.
    refusal: &'static str,
    /// Within how long, in seconds.
    window: i64,
    /// How many were, and until when they count.
    wrong: Mutex<HashMap<Who, (u32, Timestamp)>>,
}

impl Attempts {
    /// Passwords, by the login they are shown for.
    pub(crate) fn of_passwords(limits: &Limits) -> Self {
        Self::new(limits, "too many wrong passwords for this user from this address, try again later")
    }

    /// What strangers try, by its kind.
    pub(crate) fn of_strangers(limits: &Limits) -> Self {
        Self::new(limits, "too many tries from this address, try again later")
    }

    /// Codes of second factors, by the login and wherever they come from: who knows the password and has many addresses would
    /// else guess one some day, for a code has six digits.
    pub(crate) fn of_codes() -> Self {
        let refusal = "too many wrong codes for this user, try again tomorrow or have the operator help";
        Self { most: MOST_CODES, refusal, window: DAY, wrong: Mutex::default() }
    }

    fn new(limits: &Limits, refusal: &'static str) -> Self {
        let Limits { failed_logins: most, failed_logins_window: window, .. } = *limits;
        Self { most, refusal, window, wrong: Mutex::default() }
    }

    /// Whether another one is heard.
    ///
    /// # Errors
    /// `RateLimited`, whether or not there is such a user.
    pub(crate) fn expect_room(&self, user: &str, address: Option<IpAddr>, now: Timestamp) -> Result<()> {
        let attempts = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        match attempts.get(&who(user, address)) {
            Some((wrong, until)) if *wrong >= self.most && *until > now => {
                let left = until.seconds().saturating_sub(now.seconds()).unsigned_abs();
                Err(Error::new(Kind::RateLimited, self.refusal).with(Detail::Wait(left.max(1))))
            }
            _ => Ok(()),
        }
    }

    /// Counts a wrong one.
    pub(crate) fn count(&self, user: &str, address: Option<IpAddr>, now: Timestamp) {
        let mut attempts = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if attempts.len() >= KEPT {
            attempts.retain(|_, (_, until)| *until > now);
        }
        if attempts.len() >= KEPT {
            // Those that end first go, and never all: else who invents many names would be heard without end.
            let mut ends: Vec<Timestamp> = attempts.values().map(|(_, until)| *until).collect();
            ends.sort_unstable();
            let first = ends.get(KEPT / 10).copied().unwrap_or(now);
            let mut left = KEPT / 10;
            attempts.retain(|_, (_, until)| {
                let goes = left > 0 && *until <= first;
                left -= usize::from(goes);
                !goes
            });
        }
        let (wrong, until) = attempts.entry(who(user, address)).or_insert((0, now.plus_seconds(self.window)));
        if *until <= now {
            (*wrong, *until) = (0, now.plus_seconds(self.window));
        }
        *wrong += 1;
    }

    /// Forgets what was counted for a login from anywhere: it has a new password.
    pub(crate) fn forget_everywhere(&self, user: &str) {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).retain(|(counted, _), _| counted != user);
    }

    /// Forgets what was counted, after a right password.
    pub(crate) fn forget(&self, user: &str, address: Option<IpAddr>) {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).remove(&who(user, address));
    }
}

fn who(user: &str, address: Option<IpAddr>) -> Who {
    (user.chars().take(LONGEST).collect(), address.map(Network::of_client))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_counted_wherever_they_come_from_and_for_a_day() {
        let (codes, now) = (Attempts::of_codes(), Timestamp::from_microseconds(0));
        for _ in 0..MOST_CODES {
            codes.expect_room("a", None, now).unwrap();
            codes.count("a", None, now);
        }
        assert_eq!(
            codes.expect_room("a", None, now.plus_seconds(DAY - 1)).unwrap_err().kind(),
            Kind::RateLimited
        );
        codes.expect_room("b", None, now).unwrap();
        codes.expect_room("a", None, now.plus_seconds(DAY)).unwrap();
        codes.forget("a", None);
        codes.expect_room("a", None, now).unwrap();
    }

    #[test]
    fn the_eleventh_guess_is_not_heard_until_the_window_ends() {
        let (attempts, now) = (Attempts::of_passwords(&Limits::default()), Timestamp::from_microseconds(0));
        for _ in 0..10 {
            attempts.expect_room("a", None, now).unwrap();
            attempts.count("a", None, now);
        }
        assert_eq!(attempts.expect_room("a", None, now).unwrap_err().kind(), Kind::RateLimited);
        attempts.expect_room("b", None, now).unwrap();
        attempts.expect_room("a", Some([127, 0, 0, 1].into()), now).unwrap();
        attempts.expect_room("a", None, now.plus_seconds(300)).unwrap();
        attempts.forget_everywhere("b");
        assert!(attempts.expect_room("a", None, now).is_err());
        attempts.forget_everywhere("a");
        attempts.expect_room("a", None, now).unwrap();
        attempts.count("a", None, now);
        attempts.forget("a", None);
        attempts.expect_room("a", None, now).unwrap();
    }
}
