//! Behind a proxy: whose word counts on who the client is, and how it reached us.

use crate::harness::raw::Exchange;
use crate::harness::{ADMIN_PASSWORD, Answer, Wharf};

/// How many wrong passwords are heard of one login and client.
const HEARD: usize = 3;

async fn behind(proxies: &str) -> Wharf {
    let settings = [("WHARF_TRUSTED_PROXIES", proxies), ("WHARF_FAILED_LOGINS", "3")];
    Wharf::start_with(&[settings.as_slice(), &[("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD)]].concat()).await
}

/// A wrong password, from where the header says.
async fn guess(wharf: &Wharf, forwarded: &str) -> Answer {
    let guesser = wharf.caller("admin", "a-guess");
    guesser.request("GET", "/v2/").header("x-forwarded-for", forwarded).send().await
}

#[tokio::test]
async fn failed_logins_count_for_the_client_that_a_trusted_proxy_names() {
    let wharf = behind("127.0.0.0/8").await;

    for invented in 0..HEARD {
        guess(&wharf, &format!("192.0.2.{invented}, 203.0.113.1")).await.is(401);
    }

    guess(&wharf, "203.0.113.1").await.is(429);
    guess(&wharf, "203.0.113.1, 127.0.0.9").await.is(429);
    guess(&wharf, "203.0.113.2").await.is(401);
    wharf.admin().get("/v2/").await.is(200);
}

#[tokio::test]
async fn clients_of_one_ipv6_network_are_one() {
    let wharf = behind("127.0.0.1").await;

    for picked in 0..HEARD {
        guess(&wharf, &format!("2001:db8::{picked}")).await.is(401);
    }

    guess(&wharf, "2001:db8::ffff").await.is(429);
    guess(&wharf, "2001:db8:0:1::1").await.is(401);
}

#[tokio::test]
async fn nobody_else_gets_to_say_who_he_is() {
    for proxies in ["", "203.0.113.0/24, local"] {
        let wharf = behind(proxies).await;
        for invented in 0..HEARD {
            guess(&wharf, &format!("192.0.2.{invented}")).await.is(401);
        }
        guess(&wharf, "192.0.2.99").await.is(429);
    }
}

async fn realm(wharf: &Wharf) -> String {
    let request = wharf.anonymous().request("GET", "/v2/").header("host", "inside.example:8080");
    let request = request.header("x-forwarded-proto", "https").header("x-forwarded-host", "wharf.example");
    request.send().await.is(401).challenge().parameter("realm").to_owned()
}

#[tokio::test]
async fn the_realm_is_where_the_client_came_in() {
    assert_eq!(realm(&behind("127.0.0.1").await).await, "https://wharf.example/token");
    assert_eq!(realm(&behind("").await).await, "http://inside.example:8080/token");
}

#[tokio::test]
async fn a_host_that_is_none_is_refused() {
    let wharf = Wharf::start().await;
    let caller = wharf.anonymous();

    for bad in ["a b", "user@wharf.example", "wharf.example/path", "wharf.example:x", "a\",realm=\"b", ""] {
        let answer = caller.request("GET", "/v2/").header("host", bad).send().await;
        answer.is(400).first_error();
        let answer = caller.request("GET", "/healthz").header("host", bad).send().await;
        answer.is(400).has_header("content-type", "application/problem+json");
    }
    // The exchange has a name already; two are one too many.
    let second = [("host", "other.example")];
    assert_eq!(Exchange::begin(&caller, "GET", "/healthz", &second).await.answer().await.0, 400);
}
