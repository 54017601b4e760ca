//! Webhooks, with receivers in this process that check the signature, fail, hang, and redirect to where nothing is
//! brought.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{ADMIN_PASSWORD, Caller, Image, Wharf};

const HOOKS: &str = "/api/v1/orgs/acme/webhooks";
const PATIENCE: Duration = Duration::from_secs(20);

/// A request as the receiver got it: its headers in lower case, and its body.
#[derive(Clone)]
struct Got {
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// What a receiver does with the next request, in turn; with all after the last as with that.
#[derive(Clone)]
enum Manner {
    Answers(&'static str),
    Redirects(String),
    Hangs,
}

#[derive(Clone)]
struct Receiver {
    url: String,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    async fn start(manners: Vec<Manner>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let receiver = Self { url, got: Arc::default() };
        let (serving, turn) = (receiver.clone(), Arc::<Mutex<usize>>::default());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().take(stream, manners.clone(), turn.clone()));
            }
        });
        receiver
    }

    async fn take(self, mut stream: TcpStream, manners: Vec<Manner>, turn: Arc<Mutex<usize>>) {
        while let Some(got) = read(&mut stream).await {
            self.got.lock().unwrap().push(got);
            let manner = {
                let mut turn = turn.lock().unwrap();
                let manner = manners.get(*turn).or(manners.last()).unwrap().clone();
                *turn += 1;
                manner
            };
            let head = match manner {
                Manner::Hangs => return tokio::time::sleep(Duration::from_secs(60)).await,
                Manner::Answers(status) => format!("HTTP/1.1 {status}\r\n"),
                Manner::Redirects(to) => format!("HTTP/1.1 307 Elsewhere\r\nlocation: {to}\r\n"),
            };
            stream.write_all(format!("{head}content-length: 0\r\n\r\n").as_bytes()).await.unwrap();
        }
    }

    /// What it got, once that is so much.
    async fn got(&self, count: usize) -> Vec<Got> {
        let begun = Instant::now();
        loop {
            let got = self.got.lock().unwrap().clone();
            if got.len() >= count {
                return got;
            }
            assert!(begun.elapsed() < PATIENCE, "{} of {count} requests came", got.len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Got> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            assert!(head.starts_with("POST /hook HTTP/1.1"), "{head}");
            let pair =
                |line: &str| line.split_once(": ").map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()));
            let headers: BTreeMap<_, _> = head.lines().skip(1).filter_map(pair).collect();
            let length: usize = headers["content-length"].parse().unwrap();
            if let Some(body) = bytes.get(end + 4..end + 4 + length) {
                return Some(Got { headers, body: body.to_vec() });
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return None;
        }
    }
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// As a receiver does it, by the words of Standard Webhooks.
    fn expect_signed(&self, secret: &str) {
        let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let (id, at) = (&self.headers["webhook-id"], &self.headers["webhook-timestamp"]);
        let signed = [format!("{id}.{at}.").as_bytes(), &self.body].concat();
        let signature = self.headers["webhook-signature"].strip_prefix("v1,").unwrap();
        let signature = BASE64_STANDARD.decode(signature).unwrap();
        hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &key), &signed, &signature).expect("it is signed");
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        assert!(now.abs_diff(at.parse().unwrap()) < 60, "it is signed now");
    }
}

async fn start(settings: &[(&str, &str)]) -> Wharf {
    let usual = [("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_WEBHOOK_HOSTS", "127.0.0.1")];
    let wharf = Wharf::start_with(&[&usual[..], settings].concat()).await;
    wharf.found(&["acme"]).await;
    wharf
}

/// Makes a webhook; its path and its secret.
async fn hook(admin: &Caller, url: &str, events: &[&str]) -> (String, String) {
    let made = admin.send_json("POST", HOOKS, &json!({"url": url, "events": events})).await.is(201);
    (made.location(), made.json()["secret"].as_str().unwrap().to_owned())
}

