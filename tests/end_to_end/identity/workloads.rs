//! Jobs that bring a token of an issuer: what they get for it, what they do not, and how it ends.

mod tenants;

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use crate::harness::issuer::{Issuer, now, text, unsigned};
use crate::harness::{ADMIN_PASSWORD, Answer, Caller, Image, Wharf};

const MINT: &str = "/_/oidc/mint-token";
const HOME: &str = "https://wharf.example";

/// A server that is called `HOME` and goes to issuers on this machine, with two organisations.
async fn started() -> (Wharf, Issuer) {
    let wharf = Wharf::start_with(&[
        ("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD),
        ("WHARF_PUBLIC_URL", HOME),
        ("WHARF_ISSUER_HOSTS", "127.0.0.1:*"),
    ])
    .await;
    wharf.found(&["acme", "zoo"]).await;
    (wharf, Issuer::start().await)
}

async fn believe(wharf: &Wharf, organisation: &str, issuer: &Issuer) {
    let new = json!({ "name": "ci", "url": issuer.url });
    wharf.admin().send_json("POST", &format!("/api/v1/orgs/{organisation}/issuers"), &new).await.is(201);
}

async fn allow(wharf: &Wharf, organisation: &str, (name, claims): (&str, Value), repositories: &str) {
    let access = json!([{ "repositories": repositories, "actions": ["pull", "push"] }]);
    let rule = json!({ "name": name, "claims": claims, "access": access });
    let rules = format!("/api/v1/orgs/{organisation}/issuers/ci/rules");
    wharf.admin().send_json("POST", &rules, &rule).await.is(201);
}

async fn mint(wharf: &Wharf, token: &str) -> Answer {
    wharf.anonymous().send_json("POST", MINT, &json!({ "token": token })).await
}

async fn refused(wharf: &Wharf, token: &str, code: &str) {
    let answer = mint(wharf, token).await.is(422).json();
    assert_eq!(
        (&answer["message"], &answer["errors"][0]["code"]),
        (&json!("Token request failed"), &json!(code)),
        "{answer}"
    );
    assert!(answer["errors"][0]["description"].is_string());
}

/// Who the token of a job speaks for.
async fn job(wharf: &Wharf, token: &str) -> Caller {
    let minted = mint(wharf, token).await.is(200).json();
    wharf.caller("__token__", minted["token"].as_str().unwrap())
}

fn main_branch() -> Value {
    json!({ "sub": "repo:acme/app:ref:refs/heads/main", "repository": "acme/app", "ref": "refs/heads/main" })
}

#[tokio::test]
async fn a_job_pushes_where_its_rule_says_and_nowhere_else() {
    let (wharf, issuer) = started().await;
    believe(&wharf, "acme", &issuer).await;
    let claims = json!({ "repository": "acme/app", "ref": "refs/heads/*" });
    allow(&wharf, "acme", ("deploy", claims), "acme/main/app*").await;
    let audience = wharf.anonymous().get("/_/oidc/audience").await.is(200).json();
    assert_eq!(audience, json!({ "audience": HOME }));

    let minted = mint(&wharf, &issuer.token(HOME, main_branch()))
        .await
        .is(200)
        .has_header("cache-control", "no-store");
    let minted = minted.json();

    assert_eq!(minted["success"], true);
    assert!((minted["expires"].as_i64().unwrap() - now() - 900).abs() < 30, "{minted}");
    let text = minted["token"].as_str().unwrap();
    assert!(text.starts_with("wharf_") && !wharf.log().contains(text));
    for name in ["__token__", "anybody"] {
        wharf
            .caller(name, text)
            .repository("acme/app")
            .push_image(&Image::oci(1), name.trim_matches('_'))
            .await;
    }
    // As docker and helm come: with a bearer token that was fetched with it.
    let docker = wharf.caller("ci", text).with_token(&["repository:acme/app2:pull,push"]).await;
    docker.repository("acme/app2").push_image(&Image::oci(2), "v1").await;
    let caller = wharf.caller("__token__", text);
    caller.repository("acme/founding").manifest("stone").await.is(404);
    assert!(caller.repository("acme/other").open_upload().await.status >= 400);
    caller.get("/api/v1/orgs/acme/members").await.is(403);
    caller.get("/api/v1/orgs/zoo").await.is(404);
    let log = wharf.admin().get("/api/v1/orgs/acme/audit?action=workload.login").await.is(200).json();
    let entry = log["items"][0].to_string();
    for word in ["rule=deploy", issuer.url.as_str(), "acme+workload."] {
        assert!(entry.contains(word), "{word} is not in {entry}");
    }
}

#[tokio::test]
async fn a_token_is_taken_once() {
    let (wharf, issuer) = started().await;
    believe(&wharf, "acme", &issuer).await;
    allow(&wharf, "acme", ("ci", json!({ "repository": "acme/app" })), "acme/app").await;
    let claims = issuer.claims(HOME, main_branch());
    let token = issuer.sign(&claims);

    mint(&wharf, &token).await.is(200);

    refused(&wharf, &token, "invalid-reuse-token").await;
    let mut other = claims.clone();
    other["more"] = json!("said");
    refused(&wharf, &issuer.sign(&other), "invalid-reuse-token").await;
    let mut nameless = claims;
    nameless.as_object_mut().unwrap().remove("jti");
    let nameless = issuer.sign(&nameless);
    let both = tokio::join!(mint(&wharf, &nameless), mint(&wharf, &nameless));
    let mut statuses = [both.0.status, both.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 422], "of two that come at once one is let in");
    mint(&wharf, &issuer.token(HOME, main_branch())).await.is(200);
}

