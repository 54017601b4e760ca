//! Guessing: so many wrong passwords for one login from one client in so long, and the next are refused unheard. What
//! strangers may try – to sign up, to use a link – is counted alike.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use wharf_core::{Detail, Error, Kind, Network, Result, Timestamp};

use crate::Limits;

/// How many logins and addresses are counted at most.
const KEPT: usize = 10_000;
/// How many wrong codes of one second factor are heard within a day.
const MOST_CODES: u32 = 100;
/// A day, in seconds.
const DAY: i64 = 24 * 3600;
/// How many tokens of jobs may be refused for each wrong password that is heard: behind one address may stand all jobs of a
/// build service, and nobody guesses a signature.
const TOKENS_FOR_A_PASSWORD: u32 = 10;
/// The longest login that is kept apart from others.
const LONGEST: usize = 64;

/// What is counted together, and where it comes from.
type Who = (String, Option<Network>);

/// How many wrong ones there were, and until when they count.
type Wrong = HashMap<Who, (u32, Timestamp)>;

/// One that was counted before it was heard.
#[derive(Debug)]
pub(crate) struct Counted {
    who: Who,
    /// When what it was counted among ends.
    until: Timestamp,
}

pub(crate) struct Attempts {
    /// How many wrong ones are heard.
    most: u32,
    /// What is said of more.
    refusal: &'static str,
    /// Within how long, in seconds.
    window: i64,
    /// What those have in common that are counted together.
    key: fn(&str) -> String,
    wrong: Mutex<Wrong>,
}

impl Attempts {
    /// Passwords, by the login they are shown for, however that is spelt.
    pub(crate) fn of_passwords(limits: &Limits) -> Self {
        let refusal = "too many wrong passwords for this user from this address, try again later";
        Self { key: login_key, ..Self::new(limits, refusal) }
    }

    /// What strangers try, by its kind.
    pub(crate) fn of_strangers(limits: &Limits) -> Self {
        Self::new(limits, "too many tries from this address, try again later")
    }

    /// Tokens that jobs bring.
    pub(crate) fn of_jobs(limits: &Limits) -> Self {
        let refusal = "too many tokens were refused that jobs brought from this address, try again later";
        let of_passwords = Self::new(limits, refusal);
        Self { most: of_passwords.most.saturating_mul(TOKENS_FOR_A_PASSWORD), ..of_passwords }
    }

    /// Codes of second factors, by the login and wherever they come from: who knows the password and has many addresses would
    /// else guess one some day, for a code has six digits.
    pub(crate) fn of_codes() -> Self {
        let refusal = "too many wrong codes for this user, try again tomorrow or have the operator help";
        Self { most: MOST_CODES, refusal, window: DAY, key: login_key, wrong: Mutex::default() }
    }

    fn new(limits: &Limits, refusal: &'static str) -> Self {
        let Limits { failed_logins: most, failed_logins_window: window, .. } = *limits;
        Self { most, refusal, window, key: str::to_owned, wrong: Mutex::default() }
    }

    /// Whether another one is heard.
    ///
    /// # Errors
    /// `RateLimited`, whether or not there is such a user.
    pub(crate) fn expect_room(&self, user: &str, address: Option<IpAddr>, now: Timestamp) -> Result<()> {
        self.expect_room_among(&self.lock(), &self.who(user, address), now)
    }

    /// Counts a wrong one.
    pub(crate) fn count(&self, user: &str, address: Option<IpAddr>, now: Timestamp) {
        self.count_among(&mut self.lock(), self.who(user, address), now);
    }

    /// Counts one before it is heard, so that of many at once no more are heard than of as many one after the other.
    ///
    /// # Errors
    /// As [`Attempts::expect_room`].
    pub(crate) fn begin(&self, user: &str, address: Option<IpAddr>, now: Timestamp) -> Result<Counted> {
        let (mut attempts, who) = (self.lock(), self.who(user, address));
        self.expect_room_among(&attempts, &who, now)?;
        let until = self.count_among(&mut attempts, who.clone(), now);
        Ok(Counted { who, until })
    }

