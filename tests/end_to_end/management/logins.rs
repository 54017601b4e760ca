//! Logins of browsers, and the second factor.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::items;
use crate::harness::{ADMIN_PASSWORD, Answer, Caller, Certificate, Wharf};

const PASSWORD: &str = "the-password-of-alice";

/// A browser that is logged in: what it sends by itself, and what its pages add.
struct Browser {
    caller: Caller,
    cookie: String,
    proof: String,
}

impl Browser {
    fn of(wharf: &Wharf, answer: &Answer) -> Self {
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        let proof = answer.json()["proof"].as_str().unwrap().to_owned();
        Self { caller: wharf.anonymous(), cookie, proof }
    }

    async fn get(&self, path: &str) -> Answer {
        self.caller.request("GET", path).header("cookie", &self.cookie).send().await
    }

    async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let origin = self.caller.base.clone();
        self.send_with(method, path, (&[("origin", &origin), ("x-wharf-proof", &self.proof)], body)).await
    }

    async fn send_with(
        &self,
        method: &str,
        path: &str,
        (headers, body): (&[(&str, &str)], Option<&Value>),
    ) -> Answer {
        let mut request = self.caller.request(method, path).header("cookie", &self.cookie);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        match body {
            Some(body) => request.body(body.to_string()).send().await,
            None => request.header("content-length", "0").send().await,
        }
    }
}

async fn log_in(wharf: &Wharf, code: Option<&str>) -> Answer {
    let mut body = json!({ "name": "alice", "password": PASSWORD });
    if let Some(code) = code {
        body["code"] = json!(code);
    }
    wharf.anonymous().send_json("POST", "/api/v1/login", &body).await
}

#[tokio::test]
async fn a_browser_is_known_by_its_cookie_until_it_logs_out() {
    let wharf = Wharf::start().await;
    wharf.add_user("alice", &[]);
    let answer = log_in(&wharf, None).await.is(200).has_header("cache-control", "no-store");
    let set = answer.header("set-cookie");
    assert!(set.starts_with("wharf=wharf_login_"), "{set}");
    assert!(set.ends_with("; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax"), "{set}");
    let (browser, other) = (Browser::of(&wharf, &answer), Browser::of(&wharf, &log_in(&wharf, None).await));

    let me = browser.get("/api/v1/me").await.is(200).json();
    assert_eq!((&me["name"], &me["credential"]), (&json!("alice"), &json!("login")));
    assert_eq!(browser.get("/api/v1/login").await.is(200).json()["proof"], browser.proof);
    let listed = browser.get("/api/v1/me/logins").await.is(200).json();
    let logins = listed["items"].as_array().unwrap();
    assert_eq!(
        logins.iter().map(|login| &login["current"]).collect::<Vec<_>>(),
        [&json!(true), &json!(false)]
    );
    let path = format!("/api/v1/me/logins/{}", logins[1]["id"].as_str().unwrap());
    browser.send("DELETE", &path, None).await.is(204);
    other.get("/api/v1/me").await.is(401);
    let token =
        browser.send("POST", "/api/v1/tokens", Some(&json!({ "name": "by a page" }))).await.is(201).json();
    wharf.anonymous().bearing(token["token"].as_str().unwrap()).get("/api/v1/me").await.is(200);

    let out = browser.send("DELETE", "/api/v1/login", None).await.is(204);
    assert!(
        out.header("set-cookie").starts_with("wharf=; Path=/; Max-Age=0"),
        "{}",
        out.header("set-cookie")
    );
    browser.get("/api/v1/me").await.is(401);
    browser.get("/api/v1/sign-up").await.is(200);
    let records = wharf.admin().get("/api/v1/audit?actor=alice&action=login.delete").await.is(200);
    assert_eq!(items(&records, "action").len(), 2);
}

