//! How often something is asked again, and with which pauses: the one loop of all who ask other machines.

use std::{
    future::Future,
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::{
    StatusCode,
    header::{DATE, RETRY_AFTER},
};
use wharf_core::{Detail, Error, Result};

use crate::answer::Answer;

/// The first pause; each next one is twice as long.
const FIRST: Duration = Duration::from_millis(200);
/// How many tries follow the first without any progress: some fifteen seconds.
const MOST: u32 = 6;
/// The longest pause another machine may ask for.
const LONGEST: Duration = Duration::from_secs(60);

/// Asks, and again for a while where another try may be answered otherwise. What comes of it is the last answer, or why there was
/// none.
///
/// # Errors
/// Those of `send`.
pub(crate) async fn insist<F>(send: impl Fn() -> F) -> Result<Answer>
where
    F: Future<Output = Result<Answer>>,
{
    let mut pace = Pace::default();
    loop {
        let outcome = send().await;
        let asked = match &outcome {
            Ok(answer) if is_passing(answer.status()) => asked_by(answer),
            Err(error) if error.is_passing() => None,
            _ => return outcome,
        };
        let Some(pause) = pace.next(asked) else { return outcome };
        // It holds a connection.
        drop(outcome);
        tokio::time::sleep(pause).await;
    }
}

/// Whether another try may be answered otherwise. Those from 520 on are what a well-known proxy says of the server behind it.
pub(crate) fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504 | 520..=524)
}

/// How long another machine asks to be left alone. A date is counted from that of the same answer, so that no two clocks are
/// compared.
pub(crate) fn asked_by(answer: &Answer) -> Option<Duration> {
    asked(answer.header(RETRY_AFTER.as_str())?, answer.header(DATE.as_str()))
}

/// What `Retry-After` says (RFC 9110, section 10.2.3): seconds, or a date in the one form that is still written.
fn asked(retry_after: &str, date: Option<&str>) -> Option<Duration> {
    let text = retry_after.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let moment = |text: &str| DateTimeParser::new().parse_timestamp(text.trim()).ok();
    let seconds = moment(text)?.as_second().saturating_sub(moment(date?)?.as_second());
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
}

/// The pauses between tries, one after the other.
#[derive(Default)]
pub(crate) struct Pace {
    tries: u32,
    /// Only so that those who were turned away together do not come back together.
    chance: RandomState,
}

