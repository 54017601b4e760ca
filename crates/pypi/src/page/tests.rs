//! What the pages show.

use serde_json::{Value, json};
use wharf_core::Timestamp;
use wharf_registry::port::ListedRow;

use super::*;

fn row(filename: &str, version: &str) -> ListedRow {
    let kind = if filename.ends_with(".whl") { "bdist_wheel" } else { "sdist" };
    let digest = format!("sha256:{}", "a".repeat(64));
    let attributes = json!({
        "filename": filename, "kind": kind, "name": "Foo", "version": version, "digest": digest, "size": 7,
        "metadata": digest, "requires_python": ">=3.8,<4",
    });
    ListedRow {
        id: 1,
        digest: digest.parse().unwrap(),
        media_type: "a/b".to_owned(),
        size: 1,
        created_at: Timestamp::from_microseconds(1_700_000_000_000_042),
        release: version.to_owned(),
        subject: "foo".to_owned(),
        attributes: attributes.to_string(),
    }
}

fn pages(rows: &[ListedRow]) -> (Value, String) {
    noticed(rows, &[])
}

fn noticed(rows: &[ListedRow], notices: &[NoticeRow]) -> (Value, String) {
    let (rows, notices) = (rows.to_vec(), notices.to_vec());
    let digest = "a".repeat(64);
    let attested = |filename: &str| json!({ "kind": "attestation", "filename": filename, "sha256": digest, "predicates": [] });
    let beside = ["foo-1.0.tar.gz", "gone-1.0.tar.gz"].map(|filename| {
        let mut attested = attested(filename);
        attested["publisher"] = json!({ "kind": "Google", "email": "ci@acme.example" });
        attested.to_string()
    });
    let unverified = attested("foo-1.1.tar.gz").to_string();
    let beside = beside.into_iter().chain([unverified]).collect();
    let place = "acme/main/pypi/foo".parse().unwrap();
    let listing = format::RepositoryListing { place, rows, notices, beside };
    let pages = project(&listing, Some("https://wharf.example")).unwrap();
    let [json, html] = pages.as_slice() else { panic!("two pages") };
    (serde_json::from_slice(&json.bytes).unwrap(), String::from_utf8(html.bytes.to_vec()).unwrap())
}

#[test]
fn files_stand_by_version_and_each_name_once() {
    let names = [
        ("foo-1.10-py3-none-any.whl", "1.10"),
        ("foo-1.9.tar.gz", "1.9"),
        ("foo-1.9-py3-none-any.whl", "1.9"),
    ];
    let rows: Vec<_> = names.iter().chain(&names[..1]).map(|(name, version)| row(name, version)).collect();
    let (json, html) = pages(&rows);
    let listed: Vec<_> =
        json["files"].as_array().unwrap().iter().map(|file| file["filename"].as_str().unwrap()).collect();
    assert_eq!(listed, ["foo-1.9-py3-none-any.whl", "foo-1.9.tar.gz", "foo-1.10-py3-none-any.whl"]);
    assert_eq!(json["versions"], json!(["1.9", "1.10"]));
    assert_eq!(html.matches("<a ").count(), 3);
}

#[test]
fn each_version_stands_once_even_where_two_are_equal() {
    let names = [
        ("foo-1.0-1-py3-none-any.whl", "1.0"),
        ("foo-1.0.0-1-py3-none-any.whl", "1.0.0"),
        ("foo-1.0.tar.gz", "1.0"),
        ("foo-1.0.0.tar.gz", "1.0.0"),
    ];
    let (json, _) = pages(&names.map(|(name, version)| row(name, version)));
    assert_eq!(json["versions"], json!(["1.0", "1.0.0"]));
    assert_eq!(json["files"][2]["filename"], "foo-1.0.0.tar.gz", "the versions alternate");
}

