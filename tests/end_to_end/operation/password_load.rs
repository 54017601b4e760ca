//! What checks of passwords cost: as much for users who do not exist, and never more than a queue of them.

use futures_util::future::join_all;
use serde_json::json;

use super::limits::limited;
use crate::harness::Wharf;

/// How many may wait for a core: the default of `password_queue`.
const QUEUE: usize = 32;
/// How many of one client may wait or run.
const SHARE: usize = 8;

/// Checks of passwords: how many, and how long they took together.
struct Checks {
    count: f64,
    seconds: f64,
}

impl Checks {
    /// Those so far. The scrape's own password is checked once and remembered.
    async fn of(wharf: &Wharf) -> Self {
        wharf.admin().get("/v2/").await.is(200);
        let count = wharf.metric("wharf_password_check_seconds_count").await;
        Self { count, seconds: wharf.metric("wharf_password_check_seconds_sum").await }
    }
}

/// What a guess at each of the doors costs.
async fn cost_of_guessing(wharf: &Wharf, user: &str) -> Checks {
    let before = Checks::of(wharf).await;
    let guesser = wharf.caller(user, "a-guess");
    guesser.get("/v2/").await.is(401);
    guesser.get("/token?service=wharf").await.is(401);
    let login = json!({ "name": user, "password": "a-guess" });
    wharf.anonymous().send_json("POST", "/api/v1/login", &login).await.is(401);
    let after = Checks::of(wharf).await;
    Checks { count: after.count - before.count, seconds: after.seconds - before.seconds }
}

#[tokio::test]
async fn a_guess_costs_as_much_whether_or_not_there_is_such_a_user() {
    let wharf = Wharf::start().await;
    wharf.add_user("vera", &[]);

    let known = cost_of_guessing(&wharf, "vera").await;
    let unknown = cost_of_guessing(&wharf, "nobody-here").await;

    assert_eq!((known.count, unknown.count), (3.0, 3.0));
    // A check that is none takes no thousandth of one.
    let (known, unknown) = (known.seconds, unknown.seconds);
    assert!(unknown > known / 10.0, "{unknown} s for a user who is not there, {known} s for one who is");
}

#[tokio::test]
async fn more_passwords_than_may_wait_are_not_looked_at() {
    const CLIENTS: usize = 40;
    let wharf = limited(&[("WHARF_TRUSTED_PROXIES", "127.0.0.1")]).await;
    wharf.admin().get("/v2/").await.is(200);
    let guess = |number: usize| {
        let guesser = wharf.caller(&format!("nobody-{number}"), "a-guess");
        async move {
            let client = format!("203.0.113.{}", number / SHARE);
            guesser.request("GET", "/v2/").header("x-forwarded-for", &client).send().await
        }
    };

    let answers = join_all((0..CLIENTS * SHARE).map(guess)).await;

    let unheard: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    let heard = answers.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(heard + unheard.len(), CLIENTS * SHARE, "another answer than these two");
    assert!(!unheard.is_empty(), "all of them were looked at");
    assert!(heard > QUEUE, "only {heard} were looked at");
    for answer in &unheard {
        answer.first_error();
        assert!(answer.header("retry-after").parse::<u32>().is_ok(), "{answer:?}");
    }
    let counted = wharf.metric("wharf_passwords_total{outcome=\"unheard\"}").await;
    assert_eq!(counted, unheard.len() as f64);
    assert_eq!(wharf.metric("wharf_password_checks_waiting").await, 0.0);
    wharf.caller("nobody-else", "a-guess").get("/v2/").await.is(401);
}
