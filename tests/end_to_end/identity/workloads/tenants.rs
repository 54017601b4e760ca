//! Organisations that believe the same issuer: what one of them does takes nothing from the jobs of another, and shows it
//! nothing of them.

use super::*;

/// Whose rules let a job in that names nobody's.
async fn organisation_of(wharf: &Wharf, token: &str) -> Value {
    mint(wharf, token).await.is(200).json()["organisation"].clone()
}

/// A rule of zoo about half the world's jobs, with as much in it as one token reaches.
async fn be_greedy(wharf: &Wharf) {
    let access = vec![json!({ "repositories": "zoo/*", "actions": ["pull"] }); 100];
    let rule = json!({ "name": "all", "claims": { "ref": "refs/**" }, "access": access });
    wharf.admin().send_json("POST", "/api/v1/orgs/zoo/issuers/ci/rules", &rule).await.is(201);
}

#[tokio::test]
async fn what_others_come_to_believe_and_end_takes_nothing_from_a_job() {
    let (wharf, issuer) = started().await;
    for organisation in ["zoo", "acme"] {
        believe(&wharf, organisation, &issuer).await;
    }
    allow(&wharf, "acme", ("ci", json!({ "repository": "acme/app" })), "acme/app").await;
    be_greedy(&wharf).await;

    let running = job(&wharf, &issuer.token(HOME, main_branch())).await;
    running.repository("acme/app").push_image(&Image::oci(1), "v1").await;
    running.repository("zoo/founding").manifest("stone").await.is(404);

    for path in ["issuers/ci/rules/all", "issuers/ci"] {
        wharf.admin().delete(&format!("/api/v1/orgs/zoo/{path}")).await.is(204);
        running.repository("acme/app").manifest("v1").await.is(200);
    }
    wharf.admin().delete("/api/v1/orgs/zoo?force=true").await.is(204);
    running.repository("acme/app").push_image(&Image::oci(2), "v2").await;
}

#[tokio::test]
async fn a_job_that_names_its_organisation_is_shown_there_and_nowhere_else() {
    let (wharf, issuer) = started().await;
    believe(&wharf, "zoo", &issuer).await;
    be_greedy(&wharf).await;
    believe(&wharf, "acme", &issuer).await;
    allow(&wharf, "acme", ("ci", json!({ "repository": "acme/app" })), "acme/app").await;

    assert_eq!(organisation_of(&wharf, &issuer.token(HOME, main_branch())).await, "zoo", "the oldest rule");
    let minted = mint_within(&wharf, "acme", &issuer.token(HOME, main_branch())).await.is(200).json();
    assert_eq!(minted["organisation"], "acme");
    let caller = wharf.caller("__token__", minted["token"].as_str().unwrap());
    caller.repository("acme/app").push_image(&Image::oci(1), "v1").await;
    caller.repository("zoo/founding").manifest("stone").await.is(404);

    let told = async |path: &str| {
        let log = wharf.admin().get(&format!("/api/v1/{path}audit?action=workload.login")).await.is(200);
        log.json()["items"].as_array().unwrap().clone()
    };
    let (subject, address) = ("repo:acme/app:ref:refs/heads/main", "127.0.0.1");
    let [zoo] = &told("orgs/zoo/").await[..] else { panic!("one job came to zoo") };
    let line = zoo.to_string();
    assert!(zoo["address"].is_null() && !line.contains(subject), "{line}");
    assert!(line.contains("rule=all") && line.contains(&issuer.url) && line.contains("token:"), "{line}");
    let [acme] = &told("orgs/acme/").await[..] else { panic!("one job came to acme") };
    let line = acme.to_string();
    assert!(acme["address"] == address && line.contains(subject) && line.contains("rule=ci"), "{line}");
    let operator = told("").await;
    let is_whole = |record: &&Value| {
        let line = record.to_string();
        line.contains("organisation=zoo") && line.contains(subject) && record["address"] == address
    };
    assert_eq!(operator.iter().filter(is_whole).count(), 1, "{operator:?}");
}

