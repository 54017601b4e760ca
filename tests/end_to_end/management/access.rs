//! Every endpoint of the management API against every caller, from the checked-in `management_table.txt`. The list of
//! endpoints is the server's own description of itself: one without its rows fails here.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::world::{World, organisation, pem};
use crate::harness::Wharf;

/// In the order of the columns.
pub(super) const CALLERS: [&str; 9] =
    ["anonymous", "stranger", "viewer", "writer", "admin", "robot", "narrowed", "foreign", "operator"];

struct Row {
    kind: &'static str,
    method: &'static str,
    path: &'static str,
    statuses: Vec<u16>,
}

fn rows() -> Vec<Row> {
    let lines = include_str!("../management_table.txt").lines().map(str::trim);
    let row = |line: &'static str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let statuses = words[3..].iter().map(|word| word.parse().expect("a status is a number"));
        Row { kind: words[0], method: words[1], path: words[2], statuses: statuses.collect() }
    };
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(row).collect()
}

#[tokio::test]
async fn every_caller_of_the_management_gets_what_the_table_says() {
    let world = World::build().await;
    let mut wrong = Vec::new();

    for row in rows() {
        let mut found = Vec::new();
        for caller in CALLERS {
            let path = world.filled(row.path, (row.kind, caller)).await;
            let request = world.caller(caller, row.kind).request(row.method, &format!("/api/v1{path}"));
            let request = match body(row.method, row.path, &world) {
                Some(body) => request.body(body.to_string().replace("{org}", organisation(row.kind))),
                None => request,
            };
            found.push(request.send().await.status);
        }
        if found != row.statuses {
            let found: Vec<String> = found.iter().map(u16::to_string).collect();
            wrong.push(format!("{} {} {} {}", row.kind, row.method, row.path, found.join(" ")));
        }
    }

    assert!(wrong.is_empty(), "{} rows are wrong; they were:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn no_endpoint_lacks_its_rows() {
    let wharf = Wharf::start().await;
    let document = wharf.anonymous().get("/api/openapi.json").await.is(200).json();
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let path = path.strip_prefix("/api/v1").unwrap();
            // What lies in an organisation is asked for in a closed one and in one that shows something.
            let kinds: &[&str] =
                if path.starts_with("/orgs/") { &["private", "public"] } else { &["private"] };
            let rows = kinds.iter().map(|kind| ((*kind).to_owned(), method.to_uppercase(), path.to_owned()));
            described.extend(rows);
        }
    }

    let key = |row: Row| {
        let template = row.path.split('?').next().unwrap().replace("{fresh-", "{");
        (row.kind.to_owned(), row.method.to_owned(), template)
    };
    assert_eq!(rows().into_iter().map(key).collect::<BTreeSet<_>>(), described);
}

/// What is sent along: something right, so that only the caller decides.
fn body(method: &str, path: &str, world: &World) -> Option<Value> {
    let number = world.number();
    // Rules that are about nothing that other rows ask for.
    let nothing = json!({ "repositories": ["nothing"] });
    let everywhere = json!([{ "repositories": "acme/app", "actions": ["pull"] }]);
    match (method, path) {
        ("POST", "/orgs") => Some(json!({ "name": format!("made{number}") })),
        ("POST", "/users") => Some(json!({ "name": format!("made{number}"), "password": "a-password" })),
        ("POST", "/tokens") => Some(json!({ "name": "made", "access": everywhere })),
        ("POST", "/orgs/{org}/registries") => Some(json!({ "name": format!("made{number}") })),
        ("POST", "/orgs/{org}/robots") => Some(json!({ "name": format!("made{number}"), "role": "viewer" })),
        ("POST", "/orgs/{org}/robots/{robot}/tokens") => Some(json!({ "name": "made" })),
        ("PATCH", "/orgs/{org}/registries/{registry}") => Some(json!({ "redirect": "on" })),
        ("POST", "/orgs/{org}/webhooks") => {
            Some(json!({ "url": "https://receiver.invalid/", "events": ["blob.delete"] }))
        }
        ("POST", "/issuers") => {
            let name = format!("made{number}");
            Some(json!({ "name": name, "url": "https://issuer.invalid", "client_id": "wharf" }))
        }
        ("PUT", "/issuers/{fresh-issuer}/groups") => Some(json!({ "groups": [] })),
        ("POST", "/orgs/{org}/issuers") => {
            let name = format!("made{number}");
            Some(json!({ "name": name, "url": format!("https://{name}.invalid") }))
        }
        ("POST", "/orgs/{org}/issuers/{fresh-issuer}/rules") => {
            let access = json!([{ "repositories": "{org}/app", "actions": ["pull"] }]);
            Some(json!({ "name": "made", "claims": { "sub": "job" }, "access": access }))
        }
        ("PATCH", "/orgs/{org}/webhooks/{fresh-webhook}") => Some(json!({ "enabled": false })),
        ("PATCH", "/users/{fresh-user}") => Some(json!({ "disabled": true })),
        ("PUT", "/orgs/{org}/members/{user}") => Some(json!({ "role": "viewer" })),
        ("PUT", "/orgs/{org}/quota") => Some(json!({ "quota_bytes": null })),
        ("POST", path) if path.ends_with("/keys") => {
            Some(json!({ "name": format!("made{number}"), "pem": pem() }))
        }
        ("PUT", path) if path.contains("/immutability/") => Some(json!({ "select": nothing })),
        ("PUT" | "POST", path) if path.contains("/retention/") => {
            Some(json!({ "select": nothing, "keep_days": 9 }))
        }
        ("POST", path) if path.ends_with("/rollback") => Some(json!({ "digest": world.image.digest() })),
        ("PUT", path) if path.ends_with("/yank") => Some(json!({})),
        ("PUT", path) if path.ends_with("/status") => Some(json!({ "status": "archived" })),
        ("PUT", path) if path.ends_with("/person") => Some(json!({ "given_name": "Ada" })),
        ("POST", "/login") => Some(json!({ "name": "nobody-here", "password": "no-password" })),
        ("POST", "/me/totp") => Some(json!({ "password": "not-the-password" })),
        ("PUT" | "DELETE", "/me/totp") => Some(json!({ "code": "123456" })),
        ("POST", "/sign-up") => Some(json!({
            "name": format!("made{number}"), "password": "a-password", "email": format!("made{number}@mail.example"),
            "given_name": "Ada", "family_name": "Made",
        })),
        ("POST", "/resets/request") => Some(json!({ "email": "nobody@mail.example" })),
        ("POST", "/verifications") => Some(json!({ "token": "wharf_proof_none" })),
        ("POST", "/resets") => Some(json!({ "token": "wharf_link_none", "password": "a-password" })),
        ("POST", "/me/invitations") => Some(json!({ "token": "none" })),
        ("POST", "/orgs/{org}/invitations") => Some(json!({ "role": "viewer" })),
        ("PUT", "/me/password") => Some(json!({ "current": "not-it", "new": "another-one" })),
        _ => None,
    }
}
