//! Registries that have their content from elsewhere: how they are set, who sees it, and that nothing is pushed to them.

use serde_json::{Value, json};

use crate::formats::wheel::Distribution;
use crate::harness::{Caller, Wharf};

const ALL: &str = "/api/v1/orgs/acme/registries";

async fn acme() -> (Wharf, Caller) {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let owner = wharf.add_user("owner", &["acme:admin"]);
    (wharf, owner)
}

fn upstream(url: &str) -> Value {
    json!({ "url": url, "protocol": "python", "username": "reader", "password": "a-secret-word" })
}

#[tokio::test]
async fn a_proxy_is_made_with_its_upstream_whose_password_nobody_sees() {
    let (wharf, owner) = acme().await;
    let new = json!({
        "name": "mirror", "kind": "proxy", "public": true, "upstream": upstream("https://index.example/simple"),
        "reserved": ["acme"], "cooldown_days": 7, "lookalikes": "warn", "popular": ["requests"],
    });
    let made = owner.send_json("POST", ALL, &new).await.is(201);
    assert!(!String::from_utf8_lossy(&made.body).contains("a-secret-word"));
    let mirror = owner.get(&format!("{ALL}/mirror")).await.is(200).json();
    assert_eq!(
        mirror["upstream"],
        json!({ "url": "https://index.example/simple/", "protocol": "python", "username": "reader" })
    );
    assert_eq!((&mirror["kind"], &mirror["reserved"]), (&json!("proxy"), &json!(["acme"])));
    assert_eq!((&mirror["cooldown_days"], &mirror["lookalikes"]), (&json!(7), &json!("warn")));

    let stranger = wharf.add_user("stranger", &[]);
    let seen = stranger.get(&format!("{ALL}/mirror")).await.is(200).json();
    assert_eq!((&seen["kind"], &seen["upstream"]), (&json!("proxy"), &Value::Null), "whose affair is that?");
    let changed = json!({ "upstream": { "url": "http://other.example/", "protocol": "python" } });
    let changed = owner.send_json("PATCH", &format!("{ALL}/mirror"), &changed).await.is(200).json();
    assert_eq!(changed["upstream"], json!({ "url": "http://other.example/", "protocol": "python" }));
    wharf.stop_and_search_for("a-secret-word").await;
}

impl Wharf {
    /// Ends the server and looks for a word in all that it wrote.
    async fn stop_and_search_for(mut self, word: &str) {
        self.stop().await;
        assert!(!self.log().contains(word));
        for entry in std::fs::read_dir(&self.data).unwrap() {
            let path = entry.unwrap().path();
            let bytes = if path.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
            let holds = bytes.windows(word.len()).any(|window| window == word.as_bytes());
            assert!(!holds, "{} holds the word", path.display());
        }
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_leaves_nothing() {
    let (_wharf, owner) = acme().await;
    let make = async |fields: Value| {
        let mut new = json!({ "name": "other" });
        new.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        owner.send_json("POST", ALL, &new).await
    };
    for bad in [
        json!({ "kind": "proxy" }),
        json!({ "kind": "mirror" }),
        json!({ "upstream": upstream("https://index.example/") }),
        json!({ "kind": "proxy", "upstream": upstream("https://alice:word@index.example/") }),
        json!({ "kind": "proxy", "upstream": upstream("file:///etc/passwd") }),
        json!({ "kind": "proxy", "upstream": { "url": "https://a.example/", "protocol": "gopher" } }),
        json!({ "kind": "proxy", "upstream": { "url": "https://a.example/", "protocol": "python", "username": "a" } }),
        json!({ "kind": "virtual", "members": ["nothing"] }),
        json!({ "kind": "virtual", "members": ["main", "main"] }),
        json!({ "kind": "virtual", "members": ["other"] }),
        json!({ "kind": "virtual", "cooldown_days": 1000 }),
        json!({ "kind": "virtual", "reserved": ["Not_Normal"] }),
        json!({ "members": ["main"] }),
        json!({ "reserved": ["acme"] }),
    ] {
        make(bad.clone()).await.is(400);
        owner.get(&format!("{ALL}/other")).await.is(404);
    }
    make(json!({ "kind": "virtual", "members": ["main"] })).await.is(201);
    let circle = json!({ "name": "outer", "kind": "virtual", "members": ["other"] });
    owner.send_json("POST", ALL, &circle).await.is(201);
    let circle = json!({ "members": ["main", "outer"] });
    owner.send_json("PATCH", &format!("{ALL}/other"), &circle).await.is(400);
    owner.send_json("PATCH", &format!("{ALL}/main"), &json!({ "kind": "virtual" })).await.is(409);
}

#[tokio::test]
async fn nothing_is_pushed_to_a_proxy_or_a_virtual_registry() {
    let (_wharf, owner) = acme().await;
    let proxy = json!({ "name": "mirror", "kind": "proxy", "upstream": upstream("https://index.example/") });
    owner.send_json("POST", ALL, &proxy).await.is(201);
    owner
        .send_json("POST", ALL, &json!({ "name": "all", "kind": "virtual", "members": ["main"] }))
        .await
        .is(201);
    for (registry, words) in [("mirror", "is a proxy"), ("all", "is virtual")] {
        let refused = owner.post(&format!("/v2/acme/{registry}/app/blobs/uploads/")).await.is(405);
        let said = refused.first_error()["message"].as_str().unwrap().to_owned();
        assert!(said.contains(words), "{said}");
        let wheel = Distribution::wheel("foo", "1.0").upload_to(&owner, &format!("acme/{registry}")).await;
        assert!(String::from_utf8_lossy(&wheel.is(405).body).contains(words));
    }
}

#[tokio::test]
async fn the_command_line_sets_the_same() {
    let (wharf, owner) = acme().await;
    let login = ["--upstream-user", "reader", "--password-stdin"];
    let proxy =
        ["registry", "set", "acme/mirror", "--kind", "proxy", "--upstream", "https://index.example/simple"];
    wharf.command(&[&proxy[..], &login].concat(), "a-secret-word");
    let shown = ["registry", "set", "acme/all", "--kind", "virtual", "--members", "main,mirror"];
    wharf.command(&[&shown[..], &["--reserved", "acme"]].concat(), "");
    let all = owner.get(&format!("{ALL}/all")).await.is(200).json();
    assert_eq!((&all["members"], &all["reserved"]), (&json!(["main", "mirror"]), &json!(["acme"])));
    let mirror = owner.get(&format!("{ALL}/mirror")).await.is(200).json();
    assert_eq!(mirror["upstream"]["protocol"], "python");
    assert_eq!(mirror["upstream"]["username"], "reader");
}