#[tokio::test]
async fn by_a_host_of_its_own_an_organisation_is_named() {
    let wharf = Wharf::start_with(&[
        ("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD),
        ("WHARF_PUBLIC_URL", HOME),
        ("WHARF_ISSUER_HOSTS", "127.0.0.1:*"),
        ("WHARF_REGISTRY_HOSTS", "127.0.0.1=acme/main"),
    ])
    .await;
    wharf.found(&["acme", "zoo"]).await;
    let issuer = Issuer::start().await;
    for organisation in ["zoo", "acme"] {
        believe(&wharf, organisation, &issuer).await;
        let rule = ("ci", json!({ "repository": "acme/app" }));
        allow(&wharf, organisation, rule, &format!("{organisation}/*")).await;
    }

    assert_eq!(organisation_of(&wharf, &issuer.token(HOME, main_branch())).await, "acme");

    let minted = mint_within(&wharf, "zoo", &issuer.token(HOME, main_branch())).await.is(200).json();
    assert_eq!(minted["organisation"], "zoo");
}

#[tokio::test]
async fn nobody_learns_by_asking_whom_an_organisation_believes() {
    let (wharf, issuer) = started().await;
    believe(&wharf, "acme", &issuer).await;
    allow(&wharf, "acme", ("ci", json!({ "repository": "acme/app" })), "acme/app").await;
    let stranger = Issuer::start().await;
    let tokens = || {
        [
            issuer.token(HOME, json!({ "repository": "stranger/app" })),
            issuer.token("https://another.example", main_branch()),
            stranger.sign(&issuer.claims(HOME, main_branch())),
            stranger.token(HOME, main_branch()),
        ]
    };

    let mut answers = Vec::new();
    for organisation in ["?organisation=acme", "?organisation=zoo", "?organisation=nobody", ""] {
        for token in tokens() {
            let path = format!("{MINT}{organisation}");
            let answer = wharf.anonymous().send_json("POST", &path, &json!({ "token": token })).await;
            answers.push(answer.is(422).json());
        }
    }

    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0]["errors"][0]["code"], "invalid-publisher");
    let mut ended = issuer.claims(HOME, main_branch());
    ended["exp"] = json!(now() - 100);
    for organisation in ["acme", "zoo"] {
        let answer = mint_within(&wharf, organisation, &issuer.sign(&ended)).await.is(422).json();
        assert_eq!(answer["errors"][0]["code"], "invalid-token", "what it says itself is told: {answer}");
    }
}

#[tokio::test]
async fn a_token_is_taken_once_wherever_its_keys_are_read() {
    let (wharf, issuer) = started().await;
    let thief = Issuer::start().await;
    believe(&wharf, "acme", &issuer).await;
    allow(&wharf, "acme", ("ci", json!({ "repository": "acme/app" })), "acme/app").await;
    for (name, keys) in [("same", &issuer), ("thief", &thief)] {
        let new = json!({ "name": name, "url": issuer.url, "keys_url": format!("{}/keys", keys.url) });
        wharf.admin().send_json("POST", "/api/v1/orgs/zoo/issuers", &new).await.is(201);
        let access = json!([{ "repositories": "zoo/*", "actions": ["pull"] }]);
        let rule = json!({ "name": "ci", "claims": { "repository": "acme/app" }, "access": access });
        let rules = format!("/api/v1/orgs/zoo/issuers/{name}/rules");
        wharf.admin().send_json("POST", &rules, &rule).await.is(201);
    }

    for (first, second) in [("acme", "zoo"), ("zoo", "acme")] {
        let token = issuer.token(HOME, main_branch());
        mint_within(&wharf, first, &token).await.is(200);
        let again = mint_within(&wharf, second, &token).await.is(422).json();
        assert_eq!(again["errors"][0]["code"], "invalid-reuse-token", "{again}");
    }

    // Whoever speaks in the issuer's name by other keys uses up nothing of the issuer's own.
    let claims = issuer.claims(HOME, main_branch());
    mint_within(&wharf, "zoo", &thief.sign(&claims)).await.is(200);
    let mut more = claims;
    more["more"] = json!("said");
    mint_within(&wharf, "acme", &issuer.sign(&more)).await.is(200);
}

#[tokio::test]
async fn who_guesses_the_words_of_a_token_uses_it_up_by_no_keys_but_its_own() {
    let (wharf, issuer) = started().await;
    let thief = Issuer::start().await;
    believe(&wharf, "acme", &issuer).await;
    allow(&wharf, "acme", ("ci", json!({ "repository": "acme/app" })), "acme/app").await;
    for (organisation, keys) in [("zoo", &thief), ("acme", &issuer)] {
        believe_keys(&wharf, organisation, ("second", &issuer.url), &format!("{}/keys", keys.url)).await;
        let rule = ("second", "ci", json!({ "repository": "acme/app" }));
        allow_by(&wharf, organisation, rule).await;
    }
    let mut nameless = issuer.claims(HOME, main_branch());
    nameless.as_object_mut().unwrap().remove("jti");

    mint_within(&wharf, "zoo", &thief.sign(&nameless)).await.is(200);

    let token = issuer.sign(&nameless);
    mint_within(&wharf, "acme", &token).await.is(200);
    // Not by another signature of the same words either, nor where the same key is read at another place.
    wharf.admin().delete("/api/v1/orgs/acme/issuers/ci").await.is(204);
    for again in [token, issuer.sign(&nameless)] {
        let answer = mint_within(&wharf, "acme", &again).await.is(422).json();
        assert_eq!(answer["errors"][0]["code"], "invalid-reuse-token", "{answer}");
    }
}