#[tokio::test]
async fn what_an_issuer_did_not_sign_so_for_us_and_now_is_refused() {
    let (wharf, issuer) = started().await;
    believe(&wharf, "acme", &issuer).await;
    allow(&wharf, "acme", ("ci", json!({ "repository": "acme/app" })), "acme/app").await;
    let good = issuer.claims(HOME, main_branch());
    let with = |name: &str, value: Value| {
        let mut claims = issuer.claims(HOME, main_branch());
        claims[name] = value;
        claims
    };
    for other in [json!("https://another.example"), json!(null)] {
        refused(&wharf, &issuer.sign(&with("aud", other)), "invalid-publisher").await;
    }
    let wrong = [
        with("exp", json!(now() - 61)),
        with("iat", json!(now() + 120)),
        with("nbf", json!(now() + 120)),
        with("exp", json!(now() + 90_000)),
        with("exp", json!("later")),
    ];
    for claims in wrong {
        refused(&wharf, &issuer.sign(&claims), "invalid-token").await;
    }
    let stranger = Issuer::start().await;
    refused(&wharf, &stranger.sign(&good), "invalid-publisher").await;
    let mut header = json!({ "alg": "ES256", "kid": "key-1", "jwk": stranger.public_key() });
    refused(&wharf, &stranger.sign_under(&header, &good), "invalid-publisher").await;
    header["crit"] = json!(["exp"]);
    refused(&wharf, &issuer.sign_under(&header, &good), "invalid-token").await;
    refused(&wharf, &format!("{}.", unsigned(&json!({ "alg": "none" }), &good)), "invalid-token").await;
    let message = unsigned(&json!({ "alg": "HS256", "kid": "key-1" }), &good);
    let secret = hmac::Key::new(hmac::HMAC_SHA256, issuer.public_key().to_string().as_bytes());
    let confused = format!("{message}.{}", text(hmac::sign(&secret, message.as_bytes()).as_ref()));
    refused(&wharf, &confused, "invalid-publisher").await;
    for nonsense in ["", "a", "a.b.c", "....", &"x".repeat(20_000)] {
        refused(&wharf, nonsense, "invalid-token").await;
    }
    for body in ["", "{}", "[]", "\"token\"", "{\"token\":7}"] {
        let answer = wharf.anonymous().request("POST", MINT).body(body).send().await.is(422).json();
        assert_eq!(answer["errors"][0]["code"], "invalid-payload", "{body}");
    }
    let unknown = stranger.token(HOME, main_branch());
    refused(&wharf, &unknown, "invalid-publisher").await;
    refused(&wharf, &issuer.token(HOME, json!({ "repository": "acme/other" })), "invalid-publisher").await;
    mint(&wharf, &issuer.sign(&good)).await.is(200);
}

#[tokio::test]
async fn whoever_brings_refused_tokens_again_and_again_is_put_off() {
    let wharf = Wharf::start_with(&[
        ("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD),
        ("WHARF_PUBLIC_URL", HOME),
        ("WHARF_ISSUER_HOSTS", "127.0.0.1:*"),
        ("WHARF_FAILED_LOGINS", "1"),
    ])
    .await;
    wharf.found(&["acme"]).await;
    let issuer = Issuer::start().await;
    believe(&wharf, "acme", &issuer).await;
    allow(&wharf, "acme", ("ci", json!({ "repository": "acme/app" })), "acme/app").await;
    let (unmet, used) =
        (issuer.token(HOME, json!({ "repository": "acme/other" })), issuer.token(HOME, main_branch()));
    mint(&wharf, &used).await.is(200);
    for _ in 0..3 {
        refused(&wharf, &unmet, "invalid-publisher").await;
        refused(&wharf, &used, "invalid-reuse-token").await;
        refused(&wharf, "no token", "invalid-token").await;
        mint(&wharf, &issuer.token(HOME, main_branch())).await.is(200);
    }
    refused(&wharf, &unmet, "invalid-publisher").await;

    for token in [unmet, issuer.token(HOME, main_branch())] {
        let answer = mint(&wharf, &token).await.is(429);
        let seconds: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=300).contains(&seconds), "{seconds}");
        assert_eq!(answer.json()["errors"][0]["code"], "try-again");
    }
}

