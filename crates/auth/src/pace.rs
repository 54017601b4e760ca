//! How often one client may ask: a steady rate, and a burst that was saved up.
//!
//! A client is an account at a network, or nobody in particular at one: an account alone would be every node of a
//! cluster at once. Each request books the next free moment of its client, so whoever waits does so in order and is
//! woken once. A known caller waits for a while, for containerd does not wait when it is told to come again; a
//! stranger is told at once. Callers on this very machine are not counted: behind its loopback address may stand a
//! proxy, and behind that everybody.

use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use wharf_core::{AccountId, Detail, Error, Kind, Network, Recent, Result};

use crate::Limits;

/// What may be saved up: what the rate brings in so long.
const BURST: Duration = Duration::from_secs(4);
/// How long a known caller waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many clients are counted at most. One that asks is, however many others do; what was booked for a client that asked for
/// nothing since half as many others came is forgotten.
const KEPT: usize = 65_536;

type Client = (Option<AccountId>, Network);

pub(crate) struct Pace {
    /// From one request to the next in the long run; none where nobody is held to a pace.
    interval: Option<Duration>,
    /// When all that a client has booked is paid off. One that has paid is as good as unknown.
    paid: Mutex<Recent<Client, Instant>>,
}

impl Pace {
    pub(crate) fn new(limits: &Limits) -> Self {
        let interval = limits.requests_per_second.map(|rate| Duration::from_secs(1) / rate.get());
        Self { interval, paid: Mutex::new(Recent::of(KEPT)) }
    }

    /// Waits until the next request of a client is due.
    ///
    /// # Errors
    /// `RateLimited` with the time to wait, where that is more than the client is let wait here.
    pub(crate) async fn turn(&self, account: Option<AccountId>, address: Option<IpAddr>) -> Result<()> {
        let Some((interval, address)) = self.interval.zip(address.filter(|address| !address.is_loopback()))
        else {
            return Ok(());
        };
        let patience = if account.is_some() { PATIENCE } else { Duration::ZERO };
        let wait = self.book((account, Network::of_client(address)), interval, patience)?;
        if !wait.is_zero() {
            sleep(wait).await;
        }
        Ok(())
    }

    /// Books a client's next moment and says how far off it is; nothing is booked beyond its patience.
    fn book(&self, client: Client, interval: Duration, patience: Duration) -> Result<Duration> {
        let now = Instant::now();
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let booked = paid.get(&client).map_or(now, |paid| now.max(paid)) + interval;
        let wait = booked.duration_since(now).saturating_sub(BURST);
        if wait > patience {
            let left = (wait - patience).as_secs_f64().ceil();
            let message = "too many requests of this client, try again later";
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a few seconds, rounded up"
            )]
            return Err(Error::new(Kind::RateLimited, message).with(Detail::Wait(left as u64)));
        }
        paid.insert(client, booked);
        Ok(wait)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    const RATE: u32 = 100;

    fn pace() -> Pace {
        Pace::new(&Limits { requests_per_second: NonZeroU32::new(RATE), ..Limits::default() })
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    /// Spends the burst of a client.
    async fn spend(pace: &Pace, account: Option<AccountId>, from: Option<IpAddr>) {
        for _ in 0..4 * RATE {
            pace.turn(account, from).await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stranger_is_told_when_to_come_again_and_others_are_not_held_up() {
        let (pace, here) = (pace(), address("2001:db8::1"));
        spend(&pace, None, here).await;
        let refused = pace.turn(None, address("2001:db8::2")).await.unwrap_err();
        assert_eq!((refused.kind(), refused.detail()), (Kind::RateLimited, Some(&Detail::Wait(1))));
        pace.turn(None, address("2001:db8:0:1::1")).await.unwrap();
        pace.turn(Some(AccountId(1)), here).await.unwrap();
        sleep(Duration::from_secs(1)).await;
        for _ in 0..RATE {
            pace.turn(None, here).await.unwrap();
        }
        assert!(pace.turn(None, here).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_known_caller_waits_in_order_and_not_for_ever() {
        let (pace, here, began) = (pace(), address("192.0.2.1"), Instant::now());
        spend(&pace, Some(AccountId(1)), here).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        pace.turn(Some(AccountId(1)), here).await.unwrap();
        assert_eq!(began.elapsed().as_millis(), 10);
        let many = (1..10 * RATE).map(|_| {
            pace.book(
                (Some(AccountId(1)), Network::of_client(here.unwrap())),
                Duration::from_millis(10),
                PATIENCE,
            )
        });
        assert!(many.into_iter().all(|wait| wait.is_ok()));
        pace.turn(Some(AccountId(1)), here).await.unwrap();
        assert_eq!(began.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn the_machine_itself_and_a_server_without_a_pace_count_nobody() {
        let none = Pace::new(&Limits { requests_per_second: None, ..Limits::default() });
        let pace = pace();
        for _ in 0..10_000 {
            none.turn(None, address("192.0.2.1")).await.unwrap();
            pace.turn(None, address("::1")).await.unwrap();
            pace.turn(None, None).await.unwrap();
        }
        assert!(pace.paid.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_kept_of_clients_has_a_bound_and_many_of_them_free_none_that_asks() {
        let (pace, here) = (pace(), address("2001:db8::1"));
        spend(&pace, None, here).await;
        for client in 0..u32::try_from(3 * KEPT).unwrap() {
            pace.turn(None, Some(IpAddr::V4((0x5000_0000 + client).into()))).await.unwrap();
            assert!(pace.paid.lock().unwrap().len() <= KEPT);
            if client % 1000 == 0 {
                assert!(pace.turn(None, here).await.is_err(), "after {client} others");
            }
        }
    }
}