/// Believes an issuer by keys that are named.
async fn believe_keys(wharf: &Wharf, organisation: &str, (name, url): (&str, &str), keys_url: &str) {
    let new = json!({ "name": name, "url": url, "keys_url": keys_url });
    wharf.admin().send_json("POST", &format!("/api/v1/orgs/{organisation}/issuers"), &new).await.is(201);
}

/// A rule about one of the ways to believe an issuer.
async fn allow_by(wharf: &Wharf, organisation: &str, (issuer, name, claims): (&str, &str, Value)) {
    let access = json!([{ "repositories": format!("{organisation}/*"), "actions": ["pull"] }]);
    let rule = json!({ "name": name, "claims": claims, "access": access });
    let rules = format!("/api/v1/orgs/{organisation}/issuers/{issuer}/rules");
    wharf.admin().send_json("POST", &rules, &rule).await.is(201);
}

/// Where nobody listens.
fn closed() -> String {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    format!("http://{address}/keys")
}

#[tokio::test]
async fn a_job_whose_issuer_is_away_is_to_come_again() {
    let (wharf, issuer) = started().await;
    believe(&wharf, "acme", &issuer).await;
    believe_keys(&wharf, "acme", ("away", &issuer.url), &closed()).await;
    refused_within(&wharf, "acme", &issuer.token(HOME, main_branch())).await;
    allow_by(&wharf, "acme", ("away", "old", json!({ "repository": "acme/app" }))).await;
    let put_off = async |answer: Answer| {
        let answer = answer.is(503).has_header("retry-after", "5").json();
        assert_eq!(answer["errors"][0]["code"], "try-again");
    };

    put_off(mint_within(&wharf, "acme", &issuer.token(HOME, main_branch())).await).await;
    put_off(mint(&wharf, &issuer.token(HOME, main_branch())).await).await;
    refused(&wharf, &issuer.token(HOME, json!({ "repository": "acme/other" })), "invalid-publisher").await;

    // What another way to believe it allows it has, for these are one organisation's own.
    allow(&wharf, "acme", ("ci", json!({ "repository": "acme/app" })), "acme/app").await;
    mint_within(&wharf, "acme", &issuer.token(HOME, main_branch())).await.is(200);
    assert_eq!(organisation_of(&wharf, &issuer.token(HOME, main_branch())).await, "acme");
}

/// Who is asked for the keys of an issuer at another place may be quicker than the issuer itself.
#[tokio::test]
async fn a_younger_rule_takes_no_job_while_nobody_hears_the_source_of_an_older_one() {
    let (wharf, issuer) = started().await;
    believe_keys(&wharf, "acme", ("away", &issuer.url), &closed()).await;
    allow_by(&wharf, "acme", ("away", "ci", json!({ "repository": "acme/app" }))).await;
    believe(&wharf, "zoo", &issuer).await;
    be_greedy(&wharf).await;

    mint(&wharf, &issuer.token(HOME, main_branch())).await.is(503);

    let elsewhere = json!({ "repository": "other/app", "ref": "refs/heads/main" });
    assert_eq!(
        organisation_of(&wharf, &issuer.token(HOME, elsewhere)).await,
        "zoo",
        "no older rule is about it"
    );
    mint_within(&wharf, "zoo", &issuer.token(HOME, main_branch())).await.is(200);
}

#[tokio::test]
async fn a_younger_rule_takes_no_job_by_a_key_that_the_issuer_has_since_it_was_asked() {
    let (wharf, issuer) = started().await;
    believe(&wharf, "acme", &issuer).await;
    allow(&wharf, "acme", ("ci", json!({ "repository": "acme/app" })), "acme/app").await;
    believe_keys(&wharf, "zoo", ("ci", &issuer.url), &format!("{}/more-keys", issuer.url)).await;
    be_greedy(&wharf).await;
    mint_within(&wharf, "acme", &issuer.token(HOME, main_branch())).await.is(200);
    issuer.rotate();

    let answer = mint(&wharf, &issuer.token(HOME, main_branch())).await.is(503);

    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    mint_within(&wharf, "zoo", &issuer.token(HOME, main_branch())).await.is(200);
    refused_within(&wharf, "acme", &issuer.token(HOME, main_branch())).await;
}

/// Those whom the same rules let in share an account, and are strangers to each other.
#[tokio::test]
async fn what_a_job_was_given_makes_lists_and_ends_no_tokens() {
    let (wharf, issuer) = started().await;
    believe(&wharf, "acme", &issuer).await;
    allow(&wharf, "acme", ("ci", json!({ "repository": "acme/app" })), "acme/app").await;
    let one = job(&wharf, &issuer.token(HOME, main_branch())).await;
    let other = job(&wharf, &issuer.token(HOME, main_branch())).await;

    one.get("/api/v1/tokens").await.is(403);
    one.send_json("POST", "/api/v1/tokens", &json!({ "name": "more" })).await.is(403);
    one.delete(&format!("/api/v1/tokens/{}", "0".repeat(64))).await.is(403);
    other.repository("acme/app").push_image(&Image::oci(1), "v1").await;
}
