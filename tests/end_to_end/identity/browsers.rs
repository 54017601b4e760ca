//! Browsers that come back from an issuer which says what no issuer should, or is asked for what no browser should.

use serde_json::{Value, json};

use crate::harness::issuer::{Issuer, now};
use crate::harness::{Answer, Browser, Certificate, Wharf};

const ISSUERS: &str = "/api/v1/issuers";

fn record(issuer: &Issuer) -> Value {
    json!({
        "name": "corp", "url": issuer.url, "client_id": "wharf", "client_secret": "the-clients-secret", "browser": "code",
        "groups": [{ "group": "devs", "organisation": "acme", "role": "writer" }],
    })
}

/// A server that hears so many tries, and an issuer that browsers log in at.
async fn hearing(tries: &str) -> (Wharf, Issuer) {
    let settings = [("WHARF_ISSUER_HOSTS", "127.0.0.1:*"), ("WHARF_FAILED_LOGINS", tries)];
    let wharf = Wharf::start_at_home(&settings).await;
    wharf.found(&["acme"]).await;
    let issuer = Issuer::start().await;
    wharf.admin().send_json("POST", ISSUERS, &record(&issuer)).await.is(201);
    (wharf, issuer)
}

async fn started() -> (Wharf, Issuer) {
    hearing("100").await
}

/// A browser that was sent off, and what with.
async fn sent(wharf: &Wharf) -> (Browser, Vec<(String, String)>) {
    let mut browser = Browser::new(&wharf.base());
    let sent = browser.open("/-/login/oidc/corp").await.is(303).has_header("cache-control", "no-store");
    let there = reqwest::Url::parse(sent.header("location")).unwrap();
    (browser, there.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
}

fn of<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    &pairs.iter().find(|(known, _)| known == name).unwrap().1
}

/// Comes back with a code for which the issuer says these claims of alice.
async fn back(wharf: &Wharf, issuer: &Issuer, claims: Value) -> Answer {
    let (mut browser, pairs) = sent(wharf).await;
    let mut said = json!({
        "sub": "id-of-alice", "preferred_username": "alice", "groups": ["devs"], "nonce": of(&pairs, "nonce"),
    });
    said.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    issuer.say_for_codes(said);
    let (state, iss) = (of(&pairs, "state"), &issuer.url);
    browser.open(&format!("/-/login/oidc/corp/callback?code=the-code&state={state}&iss={iss}")).await
}