#[tokio::test]
async fn a_cookie_opens_nothing_but_the_management_and_changes_nothing_for_a_foreign_page() {
    let wharf = Wharf::start().await;
    let alice = wharf.add_user("alice", &[]);
    alice.get("/api/v1/me").await.is(200);
    let browser = Browser::of(&wharf, &log_in(&wharf, None).await.is(200));
    let (base, proof) = (browser.caller.base.clone(), browser.proof.clone());

    for path in ["/v2/", "/v2/alice/app/tags/list", "/pypi/alice/main/simple/", "/helm/alice/main/index.yaml"]
    {
        browser.get(path).await.is(401);
    }
    let token = browser.get("/token?service=wharf&scope=repository:alice/app:push").await.is(200).json();
    assert_eq!(token["scope"], "", "the cookie is no login there");
    let body = json!({ "name": "made" });
    let proof = ("x-wharf-proof", proof.as_str());
    for headers in [
        vec![],
        vec![("origin", base.as_str())],
        vec![proof],
        vec![proof, ("origin", "http://evil.example")],
        vec![proof, ("origin", "null")],
        vec![proof, ("origin", base.as_str()), ("sec-fetch-site", "cross-site")],
        vec![proof, ("origin", base.as_str()), ("sec-fetch-site", "same-site")],
        vec![("x-wharf-proof", "guessed"), ("origin", base.as_str())],
    ] {
        browser.send_with("POST", "/api/v1/tokens", (&headers, Some(&body))).await.is(403);
    }
    let good = [proof, ("sec-fetch-site", "same-origin")];
    browser.send_with("POST", "/api/v1/tokens", (&good, Some(&body))).await.is(201);
    assert_eq!(items(&alice.get("/api/v1/tokens").await.is(200), "name"), ["made"]);
    let request = wharf.anonymous();
    let request = request.request("POST", "/api/v1/login").header("origin", "http://evil.example");
    request.body(json!({ "name": "alice", "password": PASSWORD }).to_string()).send().await.is(403);
}

#[tokio::test]
async fn a_login_ends_with_the_password_with_the_user_and_when_nobody_uses_it() {
    let wharf = Wharf::start().await;
    wharf.add_user("alice", &[]);
    let admin = wharf.admin();
    let browser = Browser::of(&wharf, &log_in(&wharf, None).await.is(200));
    wharf.change_password("alice", "another-password");
    browser.get("/api/v1/me").await.is(401);
    wharf.change_password("alice", PASSWORD);
    let browser = Browser::of(&wharf, &log_in(&wharf, None).await.is(200));
    admin.send_json("PATCH", "/api/v1/users/alice", &json!({ "disabled": true })).await.is(200);
    browser.get("/api/v1/me").await.is(401);
    log_in(&wharf, None).await.is(401);
    admin.send_json("PATCH", "/api/v1/users/alice", &json!({ "disabled": false })).await.is(200);
    browser.get("/api/v1/me").await.is(401);

    let quick = [("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_LOGIN_IDLE", "1s")];
    let wharf = Wharf::start_with(&quick).await;
    wharf.add_user("alice", &[]);
    let browser = Browser::of(&wharf, &log_in(&wharf, None).await.is(200));
    browser.get("/api/v1/me").await.is(200);
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    browser.get("/api/v1/me").await.is(401);
}

#[tokio::test]
async fn over_tls_the_cookie_is_for_this_host_alone() {
    let certificate = Certificate::new();
    let wharf = Wharf::start_secure(&certificate, &[]).await;
    let wish = json!({ "name": "admin", "password": ADMIN_PASSWORD });
    let answer = wharf.anonymous().send_json("POST", "/api/v1/login", &wish).await.is(200);
    let set = answer.header("set-cookie");
    assert!(set.starts_with("__Host-wharf=wharf_login_") && set.ends_with("; SameSite=Lax; Secure"), "{set}");
    let browser = Browser::of(&wharf, &answer);
    browser.get("/api/v1/me").await.is(200);
    let plain = Browser { cookie: browser.cookie.replace("__Host-", ""), ..browser };
    plain.get("/api/v1/me").await.is(401);
}

