//! Guessing passwords: ten wrong ones are heard, the next is not, and nobody else is kept out by it.

use crate::harness::{Answer, Caller, Wharf};

/// How many wrong passwords are heard within the window.
const HEARD: usize = 10;

/// Uses up what is heard of a login.
async fn guess(wharf: &Wharf, name: &str) {
    for guess in 0..HEARD {
        wharf.caller(name, &format!("a-guess-{guess}")).get("/v2/").await.is(401);
    }
}

fn is_put_off(answer: Answer) {
    let answer = answer.is(429);
    let seconds: u64 = answer.header("retry-after").parse().expect("Retry-After is a number of seconds");
    assert!((1..=300).contains(&seconds), "Retry-After: {seconds}");
}

async fn alice_and_bob() -> (Wharf, Caller, Caller) {
    let wharf = Wharf::start().await;
    let (alice, bob) = (wharf.add_user("alice", &[]), wharf.add_user("bob", &[]));
    (wharf, alice, bob)
}

#[tokio::test]
async fn the_eleventh_wrong_password_is_not_heard() {
    let (wharf, alice, _bob) = alice_and_bob().await;
    guess(&wharf, "alice").await;

    let eleventh = wharf.caller("alice", "a-guess-too-many");

    let answer = eleventh.get("/v2/").await.error("TOOMANYREQUESTS");
    is_put_off(answer.lacks_header("www-authenticate"));
    // Else a guesser would learn from the answer that the guess was right.
    is_put_off(alice.get("/v2/").await);
}

#[tokio::test]
async fn every_door_counts_and_every_door_closes() {
    let (wharf, _alice, _bob) = alice_and_bob().await;
    let form = |password: &'static str| {
        [("grant_type", "password"), ("username", "alice"), ("password", password), ("client_id", "tests")]
    };
    for _ in 0..HEARD / 2 {
        wharf.caller("alice", "a-guess").get("/token?service=x").await.is(401);
        wharf.anonymous().post_token_form(&form("a-guess")).await.is(401);
    }

    let put_off = wharf.caller("alice", "a-guess").get("/token?service=x").await;
    // docker prints the words of an error only in this shape, here too.
    assert_eq!(put_off.json()["errors"][0]["code"], "TOOMANYREQUESTS");
    is_put_off(put_off);
    is_put_off(wharf.anonymous().post_token_form(&form("the-password-of-alice")).await);
    is_put_off(wharf.caller("alice", "a-guess").get("/v2/_catalog").await);

    wharf.change_password("alice", "a-new-password");
    wharf.caller("alice", "a-new-password").get("/v2/").await.is(200);
}

#[tokio::test]
async fn other_users_and_tokens_from_before_are_not_kept_out() {
    let (wharf, alice, bob) = alice_and_bob().await;
    bob.get("/v2/").await.is(200);
    let bearer = alice.with_token(&[]).await;

    guess(&wharf, "alice").await;
    is_put_off(wharf.caller("alice", "a-guess").get("/v2/").await);

    bob.get("/v2/").await.is(200);
    wharf.admin().get("/v2/").await.is(200);
    bearer.get("/v2/").await.is(200);
}

#[tokio::test]
async fn a_right_password_in_between_starts_the_count_again() {
    let (wharf, alice, _bob) = alice_and_bob().await;

    for _ in 0..3 {
        for guess in 0..HEARD - 1 {
            wharf.caller("alice", &format!("a-guess-{guess}")).get("/v2/").await.is(401);
        }
        alice.get("/v2/").await.is(200);
    }
}

#[tokio::test]
async fn a_user_that_never_was_is_put_off_alike() {
    let (wharf, _alice, _bob) = alice_and_bob().await;

    guess(&wharf, "nobody-of-that-name").await;

    is_put_off(wharf.caller("nobody-of-that-name", "a-guess").get("/v2/").await);
}

#[tokio::test]
async fn another_spelling_of_a_login_brings_no_more_guesses_whether_or_not_there_is_such_a_user() {
    let (wharf, alice, _bob) = alice_and_bob().await;

    for name in ["alice", "nobody-of-that-name"] {
        let spellings = [name.to_uppercase(), format!("{name}@corp.example"), format!("CORP\\{name}")];
        for (guess, spelling) in spellings.iter().cycle().take(HEARD).enumerate() {
            wharf.caller(spelling, &format!("a-guess-{guess}")).get("/v2/").await.is(401);
        }
        is_put_off(wharf.caller(name, "a-guess").get("/v2/").await);
    }

    is_put_off(alice.get("/v2/").await);
}