    /// Takes back that one was counted, and that one alone: it was not whoever tries that was at fault.
    pub(crate) fn take_back(&self, counted: Counted) {
        if let Some((wrong, until)) = self.lock().get_mut(&counted.who)
            && *until == counted.until
        {
            *wrong = wrong.saturating_sub(1);
        }
    }

    fn expect_room_among(&self, attempts: &Wrong, who: &Who, now: Timestamp) -> Result<()> {
        match attempts.get(who) {
            Some((wrong, until)) if *wrong >= self.most && *until > now => {
                let left = until.seconds().saturating_sub(now.seconds()).unsigned_abs();
                Err(Error::new(Kind::RateLimited, self.refusal).with(Detail::Wait(left.max(1))))
            }
            _ => Ok(()),
        }
    }

    /// Counts one more; when those end that it is counted among.
    fn count_among(&self, attempts: &mut Wrong, who: Who, now: Timestamp) -> Timestamp {
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
        let (wrong, until) = attempts.entry(who).or_insert((0, now.plus_seconds(self.window)));
        if *until <= now {
            (*wrong, *until) = (0, now.plus_seconds(self.window));
        }
        *wrong += 1;
        *until
    }

    /// Forgets what was counted for a login from anywhere: it has a new password.
    pub(crate) fn forget_everywhere(&self, user: &str) {
        let (key, _) = self.who(user, None);
        self.lock().retain(|(counted, _), _| *counted != key);
    }

    /// Forgets what was counted, after a right password.
    pub(crate) fn forget(&self, user: &str, address: Option<IpAddr>) {
        self.lock().remove(&self.who(user, address));
    }

    fn who(&self, user: &str, address: Option<IpAddr>) -> Who {
        ((self.key)(user).chars().take(LONGEST).collect(), address.map(Network::of_client))
    }

    fn lock(&self) -> MutexGuard<'_, Wrong> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the spellings of one login have in common. Providers know somebody by a name in any case, by that name at a domain, and
/// by a domain and that name; to ask who it is would tell who there is, so this is made of the text alone.
fn login_key(login: &str) -> String {
    let name = login.trim().rsplit('\\').next().unwrap_or_default();
    let name = match name.split_once('@') {
        Some((name, _)) if !name.is_empty() => name,
        _ => name,
    };
    name.to_lowercase()
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
    fn the_spellings_of_one_login_are_counted_together_and_what_strangers_try_is_not() {
        let now = Timestamp::from_microseconds(0);
        let spellings = ["alice", "ALICE", " Alice ", "alice@corp.example", "Alice@b.example", "CORP\\alice"];
        for attempts in [Attempts::of_passwords(&Limits::default()), Attempts::of_codes()] {
            for spelling in spellings.iter().cycle().take(attempts.most as usize) {
                attempts.expect_room(spelling, None, now).unwrap();
                attempts.count(spelling, None, now);
            }
            for spelling in spellings {
                assert!(attempts.expect_room(spelling, None, now).is_err(), "{spelling}");
            }
            for other in ["alice2", "acme+alice", "@alice", "alice.b", ""] {
                attempts.expect_room(other, None, now).unwrap();
            }
            attempts.forget_everywhere("alice");
            attempts.expect_room("Alice@corp.example", None, now).unwrap();
        }
        let tries = Attempts::of_strangers(&Limits { failed_logins: 1, ..Limits::default() });
        tries.count("a@one.example", None, now);
        tries.expect_room("a@another.example", None, now).unwrap();
    }

    #[test]
    fn what_is_taken_back_is_one_of_those_that_were_counted_with_it() {
        let tries = Attempts::of_strangers(&Limits { failed_logins: 2, ..Limits::default() });
        let now = Timestamp::from_microseconds(0);
        let first = tries.begin("a", None, now).unwrap();
        let second = tries.begin("a", None, now).unwrap();
        assert_eq!(tries.begin("a", None, now).unwrap_err().kind(), Kind::RateLimited);
        tries.take_back(first);
        tries.begin("a", None, now).unwrap();
        assert!(tries.begin("a", None, now).is_err(), "one was taken back, not all");
        // They ended meanwhile, and the one that is counted since was another.
        let later = now.plus_seconds(300);
        tries.begin("a", None, later).unwrap();
        tries.take_back(second);
        tries.begin("a", None, later).unwrap();
        assert!(tries.begin("a", None, later).is_err());
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