#[tokio::test]
async fn a_browser_is_sent_with_a_challenge_and_brings_back_what_the_issuer_signed_for_this_login() {
    let (wharf, issuer) = started().await;
    let (_, pairs) = sent(&wharf).await;
    let home = format!("{}/-/login/oidc/corp/callback", wharf.base());
    for (name, value) in [
        ("tenant", "corp"),
        ("response_type", "code"),
        ("client_id", "wharf"),
        ("redirect_uri", home.as_str()),
        ("scope", "openid profile"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(of(&pairs, name), value, "{name}");
    }
    assert!(["state", "nonce", "code_challenge"].iter().all(|name| of(&pairs, name).len() == 43));

    let wrong = [
        (json!({ "nonce": "of another login" }), 403),
        (json!({ "nonce": null }), 403),
        (json!({ "aud": "another" }), 503),
        (json!({ "aud": ["wharf", "another"] }), 503),
        (json!({ "azp": "another" }), 503),
        (json!({ "iss": "https://evil.example" }), 503),
        (json!({ "exp": now() - 120, "iat": now() - 300, "nbf": null }), 503),
        (json!({ "iat": now() + 600 }), 503),
        (json!({ "sub": null }), 503),
        (json!({ "at_hash": "77QmUPtjPfzWtF2AnpK9RQ" }), 503),
    ];
    for (claims, status) in wrong {
        let refused = back(&wharf, &issuer, claims.clone()).await;
        assert_eq!(refused.status, status, "{claims}: {refused:?}");
        refused.lacks_header("set-cookie").lacks_header("www-authenticate");
    }
    wharf.admin().get("/api/v1/users/alice").await.is(404);
    back(&wharf, &issuer, json!({ "aud": ["wharf", "another"], "azp": "wharf" })).await.is(303);
    wharf.admin().get("/api/v1/orgs/acme/members/alice").await.is(200);
}

#[tokio::test]
async fn what_a_token_leaves_out_is_asked_beside_it_and_only_of_the_same_one() {
    let (wharf, issuer) = started().await;
    let bare = json!({ "preferred_username": null, "groups": null });
    issuer.tell_beside(json!({ "sub": "id-of-mallory", "preferred_username": "alice", "groups": ["devs"] }));
    back(&wharf, &issuer, bare.clone()).await.is(503);
    issuer.tell_beside(json!({ "sub": "id-of-alice", "preferred_username": "alice", "groups": ["devs"] }));
    back(&wharf, &issuer, bare).await.is(303);
    wharf.admin().get("/api/v1/orgs/acme/members/alice").await.is(200);
    back(&wharf, &issuer, json!({ "groups": [] })).await.is(303);
    wharf.admin().get("/api/v1/orgs/acme/members/alice").await.is(404);
}

#[tokio::test]
async fn an_issuer_speaks_for_nobody_who_is_somebody_else_here() {
    let (wharf, issuer) = started().await;
    wharf.add_user("bob", &[]);
    back(&wharf, &issuer, json!({ "sub": "id-of-bob", "preferred_username": "bob" })).await.is(409);
    back(&wharf, &issuer, json!({ "preferred_username": "alice@corp.example" })).await.is(403);
    back(&wharf, &issuer, json!({ "email": "bob@corp.example" })).await.is(303);
    // By whatever name, it is the same one; and for who was given a password here the issuer speaks no more.
    back(&wharf, &issuer, json!({ "preferred_username": "bob" })).await.is(303);
    wharf.change_password("alice", "a-password-of-her-own");
    back(&wharf, &issuer, json!({})).await.is(409);
}

#[tokio::test]
async fn a_browser_is_sent_nowhere_else_and_tries_are_counted() {
    let (wharf, issuer) = hearing("10").await;
    let anonymous = wharf.anonymous();
    for to in ["//evil.example", "https://evil.example", "/%5Cevil.example", "/%09/evil.example", ""] {
        anonymous.get(&format!("/-/login/oidc/corp?to={to}")).await.is(400);
    }
    anonymous.get("/-/login/oidc/corp?next=/").await.is(400);
    anonymous.get("/-/login/oidc/none").await.is(404);
    anonymous.get("/-/login/oidc/none/callback?state=x&code=y").await.is(404);
    anonymous.head("/-/login/oidc/corp/callback?state=x&code=y").await.is(405).has_header("allow", "GET");
    anonymous.post("/-/login/oidc/corp").await.is(405);
    for path in ["callback", "callback?code=x", "callback?state=x&code=y", "callback?state=a&state=b&code=y"]
    {
        anonymous.get(&format!("/-/login/oidc/corp/{path}")).await.any_of(&[400, 403]);
    }
    for (error, status) in [("access_denied", 403), ("invalid_scope", 403), ("server_error", 503)] {
        let told = refused(&wharf, &issuer, error).await.is(status);
        assert!(String::from_utf8_lossy(&told.body).starts_with("Not logged in: "), "{told:?}");
    }
    assert_eq!(issuer.codes_shown(), 0);
    // What leads to no issuer counts for nothing, for any page can send its visitors there.
    for _ in 0..20 {
        anonymous.get("/-/login/oidc/corp/callback?state=x&code=y").await.is(403);
    }
    for _ in 0..7 {
        back(&wharf, &issuer, json!({ "nonce": "of another login" })).await.is(403);
    }
    back(&wharf, &issuer, json!({})).await.is(429);
    assert_eq!(issuer.codes_shown(), 7, "the issuer hears of no more tries");
}

/// Comes back with what an issuer says that lets nobody in, as anybody may write it.
async fn refused(wharf: &Wharf, issuer: &Issuer, error: &str) -> Answer {
    let (mut browser, pairs) = sent(wharf).await;
    let (state, iss) = (of(&pairs, "state"), &issuer.url);
    browser.open(&format!("/-/login/oidc/corp/callback?error={error}&state={state}&iss={iss}")).await
}

#[tokio::test]
async fn a_fault_of_the_provider_uses_up_no_try_and_one_that_a_browser_speaks_of_does() {
    let (wharf, issuer) = hearing("3").await;
    issuer.break_down();
    for _ in 0..5 {
        back(&wharf, &issuer, json!({})).await.is(503);
    }
    issuer.mend();
    for _ in 0..2 {
        back(&wharf, &issuer, json!({ "nonce": "of another login" })).await.is(403);
    }
    issuer.break_down();
    for _ in 0..2 {
        back(&wharf, &issuer, json!({})).await.is(503);
    }
    issuer.mend();
    // Neither the provider's own fault nor one that is only spoken of makes up for those that were wrong.
    refused(&wharf, &issuer, "server_error").await.is(503);
    let shown = issuer.codes_shown();
    back(&wharf, &issuer, json!({})).await.is(429);
    refused(&wharf, &issuer, "server_error").await.is(429);
    assert_eq!(issuer.codes_shown(), shown);
}

#[tokio::test]
async fn whatever_a_provider_answers_is_a_try() {
    let (wharf, issuer) = hearing("3").await;
    for (refusal, status) in
        [("429 Too Many Requests", 429), ("400 Bad Request", 503), ("404 Not Found", 503)]
    {
        issuer.refuse_codes(Some(refusal));
        back(&wharf, &issuer, json!({})).await.is(status);
    }
    issuer.refuse_codes(None);
    back(&wharf, &issuer, json!({})).await.is(429);
    assert_eq!(issuer.codes_shown(), 3, "the issuer hears of no more tries");
}

#[tokio::test]
async fn over_tls_what_a_browser_keeps_is_for_this_host_alone_and_without_an_address_there_is_no_way_back() {
    let (certificate, issuer) = (Certificate::new(), Issuer::start().await);
    let settings = [("WHARF_PUBLIC_URL", "https://wharf.example"), ("WHARF_ISSUER_HOSTS", "127.0.0.1:*")];
    let wharf = Wharf::start_secure(&certificate, &settings).await;
    let one = json!({ "name": "corp", "url": issuer.url, "client_id": "wharf", "browser": "code" });
    wharf.admin().send_json("POST", ISSUERS, &one).await.is(201);
    let sent = wharf.anonymous().get("/-/login/oidc/corp").await.is(303);
    let kept = sent.header("set-cookie");
    assert!(kept.starts_with("__Host-wharf-begun="), "{kept}");
    assert!(kept.ends_with("; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure"), "{kept}");

    let settings =
        [("WHARF_ADMIN_PASSWORD", crate::harness::ADMIN_PASSWORD), ("WHARF_ISSUER_HOSTS", "127.0.0.1:*")];
    let nameless = Wharf::start_with(&settings).await;
    let refused = nameless.admin().send_json("POST", ISSUERS, &one).await.is(400).json();
    assert!(refused["detail"].as_str().unwrap().contains("public_url"), "{refused}");
    let mut odd = one;
    (odd["browser"], odd["scope"]) = (json!("off"), json!("profile"));
    nameless.admin().send_json("POST", ISSUERS, &odd).await.is(400);
}
