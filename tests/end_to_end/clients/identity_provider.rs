//! A certified OpenID provider, oidc-provider for Node.js: browsers log in there, and passwords are shown to it.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::path_from_environment;
use crate::harness::{Answer, Browser, Caller, Image, Wharf, component, free_port};

const PATIENCE: Duration = Duration::from_secs(60);
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/identity_provider.mjs");
const ISSUERS: &str = "/api/v1/issuers";

/// The provider, stopped when it is dropped.
struct Provider {
    process: Child,
    caller: Caller,
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Provider {
    /// One that sends browsers back to the issuers of these names at a server, and nowhere else.
    async fn start(wharf: &Wharf, names: &[&str]) -> Self {
        let port = free_port();
        let home = |name: &&str| format!("{}/-/login/oidc/{name}/callback", wharf.base());
        let homes: Vec<String> = names.iter().map(home).collect();
        let told = json!({
            "modules": path_from_environment("WHARF_TEST_NODE"), "port": port,
            "clients": [{
                "client_id": "wharf", "client_secret": "a secret: of/the client", "redirect_uris": homes,
                "grant_types": ["authorization_code", "password"],
            }],
        });
        let mut command = Command::new("node");
        command.arg(SCRIPT).arg(told.to_string()).env("NO_COLOR", "1").stdin(Stdio::null());
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let caller = Caller::anonymous(&format!("http://127.0.0.1:{port}"));
        let provider = Self { process, caller };
        let started = Instant::now();
        while provider.caller.request("GET", "/jwks").try_send().await.is_err() {
            assert!(started.elapsed() < PATIENCE, "the provider does not answer");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        provider
    }

    async fn enrol(&self, login: &str, groups: &[&str]) {
        let person = json!({ "password": format!("of {login}"), "groups": groups });
        self.caller.send_json("PUT", &format!("/people/{login}"), &person).await.is(204);
    }

    fn record(&self, name: &str) -> Value {
        json!({
            "name": name, "url": self.caller.base, "client_id": "wharf", "client_secret": "a secret: of/the client",
            "browser": "code", "scope": "openid profile groups",
            "groups": [
                { "group": "devs", "organisation": "acme", "role": "writer" },
                { "group": "leads", "organisation": "acme", "role": "admin" },
            ],
        })
    }
}

/// A server, and a provider that sends browsers back to the issuers of these names there.
async fn known(names: &[&str]) -> (Wharf, Provider) {
    let wharf = Wharf::start_at_home(&[("WHARF_ISSUER_HOSTS", "127.0.0.1:*"), ("WHARF_LOG", "debug")]).await;
    wharf.found(&["acme"]).await;
    let provider = Provider::start(&wharf, names).await;
    (wharf, provider)
}

/// The same, and the issuers.
async fn started(names: &[&str]) -> (Wharf, Provider) {
    let (wharf, provider) = known(names).await;
    for name in names {
        let made = wharf.admin().send_json("POST", ISSUERS, &provider.record(name)).await.is(201).json();
        assert_eq!(made["redirect_url"], format!("{}/-/login/oidc/{name}/callback", wharf.base()));
    }
    (wharf, provider)
}

/// Logs in at the provider, up to where that sends the browser back to the server; that address.
async fn visit(browser: &mut Browser, wharf: &Wharf, (issuer, login): (&str, &str)) -> String {
    browser.open(&wharf.base()).await;
    let sent = browser.open(&format!("/-/login/oidc/{issuer}?to=/acme/main")).await.is(303);
    let mut waits = browser.follow_up_to(sent, &wharf.base()).await;
    for _ in 0..3 {
        let page = match waits {
            Ok(home) => return home,
            Err(page) => page.is(200),
        };
        let text = String::from_utf8_lossy(&page.body).into_owned();
        let answer = match text.contains("value=\"login\"") {
            true => browser.send(&[("prompt", "login"), ("login", login), ("password", "any")]).await,
            false => browser.send(&[("prompt", "consent")]).await,
        };
        waits = browser.follow_up_to(answer, &wharf.base()).await;
    }
    panic!("the provider does not let {login} go")
}

async fn me(browser: &mut Browser, wharf: &Wharf) -> Answer {
    browser.open(&format!("{}/api/v1/me", wharf.base())).await
}

async fn role(wharf: &Wharf, user: &str) -> Option<String> {
    let member = wharf.admin().get(&format!("/api/v1/orgs/acme/members/{user}")).await.any_of(&[200, 404]);
    (member.status == 200).then(|| member.json()["role"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_browser_logs_in_at_a_provider_whose_groups_give_roles_and_take_them() {
    if !component("node") {
        return;
    }
    let (mut wharf, provider) = started(&["corp"]).await;
    provider.enrol("alice", &["leads", "strangers"]).await;
    let listed = wharf.anonymous().get("/api/v1/login/issuers").await.is(200).json();
    assert_eq!(listed, json!({ "items": [{ "name": "corp", "location": "/-/login/oidc/corp" }] }));
    let mut browser = Browser::new(&wharf.base());

    let home = visit(&mut browser, &wharf, ("corp", "alice")).await;
    // What the server knew of it lies with the browser.
    wharf.kill();
    wharf.restart().await;
    let arrived = browser.open(&home).await.is(303).has_header("location", "/acme/main");

    let login = arrived.headers.get_all("set-cookie").iter().next().unwrap().to_str().unwrap();
    assert!(
        login.starts_with("wharf=wharf_login_") && login.ends_with("; HttpOnly; SameSite=Lax"),
        "{login}"
    );
    let who = me(&mut browser, &wharf).await.is(200).json();
    assert_eq!((&who["name"], &who["credential"]), (&json!("alice"), &json!("login")));
    assert_eq!(browser.cookie(&wharf.host(), "wharf-begun"), None);
    assert_eq!(role(&wharf, "alice").await.as_deref(), Some("admin"));
    wharf.admin().get("/api/v1/orgs/alice").await.is(200);
    let records = wharf.admin().get("/api/v1/audit?actor=alice&action=login").await.is(200).json();
    assert!(records["items"][0]["target"].as_str().unwrap().ends_with(" provider=corp"), "{records}");
    let secrets = home.split(['?', '&']).skip(1).filter_map(|pair| pair.split_once('='));
    for (name, value) in secrets.filter(|(name, _)| *name != "iss") {
        assert!(!wharf.log().contains(value), "the {name} stands in the log");
    }

    provider.enrol("alice", &["devs"]).await;
    let mut other = Browser::new(&wharf.base());
    let home = visit(&mut other, &wharf, ("corp", "alice")).await;
    other.open(&home).await.is(303);
    assert_eq!(role(&wharf, "alice").await.as_deref(), Some("writer"));
    provider.enrol("alice", &[]).await;
    let home = visit(&mut other, &wharf, ("corp", "alice")).await;
    other.open(&home).await.is(303);
    assert_eq!(role(&wharf, "alice").await, None, "who is in no group has no role");
    wharf.admin().delete(&format!("{ISSUERS}/corp")).await.is(204);
    me(&mut other, &wharf).await.is(401);
    assert_eq!(wharf.anonymous().get("/api/v1/login/issuers").await.is(200).json(), json!({ "items": [] }));
}

#[tokio::test]
async fn what_a_provider_sends_back_counts_once_for_one_browser_and_one_issuer() {
    if !component("node") {
        return;
    }
    let (wharf, provider) = started(&["corp", "other"]).await;
    provider.enrol("alice", &["devs"]).await;
    let mut browser = Browser::new(&wharf.base());
    let refused = async |browser: &mut Browser, home: &str| {
        browser.open(home).await.is(403);
        me(browser, &wharf).await.is(401);
    };

    let home = visit(&mut browser, &wharf, ("corp", "alice")).await;
    let mut stranger = Browser::new(&wharf.base());
    refused(&mut stranger, &home).await;
    let with = |name: &str, value: &str| {
        let mut changed = reqwest::Url::parse(&home).unwrap();
        let kept = changed
            .query_pairs()
            .filter(|(known, _)| known != name)
            .map(|(n, v)| (n.into_owned(), v.into_owned()));
        let mut pairs: Vec<(String, String)> = kept.collect();
        pairs.push((name.to_owned(), value.to_owned()));
        changed.query_pairs_mut().clear().extend_pairs(pairs);
        changed.to_string()
    };
    refused(&mut browser, &with("state", "guessed")).await;
    refused(&mut browser, &with("iss", "https://evil.example")).await;
    refused(&mut browser, &home.replace("&iss=", "&was=")).await;
    refused(&mut browser, &home.replace("/corp/", "/other/")).await;
    refused(&mut browser, &with("code", "guessed")).await;
    // Somebody else's code, in a login of one's own.
    let theirs = visit(&mut stranger, &wharf, ("corp", "alice")).await;
    let code = reqwest::Url::parse(&theirs).unwrap();
    let code = code.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    refused(&mut browser, &with("code", &code)).await;

    let home = visit(&mut browser, &wharf, ("corp", "alice")).await;
    let begun = browser.cookie(&wharf.host(), "wharf-begun").unwrap().to_owned();
    browser.open(&home).await.is(303);
    me(&mut browser, &wharf).await.is(200);
    let again = wharf
        .anonymous()
        .request("GET", &home)
        .header("cookie", &format!("wharf-begun={begun}"))
        .send()
        .await;
    again.is(403).lacks_header("set-cookie");

    let declined = browser.open(&format!("{}/-/login/oidc/other", wharf.base())).await;
    let page = browser.follow_up_to(declined, &wharf.base()).await.unwrap_err();
    assert_eq!(page.status, 200);
    let here = browser.at.to_string();
    let left = browser.open(&format!("{here}/abort")).await;
    let home = browser.follow_up_to(left, &wharf.base()).await.unwrap();
    let words = browser.open(&home).await.is(403);
    assert!(String::from_utf8_lossy(&words.body).contains("or you declined"), "{words:?}");
}

#[tokio::test]
async fn a_provider_that_does_not_know_where_a_browser_is_to_return_keeps_it() {
    if !component("node") {
        return;
    }
    let (wharf, provider) = started(&["corp"]).await;
    wharf.admin().send_json("POST", ISSUERS, &provider.record("elsewhere")).await.is(201);
    let mut browser = Browser::new(&wharf.base());
    let sent = browser.open(&format!("{}/-/login/oidc/elsewhere", wharf.base())).await.is(303);
    let kept = browser.follow_up_to(sent, &wharf.base()).await.unwrap_err().is(400);
    assert!(String::from_utf8_lossy(&kept.body).contains("redirect_uri"));
}

#[tokio::test]
async fn docker_shows_a_password_to_a_real_provider() {
    if !component("node") {
        return;
    }
    let (wharf, provider) = known(&["corp"]).await;
    provider.enrol("alice", &["devs"]).await;
    let mut record = provider.record("corp");
    (record["password"], record["browser"]) = (json!("grant"), json!("off"));
    wharf.admin().send_json("POST", ISSUERS, &record).await.is(201);

    let docker = wharf.caller("alice", "of alice").with_token(&["repository:acme/app:pull,push"]).await;
    docker.repository("acme/app").push_image(&Image::oci(1), "v1").await;

    assert_eq!(role(&wharf, "alice").await.as_deref(), Some("writer"));
    for (user, password) in [("alice", "wrong"), ("nobody", "of alice")] {
        wharf.caller(user, password).get("/api/v1/me").await.is(401);
    }
    wharf.anonymous().get("/-/login/oidc/corp").await.is(404);
}
