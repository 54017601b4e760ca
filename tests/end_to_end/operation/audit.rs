//! The audit log: who did what is found there, sealed, and found out if it is changed.

use std::fs;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::formats::Chart;
use crate::harness::{ADMIN_PASSWORD, Caller, IN_FILES, Image, Wharf};

/// Verifies; the exit code and what was told.
fn verify(wharf: &Wharf, arguments: &[&str]) -> (Option<i32>, Vec<Value>) {
    let output = wharf.try_command(&[&["audit", "verify", "--json"], arguments].concat(), "");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    let told = told.lines().map(|line| serde_json::from_str(line).expect("nothing but JSON")).collect();
    (output.status.code(), told)
}

/// What the audit log of an organisation says, the latest first, once it says this.
async fn records(wharf: &Wharf, query: &str, says: &str) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let answer = wharf.admin().get(&format!("/api/v1/orgs/acme/audit?{query}")).await;
        let records = answer.is(200).json()["items"].as_array().unwrap().clone();
        if records.iter().any(|record| record["action"] == says) {
            return records;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{says} is not recorded: {records:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn who_did_what_by_which_token_and_from_where_is_found() {
    let wharf = Wharf::start().await;
    let (image, app) = (Image::oci(1), wharf.admin().repository("acme/app"));
    app.push_image(&image, "v1").await;
    let (writer, viewer) =
        (wharf.add_user("writer", &["acme:writer"]), wharf.add_user("viewer", &["acme:viewer"]));
    let made = writer.request("POST", "/api/v1/tokens").body(r#"{"name":"ci"}"#).send().await;
    let token = made.is(201).json();
    let (id, text) = (token["id"].as_str().unwrap(), token["token"].as_str().unwrap());
    let by_token = wharf.caller("writer", text).repository("acme/app");
    by_token.put_manifest("v2", "application/vnd.oci.image.manifest.v1+json", &image.manifest).await.is(201);
    by_token.manifest("v2").await.is(200);
    viewer
        .repository("acme/app")
        .put_manifest("v3", "application/vnd.oci.image.manifest.v1+json", &image.manifest)
        .await
        .is(403);

    let made = records(&wharf, "", "organisation.create").await;
    let of = |action: &str| made.iter().find(|record| record["action"] == action).cloned().unwrap();
    assert_eq!(of("organisation.create")["actor"], "admin", "a push made it");
    assert_eq!(of("repository.create")["repository"], "acme/app");
    let pushed = records(&wharf, "action=manifest.push&actor=writer", "manifest.push").await;
    let [pushed] = &pushed[..] else { panic!("{pushed:?}") };
    assert_eq!(pushed["target"], "v2");
    assert_eq!(pushed["digest"], image.digest());
    assert_eq!(pushed["address"], "127.0.0.1");
    assert!(pushed["credential"].as_str().unwrap().ends_with(&format!("token:{id}")), "{pushed}");
    let pulled = records(&wharf, "repository=acme/app&action=manifest.pull", "manifest.pull").await;
    assert_eq!((&pulled[0]["actor"], &pulled[0]["target"]), (&json!("writer"), &json!("v2")));
    let refused = records(&wharf, "actor=viewer", "access.refused").await;
    assert!(refused.iter().any(|record| record["target"] == "push"), "{refused:?}");
    let query = format!("digest={}&n=1", image.digest());
    let page = wharf.admin().get(&format!("/api/v1/orgs/acme/audit?{query}")).await.is(200);
    assert_eq!(page.json()["items"].as_array().unwrap().len(), 1);
    assert!(page.header("link").contains("digest=sha256"), "the next page asks the same");

    let exported = wharf.admin().get("/api/v1/orgs/acme/audit/export").await.is(200);
    let exported = String::from_utf8(exported.body.to_vec()).unwrap();
    let lines: Vec<_> = exported.lines().collect();
    assert!(lines.iter().all(|line| line.contains(r#""organisation":"acme""#)), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("manifest.push")));
    let unknown = wharf.admin().get("/api/v1/orgs/acme/audit?who=admin").await;
    unknown.is(400);
}

#[tokio::test]
async fn who_may_publish_a_chart_is_not_recorded_as_refused() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let alice = wharf.add_user("alice", &["acme:writer"]);
    let narrowed = async |name: &str, repositories: &str| {
        let access = json!([{ "repositories": repositories, "actions": ["pull", "push"] }]);
        let token = json!({ "name": name, "access": access });
        let made = alice.send_json("POST", "/api/v1/tokens", &token).await.is(201).json();
        wharf.caller("alice", made["token"].as_str().unwrap())
    };
    let upload = async |caller: &Caller, packaged: Bytes| {
        caller.request("POST", "/helm/acme/main/api/charts").body(packaged).send().await
    };
    let (app, elsewhere) = (narrowed("app", "acme/app").await, narrowed("team", "acme/team/*").await);

    upload(&app, Chart::new("app", "1.0.0").packaged()).await.is(201);
    upload(&app, Chart::new("web", "1.0.0").packaged()).await.is(404);
    upload(&elsewhere, Bytes::from_static(b"it is not read")).await.is(404);

    // Once the last is there, all are.
    records(&wharf, "repository=acme/any", "access.refused").await;
    let refused = records(&wharf, "action=access.refused", "access.refused").await;
    let places: Vec<_> = refused.iter().map(|record| record["repository"].as_str().unwrap()).collect();
    assert_eq!(places, ["acme/any", "acme/web"], "the latest first");
}

#[tokio::test]
async fn an_organisation_reads_what_the_operator_did_in_it_by_command() {
    let wharf = Wharf::start().await;
    let admin = wharf.add_user("alice", &["acme:admin"]);
    wharf.set_public("acme/main", true);
    let target = async |action: &str| {
        let found = admin.get(&format!("/api/v1/orgs/acme/audit?action={action}")).await.is(200).json();
        let [record] = &found["items"].as_array().unwrap()[..] else { panic!("{action}: {found}") };
        assert_eq!(record["actor"], "command line");
        record["target"].as_str().unwrap().to_owned()
    };
    assert_eq!(target("member.set").await, "alice admin");
    assert_eq!(target("registry.set").await, "acme/main public=true");
}

#[tokio::test]
async fn what_was_shown_in_vain_is_recorded() {
    let wharf = Wharf::start().await;
    let (alice, nobody, admin) = (wharf.add_user("alice", &[]), wharf.anonymous(), wharf.admin());
    let password = json!({ "password": "the-password-of-alice" });
    alice.send_json("POST", "/api/v1/me/totp", &password).await.is(200);
    for (caller, method, path, body, status) in [
        (&alice, "PUT", "/api/v1/me/totp", json!({ "code": "000000" }), 403),
        (&alice, "PUT", "/api/v1/me/password", json!({ "current": "not-it", "new": "a-new-password" }), 403),
        (&alice, "POST", "/api/v1/me/invitations", json!({ "token": "wharf_invitation_guess" }), 403),
        (&nobody, "POST", "/api/v1/resets", json!({ "token": "guess", "password": "a-new-password" }), 403),
        (&nobody, "POST", "/api/v1/verifications", json!({ "token": "guess" }), 403),
        (&nobody, "POST", "/_/oidc/mint-token", json!({ "token": "guess" }), 422),
    ] {
        caller.send_json(method, path, &body).await.is(status);
    }

    let begun = Instant::now();
    for (action, actor) in [
        ("totp.refused", "alice"),
        ("password.refused", "alice"),
        ("invitation.refused", "alice"),
        ("reset.refused", ""),
        ("verification.refused", ""),
        ("workload.refused", ""),
    ] {
        let record = loop {
            let found = admin.get(&format!("/api/v1/audit?action={action}")).await.is(200).json();
            if let Some(record) = found["items"].get(0) {
                break record.clone();
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "{action} is not recorded");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert_eq!((&record["actor"], &record["address"]), (&json!(actor), &json!("127.0.0.1")), "{action}");
        assert!(!record.to_string().contains("guess"), "{record}");
    }
}

#[tokio::test]
async fn a_log_verifies_and_not_against_a_head_it_never_had() {
    let mut wharf = Wharf::start_in_files(&[]).await;
    wharf.add_user("witness", &["acme:viewer"]);
    let begun = Instant::now();
    let told = loop {
        let (code, told) = verify(&wharf, &[]);
        assert_eq!(code, Some(0), "{told:?}");
        if told[0]["verified"]["head"].is_string() && told[0]["verified"]["unsealed"] == 0 {
            break told;
        }
        assert!(begun.elapsed() < Duration::from_secs(15), "it is never sealed: {told:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let head = told[0]["verified"]["head"].as_str().unwrap().to_owned();
    assert!(wharf.stop().await.success());
    let (code, told) = verify(&wharf, &["--noted", &head]);
    assert_eq!(code, Some(0), "while nobody serves: {told:?}");
    let export = wharf.data.with_file_name("audit.jsonl");
    // As a process leaves it that is killed meanwhile.
    fs::write(export.with_extension("jsonl.part"), "torn").unwrap();
    let done = wharf.try_command(&["audit", "export", "--output", export.to_str().unwrap()], "");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let exported = fs::read_to_string(&export).unwrap();
    let told = wharf.try_command(&["audit", "export"], "").stdout;
    assert!(told.ends_with(b"}\n") && !told.ends_with(b"\n\n"), "each line is JSON");
    assert!(exported.lines().last().unwrap().starts_with(r#"{"head":{"month":"#), "{exported}");
    assert!(exported.contains(r#""target":"witness""#), "{exported}");

    // What fails leaves nothing, and an export is never written over.
    let other = wharf.data.with_file_name("other.jsonl");
    let none = ["audit", "export", "--month", "1999-01", "--output", other.to_str().unwrap()];
    assert_eq!(wharf.try_command(&none, "").status.code(), Some(1));
    let again = wharf.try_command(&["audit", "export", "--output", export.to_str().unwrap()], "");
    assert_eq!(again.status.code(), Some(1));
    let beside = fs::read_dir(export.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name());
    let exports = beside.filter(|name| name.to_string_lossy().contains(".jsonl")).collect::<Vec<_>>();
    assert_eq!(exports, ["audit.jsonl"]);
    assert_eq!(fs::read_to_string(&export).unwrap(), exported);

    // A head that this log never had, as if it was noted before somebody wrote the log anew.
    let (place, root) = head.rsplit_once('/').unwrap();
    let other = format!("{place}/{}", root.chars().rev().collect::<String>());
    let (code, told) = verify(&wharf, &["--noted", &other]);
    assert_eq!((code, &told[0]["found"]), (Some(10), &json!("rewritten")), "{told:?}");
    let plain = wharf.try_command(&["audit", "verify", "--noted", &other], "");
    assert!(String::from_utf8_lossy(&plain.stdout).contains("the root was another one"));
    let nonsense = wharf.try_command(&["audit", "verify", "--noted", "yesterday"], "");
    assert_eq!(nonsense.status.code(), Some(2), "{nonsense:?}");
}

#[tokio::test]
async fn pulls_are_not_recorded_where_that_is_off() {
    let settings = [("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_AUDIT_PULLS", "off")];
    let wharf = Wharf::start_with(&[&settings[..], &IN_FILES].concat()).await;
    let (image, app) = (Image::oci(1), wharf.admin().repository("acme/app"));
    app.push_image(&image, "v1").await;
    app.manifest("v1").await.is(200);
    let viewer = wharf.add_user("viewer", &["acme:viewer"]);
    viewer.repository("acme/app").delete_manifest("v1").await.is(403);
    let records = records(&wharf, "", "access.refused").await;
    assert!(records.iter().all(|record| record["action"] != "manifest.pull"), "{records:?}");
}