impl Pace {
    /// Waits before the next try: as long as the other end asked for with this error, else longer each time.
    ///
    /// # Errors
    /// The error that called for the wait, when it was tried often enough or the other end asks for too much.
    pub(crate) async fn wait(&mut self, error: Error) -> Result<()> {
        let asked = match error.detail() {
            Some(Detail::Wait(seconds)) => Some(Duration::from_secs(*seconds)),
            _ => None,
        };
        let Some(pause) = self.next(asked) else { return Err(error) };
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// There was progress: what comes is a new trouble.
    pub(crate) fn reset(&mut self) {
        self.tries = 0;
    }

    /// The next pause: what was asked for, or its own if that is longer, and up to half of its own by chance. None where it was tried
    /// often enough, or too much is asked for.
    fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        let asked = asked.unwrap_or_default();
        if self.tries >= MOST || asked > LONGEST {
            return None;
        }
        let own = FIRST * 2_u32.pow(self.tries);
        self.tries += 1;
        let chance = u32::try_from(self.chance.hash_one(self.tries) % 1000).unwrap_or_default();
        Some(own.max(asked) + own * chance / 2000)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::Instant;
    use wharf_core::Kind;

    use super::*;

    fn busy() -> Error {
        Error::new(Kind::Unavailable, "busy")
    }

    fn answer(status: u16, headers: &[(&str, &str)]) -> Result<Answer> {
        let answer = http::Response::builder().status(status);
        let answer = headers.iter().fold(answer, |answer, (name, value)| answer.header(*name, *value));
        Ok(Answer::new(answer.body("").unwrap().into(), "a.example".to_owned()))
    }

    /// What comes of answers one after the other, of which the last is repeated; how often it was asked, and how long that took.
    async fn insisted(answers: impl Fn(u32) -> Result<Answer>) -> (Result<u16>, u32, Duration) {
        let (begun, asked) = (Instant::now(), Cell::new(0));
        let outcome = insist(|| {
            asked.set(asked.get() + 1);
            std::future::ready(answers(asked.get()))
        });
        let status = outcome.await.map(|answer| answer.status().as_u16());
        (status, asked.get(), begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_asked_again_and_what_does_not_is_not() {
        for status in [200, 301, 401, 404, 501, 507] {
            let (found, asked, waited) = insisted(|_| answer(status, &[])).await;
            assert_eq!((found.unwrap(), asked, waited), (status, 1, Duration::ZERO));
        }
        let (found, asked, _) = insisted(|time| answer(if time < 3 { 503 } else { 200 }, &[])).await;
        assert_eq!((found.unwrap(), asked), (200, 3));
        let (found, asked, _) = insisted(|time| if time < 3 { Err(busy()) } else { answer(200, &[]) }).await;
        assert_eq!((found.unwrap(), asked), (200, 3));
        let (found, asked, _) = insisted(|_| Err(Error::new(Kind::Denied, "closed"))).await;
        assert_eq!((found.unwrap_err().kind(), asked), (Kind::Denied, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_passes_is_given_up_with_its_last_answer() {
        let (found, asked, waited) = insisted(|_| answer(503, &[])).await;
        assert_eq!((found.unwrap(), asked), (503, MOST + 1));
        assert!(waited >= FIRST * 63 && waited <= FIRST * 95, "{waited:?}");
        let (found, asked, _) = insisted(|_| Err(busy())).await;
        assert_eq!((found.unwrap_err().kind(), asked), (Kind::Unavailable, MOST + 1));
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_for_a_pause_gets_it_but_not_for_hours() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        for (headers, seconds) in [
            (&[("retry-after", "7")][..], 7),
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:46 GMT"), date][..], 9),
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:36 GMT"), date][..], 0),
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:46 GMT")][..], 0),
            (&[("retry-after", "soon"), date][..], 0),
        ] {
            let (found, asked, waited) =
                insisted(|time| if time == 1 { answer(429, headers) } else { answer(200, &[]) }).await;
            assert_eq!((found.unwrap(), asked, waited.as_secs()), (200, 2, seconds), "{headers:?}");
        }
        for long in ["3600", "99999999999999999999999", "Sun, 06 Nov 1994 09:49:37 GMT"] {
            let headers = [("retry-after", long), date];
            let (found, asked, waited) = insisted(|_| answer(503, &headers)).await;
            assert_eq!((found.unwrap(), asked, waited), (503, 1, Duration::ZERO), "{long}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_end_and_begin_anew_after_progress() {
        let (begun, mut pace) = (Instant::now(), Pace::default());
        while pace.wait(busy()).await.is_ok() {}
        assert!(begun.elapsed() >= FIRST * 63);
        pace.reset();
        assert!(pace.wait(busy()).await.is_ok());
        let begun = Instant::now();
        assert!(pace.wait(busy().with(Detail::Wait(7))).await.is_ok());
        assert_eq!(begun.elapsed().as_secs(), 7);
        assert!(pace.wait(busy().with(Detail::Wait(3600))).await.is_err());
    }

    #[test]
    fn two_that_were_turned_away_together_do_not_come_back_together() {
        let pauses = || {
            let mut pace = Pace::default();
            std::iter::from_fn(move || pace.next(None)).collect::<Vec<_>>()
        };
        let (one, other) = (pauses(), pauses());
        assert_eq!((one.len(), other.len()), (MOST as usize, MOST as usize));
        assert_ne!(one, other);
    }
}