#[tokio::test]
async fn a_belief_counts_in_its_own_organisation() {
    let (wharf, issuer) = started().await;
    believe(&wharf, "acme", &issuer).await;
    allow(&wharf, "acme", ("ci", json!({ "repository": "acme/app" })), "acme/app").await;
    let caller = job(&wharf, &issuer.token(HOME, main_branch())).await;
    caller.repository("acme/app").push_image(&Image::oci(1), "v1").await;
    caller.repository("zoo/founding").manifest("stone").await.is(404);
    refused_within(&wharf, "zoo", &issuer.token(HOME, main_branch())).await;

    // Another issuer that calls itself so, with other keys, is another issuer.
    let thief = Issuer::start().await;
    let new = json!({ "name": "thief", "url": issuer.url, "keys_url": format!("{}/keys", thief.url) });
    wharf.admin().send_json("POST", "/api/v1/orgs/zoo/issuers", &new).await.is(201);
    let access = json!([{ "repositories": "zoo/*", "actions": ["pull"] }]);
    let rule = json!({ "name": "all", "claims": { "repository": "acme/app" }, "access": access });
    wharf.admin().send_json("POST", "/api/v1/orgs/zoo/issuers/thief/rules", &rule).await.is(201);
    let forged = job(&wharf, &thief.sign(&issuer.claims(HOME, main_branch()))).await;
    forged.repository("acme/app").manifest("v1").await.is(404);
    forged.repository("zoo/founding").manifest("stone").await.is(200);

    caller.repository("acme/app").manifest("v1").await.is(200);
    wharf.admin().delete("/api/v1/orgs/acme/issuers/ci/rules/ci").await.is(204);
    caller.repository("acme/app").manifest("v1").await.is(401);
    refused_within(&wharf, "acme", &issuer.token(HOME, main_branch())).await;
}

async fn mint_within(wharf: &Wharf, organisation: &str, token: &str) -> Answer {
    let path = format!("{MINT}?organisation={organisation}");
    wharf.anonymous().send_json("POST", &path, &json!({ "token": token })).await
}

async fn refused_within(wharf: &Wharf, organisation: &str, token: &str) {
    let answer = mint_within(wharf, organisation, token).await.is(422).json();
    assert_eq!(answer["errors"][0]["code"], "invalid-publisher");
}

#[tokio::test]
async fn whom_a_slow_issuer_is_believed_of_holds_up_nobody_else() {
    let (wharf, issuer) = started().await;
    believe(&wharf, "acme", &issuer).await;
    allow(&wharf, "acme", ("ci", json!({ "repository": "acme/app" })), "acme/app").await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let keys_url = format!("http://{}/keys", silent.local_addr().unwrap());
    let issuers = "/api/v1/orgs/zoo/issuers";
    let new = json!({ "name": "ci", "url": issuer.url, "keys_url": keys_url });
    wharf.admin().send_json("POST", issuers, &new).await.is(201);
    allow(&wharf, "zoo", ("ci", json!({ "repository": "acme/app" })), "zoo/*").await;

    let began = std::time::Instant::now();
    job(&wharf, &issuer.token(HOME, main_branch()))
        .await
        .repository("acme/founding")
        .manifest("stone")
        .await
        .is(404);

    assert!(began.elapsed() < std::time::Duration::from_secs(3), "{:?}", began.elapsed());
    let again = json!({ "name": "other", "url": issuer.url, "keys_url": keys_url });
    let refused = wharf.admin().send_json("POST", issuers, &again).await.is(409).json();
    assert!(refused["detail"].as_str().unwrap().contains("believed already, as ci"), "{refused}");
    let large = json!({ "name": "large", "url": "https://ci.example", "authorities": "x".repeat(17 * 1024) });
    wharf.admin().send_json("POST", issuers, &large).await.is(400);
    let access = vec![json!({ "repositories": "zoo/app", "actions": ["pull"] }); 100];
    let claims: Value = (0..20).map(|number| (format!("claim{number}"), json!("x".repeat(255)))).collect();
    let rule = json!({ "name": "large", "claims": claims, "access": access });
    wharf.admin().send_json("POST", &format!("{issuers}/ci/rules"), &rule).await.is(400);
}