/// A webhook's deliveries, the latest first, once they are like this.
async fn deliveries(admin: &Caller, hook: &str, like: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let answer = admin.get(&format!("{hook}/deliveries")).await.is(200);
        let deliveries = answer.json()["items"].as_array().unwrap().clone();
        if like(&deliveries) {
            return deliveries;
        }
        assert!(begun.elapsed() < PATIENCE, "{deliveries:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_push_is_told_once_signed_and_in_order_and_again_when_asked() {
    let wharf = start(&[]).await;
    let (admin, receiver) = (wharf.admin(), Receiver::start(vec![Manner::Answers("204 Taken")]).await);
    let (path, secret) = hook(&admin, &receiver.url, &["manifest.push"]).await;
    let (image, app) = (Image::oci(1), admin.repository("acme/app"));
    app.push_image(&image, "v1").await;
    app.put_manifest("v2", "application/vnd.oci.image.manifest.v1+json", &image.manifest).await.is(201);
    app.delete_manifest("v2").await.is(202);
    let got = receiver.got(2).await;
    for (got, tag) in got.iter().zip(["v1", "v2"]) {
        got.expect_signed(&secret);
        assert_eq!(got.headers["content-type"], "application/cloudevents+json; charset=utf-8");
        let event = got.json();
        assert_eq!((&event["specversion"], &event["type"]), (&json!("1.0"), &json!("wharf.manifest.push")));
        assert_eq!(event["id"], got.headers["webhook-id"]);
        assert_eq!(
            (&event["subject"], &event["data"]["tag"]),
            (&json!(format!("acme/app:{tag}")), &json!(tag))
        );
        assert_eq!(
            (&event["data"]["digest"], &event["data"]["actor"]),
            (&json!(image.digest()), &json!("admin"))
        );
    }
    let told = deliveries(&admin, &path, |all| all.iter().all(|one| one["state"] == "delivered")).await;
    assert_eq!((told.len(), &told[0]["status"], &told[0]["attempts"]), (2, &json!(204), &json!(1)));
    let again = format!("{path}/deliveries/{}/redeliver", told[0]["id"]);
    admin.post(&again).await.is(201);
    let third = receiver.got(3).await.remove(2);
    assert_eq!(third.headers["webhook-id"], got[1].headers["webhook-id"], "the same message");
    third.expect_signed(&secret);
    let shown = admin.get(&path).await.is(200);
    assert!(!String::from_utf8_lossy(&shown.body).contains("whsec_"), "the secret is shown once");
}

#[tokio::test]
async fn who_fails_is_told_again_and_who_hangs_holds_nobody_else_up() {
    let wharf = start(&[]).await;
    let admin = wharf.admin();
    let failing = vec![Manner::Answers("503 Later"), Manner::Answers("200 OK")];
    let (failing, hanging) = (Receiver::start(failing).await, Receiver::start(vec![Manner::Hangs]).await);
    let good = Receiver::start(vec![Manner::Answers("200 OK")]).await;
    let (failing_path, _) = hook(&admin, &failing.url, &[]).await;
    hook(&admin, &hanging.url, &[]).await;
    hook(&admin, &good.url, &[]).await;
    admin.repository("acme/app").push_empty_index(&["v1"]).await;
    hanging.got(1).await;
    admin.repository("acme/app").push_empty_index(&["v2", "v3"]).await;
    let told: Vec<_> = good.got(3).await.iter().map(|got| got.json()["data"]["sequence"].clone()).collect();
    assert_eq!(told, [json!(1), json!(2), json!(3)], "in order");
    assert_eq!(hanging.got(1).await.len(), 1, "it still hangs");
    let got = failing.got(4).await;
    let ids: Vec<_> = got.iter().map(|got| got.headers["webhook-id"].clone()).collect();
    assert!(ids[0] == ids[1] && ids[1] != ids[2] && ids[2] != ids[3], "the first until it is taken: {ids:?}");
    let told =
        deliveries(&admin, &failing_path, |all| all.iter().all(|one| one["state"] == "delivered")).await;
    assert_eq!(told.last().unwrap()["attempts"], 2);
    assert_eq!(admin.get(&failing_path).await.is(200).json()["failing_since"], Value::Null);
}

#[tokio::test]
async fn who_names_a_kind_of_events_is_told_of_no_other() {
    let wharf = start(&[]).await;
    let (admin, receiver) = (wharf.admin(), Receiver::start(vec![Manner::Answers("204 Taken")]).await);
    hook(&admin, &receiver.url, &["tag.rollback"]).await;
    let (first, second, app) = (Image::oci(1), Image::oci(2), admin.repository("acme/app"));
    app.push_image(&first, "latest").await;
    app.push_image(&second, "latest").await;
    let rollback = "/api/v1/orgs/acme/registries/main/repositories/app/tags/latest/rollback";
    admin.send_json("POST", rollback, &json!({ "digest": first.digest() })).await.is(204);
    app.push_image(&second, "latest").await;
    let got = receiver.got(1).await.remove(0).json();
    assert_eq!((&got["type"], &got["data"]["sequence"]), (&json!("wharf.tag.rollback"), &json!(3)));
}

#[tokio::test]
async fn nothing_is_brought_to_a_private_place() {
    let wharf = start(&[("WHARF_WEBHOOK_HOSTS", ""), ("WHARF_WEBHOOK_PATIENCE", "1s")]).await;
    let admin = wharf.admin();
    for url in [
        "http://127.0.0.1/hook",
        "http://[::1]/hook",
        "http://[::ffff:10.0.0.1]/hook",
        "http://0x7f.1/hook",
        "http://169.254.169.254/latest/meta-data/",
    ] {
        let refused = admin.send_json("POST", HOOKS, &json!({ "url": url })).await.is(403);
        let said = refused.json()["detail"].to_string();
        // No setting opens the addresses at which clouds tell secrets.
        assert_eq!(said.contains("setting webhook_hosts"), !url.contains("169.254"), "{said}");
    }
    for url in ["ftp://example.com/", "http://a:b@example.com/", "no url"] {
        admin.send_json("POST", HOOKS, &json!({ "url": url })).await.is(400);
    }
    admin.send_json("POST", HOOKS, &json!({"url": "https://example.com/", "events": ["all"]})).await.is(400);
    // A name is judged by the address it has when something is brought there.
    let receiver = Receiver::start(vec![Manner::Answers("200 OK")]).await;
    let (path, _) = hook(&admin, &receiver.url.replace("127.0.0.1", "localhost"), &[]).await;
    admin.repository("acme/app").push_empty_index(&["v1"]).await;
    let told = deliveries(&admin, &path, |all| all.iter().any(|one| one["state"] == "failed")).await;
    let error = told[0]["error"].as_str().unwrap();
    assert!(error.contains("in a private network"), "{error}");
    assert!(receiver.got(0).await.is_empty());
}

#[tokio::test]
async fn no_redirect_is_followed_and_who_never_takes_anything_is_switched_off() {
    let settings = [("WHARF_WEBHOOK_PATIENCE", "1s"), ("WHARF_WEBHOOK_GIVE_UP", "1s")];
    let wharf = start(&settings).await;
    let (admin, app) = (wharf.admin(), wharf.admin().repository("acme/app"));
    let private = Receiver::start(vec![Manner::Answers("200 OK")]).await;
    let receiver = Receiver::start(vec![Manner::Redirects(private.url.clone())]).await;
    let (path, _) = hook(&admin, &receiver.url, &[]).await;
    app.push_empty_index(&["v1"]).await;
    let told = deliveries(&admin, &path, |all| all.iter().any(|one| one["state"] == "failed")).await;
    assert_eq!(told[0]["status"], 307);

    let begun = Instant::now();
    loop {
        let hook = admin.get(&path).await.is(200).json();
        if hook["enabled"] == false {
            assert_eq!(hook["disabled_why"], "it took nothing for too long");
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "it is never switched off: {hook}");
        app.push_empty_index(&["v1"]).await;
        app.delete_manifest("v1").await.is(202);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(private.got(0).await.is_empty(), "no redirect is followed");
    let found = admin.get("/api/v1/orgs/acme/audit?action=webhook.disable").await.is(200).json();
    assert_eq!(found["items"][0]["actor"], "webhooks");
    let made = admin.get("/api/v1/orgs/acme/audit?action=webhook.create").await.is(200).json();
    let id = path.rsplit('/').next().unwrap();
    assert!(made["items"][0]["target"].as_str().unwrap().starts_with(&format!("{id} ")), "{made}");
    let again = admin.send_json("PATCH", &path, &json!({"enabled": true})).await.is(200);
    assert_eq!(again.json()["enabled"], true);
    admin.delete(&path).await.is(204);
    admin.get(&path).await.is(404);
}