#[test]
fn a_page_shows_what_installers_ask_for() {
    let (json, html) =
        pages(&[row("foo-1!1.0+cpu-py3-none-any.whl", "1!1.0+cpu"), row("foo-1.0.tar.gz", "1.0")]);
    let (source, wheel) = (&json["files"][0], &json["files"][1]);
    assert_eq!(wheel["url"], "../../files/foo/foo-1%211.0%2Bcpu-py3-none-any.whl");
    assert_eq!(wheel["upload-time"], "2023-11-14T22:13:20.000042Z");
    assert_eq!((&wheel["size"], &wheel["requires-python"]), (&json!(7), &json!(">=3.8,<4")));
    assert_eq!(wheel["core-metadata"], json!({ "sha256": "a".repeat(64) }));
    assert_eq!(source["core-metadata"], false);
    let provenance = "https://wharf.example/pypi/acme/main/integrity/foo/1.0/foo-1.0.tar.gz/provenance";
    assert_eq!((&source["provenance"], wheel.get("provenance")), (&json!(provenance), None));
    assert_eq!(html.matches(&format!("data-provenance=\"{provenance}\"")).count(), 1);
    assert_eq!(json["meta"]["api-version"], "1.4");
    assert!(html.contains("data-requires-python=\"&gt;=3.8,&lt;4\""), "{html}");
    assert_eq!(html.matches("data-core-metadata").count(), 1);
}

fn notice(about: About, says: Says, reason: Option<&str>) -> NoticeRow {
    let reason = reason.map(str::to_owned);
    NoticeRow { about, says, reason, at: Timestamp::default(), by: "alice".to_owned() }
}

#[test]
fn a_page_shows_what_is_yanked_and_why() {
    let rows = ["foo-1.0.tar.gz", "foo-1.0-py3-none-any.whl"].map(|name| row(name, "1.0"));
    let release = notice(About::Release("1.0".parse().unwrap()), Says::Yanked, None);
    let file = notice(About::Part("foo-1.0.tar.gz".to_owned()), Says::Yanked, Some("\"broken\" <build>"));
    let (json, html) = noticed(&rows, &[release, file]);
    assert_eq!(json["files"][0]["yanked"], true);
    assert_eq!(json["files"][1]["yanked"], "\"broken\" <build>", "the file's own reason");
    assert!(
        html.contains("data-yanked=\"\"")
            && html.contains("data-yanked=\"&quot;broken&quot; &lt;build&gt;\"")
    );
    let (json, html) = pages(&rows);
    assert_eq!(json["files"][0]["yanked"], false);
    assert!(!html.contains("data-yanked"));
}

#[test]
fn a_project_shows_what_becomes_of_it() {
    let rows = [row("foo-1.0.tar.gz", "1.0")];
    let (json, html) = noticed(&rows, &[notice(About::All, Says::Archived, Some("use <bar>"))]);
    assert_eq!(json["project-status"], json!({ "status": "archived", "reason": "use <bar>" }));
    assert_eq!(json["files"].as_array().unwrap().len(), 1);
    assert!(html.contains("\"pypi:project-status\" content=\"archived\""));
    assert!(html.contains("\"pypi:project-status-reason\" content=\"use &lt;bar&gt;\""));
    let (json, html) = noticed(&rows, &[notice(About::All, Says::Quarantined, None)]);
    assert_eq!((&json["files"], &json["versions"]), (&json!([]), &json!([])));
    assert_eq!(
        (&json["name"], &json["project-status"]),
        (&json!("foo"), &json!({ "status": "quarantined" }))
    );
    assert!(!html.contains("<a "));
}

#[test]
fn a_page_shows_the_newest_of_more_files_than_it_holds() {
    let rows: Vec<ListedRow> =
        ["1.0", "1.1", "1.2"].map(|version| row(&format!("foo-{version}.tar.gz"), version)).into();
    let place = "acme/main/pypi/foo".parse().unwrap();
    let listing = format::RepositoryListing { place, rows, notices: Vec::new(), beside: Vec::new() };
    let names = |most: usize| {
        let files = last(files(&listing).unwrap(), most);
        files.into_iter().map(|shown| shown.file.version).collect::<Vec<_>>()
    };
    let each = files(&listing).unwrap().iter().map(ListedFile::weight).max().unwrap();
    assert_eq!(names(each * 3), ["1.0", "1.1", "1.2"]);
    assert_eq!(names(each * 3 - 1), ["1.1", "1.2"]);
    assert!(names(each - 1).is_empty());
}