#[tokio::test]
async fn an_index_says_where_its_organisation_lets_jobs_in() {
    let (wharf, issuer) = started().await;
    for organisation in ["acme", "zoo"] {
        believe(&wharf, organisation, &issuer).await;
        let rule = ("ci", json!({ "repository": "acme/app" }));
        allow(&wharf, organisation, rule, &format!("{organisation}/*")).await;
    }

    let found = wharf.anonymous().get("/.well-known/pytp?discover=%2Fpypi%2Facme%2Fmain%2Flegacy%2F").await;

    let endpoint = format!("{MINT}?organisation=acme");
    let expected = json!({
        "audience-endpoint": format!("{HOME}/_/oidc/audience"), "token-mint-endpoint": format!("{HOME}{endpoint}"),
    });
    assert_eq!(found.is(200).json(), expected);
    for nothing in ["", "?discover=%2Flegacy%2F", "?discover=%2Fpypi%2Facme%2Fmain%2Fsimple%2F"] {
        wharf.anonymous().get(&format!("/.well-known/pytp{nothing}")).await.is(404);
    }
    let body = json!({ "token": issuer.token(HOME, main_branch()) });
    let minted = wharf.anonymous().send_json("POST", &endpoint, &body).await.is(200).json();
    let caller = wharf.caller("__token__", minted["token"].as_str().unwrap());
    caller.repository("acme/founding").manifest("stone").await.is(200);
    caller.repository("zoo/founding").manifest("stone").await.is(404);
    caller.get("/pypi/acme/main/simple/").await.is(200);
    caller.get("/helm/acme/main/index.yaml").await.is(200);
}

#[tokio::test]
async fn an_issuer_is_asked_where_it_is_named_and_nowhere_it_points() {
    let (wharf, issuer) = started().await;
    believe(&wharf, "acme", &issuer).await;
    allow(&wharf, "acme", ("ci", json!({ "repository": "acme/app" })), "acme/app").await;
    issuer.redirect_keys(&format!("{}/more-keys", issuer.url));
    for _ in 0..3 {
        let answer = mint(&wharf, &issuer.token(HOME, main_branch())).await.is(503);
        let answer = answer.has_header("retry-after", "5").json();
        assert_eq!(answer["errors"][0]["code"], "try-again");
    }
    assert_eq!(issuer.served(), 2, "the document and the keys, once");
    let issuers = "/api/v1/orgs/acme/issuers";
    for closed in ["http://10.0.0.1", "http://169.254.169.254", "http://localhost:1", "http://ci.example"] {
        let new = json!({ "name": "other", "url": closed });
        wharf.admin().send_json("POST", issuers, &new).await.is(403);
        let new = json!({ "name": "other", "url": "https://ci.example", "keys_url": closed });
        wharf.admin().send_json("POST", issuers, &new).await.is(403);
    }
    let rules = format!("{issuers}/ci/rules");
    let rule = |claims: Value, repositories: &str| {
        let access = json!([{ "repositories": repositories, "actions": ["pull"] }]);
        json!({ "name": "bad", "claims": claims, "access": access })
    };
    let fine = json!({ "repository": "acme/app" });
    for bad in [
        rule(fine.clone(), "zoo/app"),
        rule(fine.clone(), "*"),
        rule(fine, "zoo/*"),
        rule(json!({}), "acme/*"),
        rule(json!({ "repository": "*", "sub": "**" }), "acme/*"),
    ] {
        wharf.admin().send_json("POST", &rules, &bad).await.is(400);
    }
    let robot = json!({ "name": "workload.1", "role": "writer" });
    wharf.admin().send_json("POST", "/api/v1/orgs/acme/robots", &robot).await.is(400);
}

#[tokio::test]
async fn without_an_address_of_its_own_a_wharf_is_nobodys_audience() {
    let wharf =
        Wharf::start_with(&[("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_ISSUER_HOSTS", "127.0.0.1:*")])
            .await;
    wharf.found(&["acme"]).await;
    let issuer = Issuer::start().await;
    wharf.anonymous().get("/_/oidc/audience").await.is(404);
    wharf.anonymous().get("/.well-known/pytp?discover=%2Fpypi%2Facme%2Fmain%2Flegacy%2F").await.is(404);
    let new = json!({ "name": "ci", "url": issuer.url, "audience": "wharf-of-acme" });
    wharf.admin().send_json("POST", "/api/v1/orgs/acme/issuers", &new).await.is(201);
    allow(&wharf, "acme", ("ci", json!({ "repository": "acme/app" })), "acme/app").await;
    for audience in [wharf.base(), "wharf".to_owned(), HOME.to_owned()] {
        refused(&wharf, &issuer.token(&audience, main_branch()), "invalid-publisher").await;
    }
    mint(&wharf, &issuer.token("wharf-of-acme", main_branch())).await.is(200);
}