/// The code of a seed some half minutes from now, as RFC 6238 has it.
fn code(secret: &str, steps: u64) -> String {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits = secret.chars().map(|letter| alphabet.find(letter).expect("base32"));
    let (mut seed, mut rest, mut held) = (Vec::new(), 0_usize, 0_u32);
    for value in bits {
        (rest, held) = ((rest << 5) | value, held + 5);
        if held >= 8 {
            held -= 8;
            seed.push(u8::try_from((rest >> held) & 0xff).unwrap());
            rest &= (1 << held) - 1;
        }
    }
    let step = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 30 + steps;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &seed);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag[19] & 0xf);
    let number = u32::from_be_bytes(tag[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// Sets a second factor up; its seed and its recovery codes.
async fn set_up(browser: &Browser) -> (String, Vec<String>) {
    browser.send("POST", "/api/v1/me/totp", Some(&json!({ "password": "not-the-password" }))).await.is(403);
    let begun =
        browser.send("POST", "/api/v1/me/totp", Some(&json!({ "password": PASSWORD }))).await.is(200).json();
    let secret = begun["secret"].as_str().unwrap().to_owned();
    let url = begun["url"].as_str().unwrap();
    assert!(
        url.starts_with("otpauth://totp/Wharf:alice?") && url.contains(&format!("secret={secret}")),
        "{url}"
    );
    let confirm =
        async |code: &str| browser.send("PUT", "/api/v1/me/totp", Some(&json!({ "code": code }))).await;
    confirm(&code(&secret, 1000)).await.is(403);
    let confirmed = confirm(&code(&secret, 0)).await.is(200).json();
    let codes = confirmed["recovery_codes"].as_array().unwrap();
    (secret, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
}

#[tokio::test]
async fn with_a_second_factor_a_password_alone_opens_nothing_and_a_code_opens_once() {
    let wharf = Wharf::start().await;
    let alice = wharf.add_user("alice", &[]);
    let token = alice.send_json("POST", "/api/v1/tokens", &json!({ "name": "ci" })).await.is(201).json();
    let browser = Browser::of(&wharf, &log_in(&wharf, None).await.is(200));
    let other = Browser::of(&wharf, &log_in(&wharf, None).await.is(200));
    let (secret, recovery) = set_up(&browser).await;
    assert_eq!(recovery.len(), 10);

    browser.get("/api/v1/me").await.is(200);
    other.get("/api/v1/me").await.is(401);
    for path in ["/v2/", "/token?service=wharf", "/api/v1/me", "/pypi/alice/main/simple/"] {
        let refused = alice.get(path).await.is(401);
        let words = String::from_utf8_lossy(&refused.body).into_owned();
        assert!(words.contains("API token"), "{path}: {words}");
    }
    let by_token = wharf.caller("alice", token["token"].as_str().unwrap());
    by_token.get("/v2/").await.is(200);
    let refused = log_in(&wharf, None).await.is(401).json();
    assert!(refused["detail"].as_str().unwrap().contains("a code is needed too"), "{refused}");
    log_in(&wharf, Some("000000")).await.is(401);
    let next = code(&secret, 1);
    log_in(&wharf, Some(&next)).await.is(200);
    log_in(&wharf, Some(&next)).await.is(401);
    log_in(&wharf, Some(&recovery[0])).await.is(200);
    log_in(&wharf, Some(&recovery[0])).await.is(401);
    let state = browser.get("/api/v1/me/totp").await.is(200).json();
    assert_eq!(state, json!({ "enabled": true, "recovery_codes": 9 }));
    let again = json!({ "password": PASSWORD });
    browser.send("POST", "/api/v1/me/totp", Some(&again)).await.is(409);
    let remove =
        async |code: &str| browser.send("DELETE", "/api/v1/me/totp", Some(&json!({ "code": code }))).await;
    remove("000000").await.is(403);
    remove(&recovery[1]).await.is(204);
    alice.get("/v2/").await.is(200);
}

#[tokio::test]
async fn codes_are_guessed_no_more_often_than_passwords_and_the_operator_helps_who_lost_his() {
    let wharf = Wharf::start().await;
    let alice = wharf.add_user("alice", &[]);
    let browser = Browser::of(&wharf, &log_in(&wharf, None).await.is(200));
    let (_, recovery) = set_up(&browser).await;
    for _ in 0..10 {
        log_in(&wharf, Some("000000")).await.any_of(&[401, 429]);
    }
    log_in(&wharf, Some(&recovery[0])).await.is(429);
    wharf.admin().delete("/api/v1/users/alice/totp").await.is(204);
    wharf.admin().delete("/api/v1/users/alice/totp").await.is(404);
    wharf.change_password("alice", PASSWORD);
    alice.get("/v2/").await.is(200);
}
