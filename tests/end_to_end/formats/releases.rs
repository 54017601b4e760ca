//! What is said about Python projects, what is taken away of them and never comes back, and what stands beside them.

use serde_json::{Value, json};

use super::wheel::{Distribution, INDEX, wheel_files};
use crate::harness::{Answer, Caller, Wharf, sha256};

const REGISTRY: &str = "/api/v1/orgs/acme/registries/main";
const JSON: &str = "application/vnd.pypi.simple.v1+json";

/// A server with alice, who may write in `acme`, and ada, who manages it.
async fn acme() -> (Wharf, Caller, Caller) {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let (alice, ada) = (wharf.add_user("alice", &["acme:writer"]), wharf.add_user("ada", &["acme:admin"]));
    (wharf, alice, ada)
}

/// A path of the project `foo`.
fn of_foo(rest: &str) -> String {
    format!("{REGISTRY}/repositories/pypi/foo/{rest}")
}

async fn put(caller: &Caller, rest: &str, body: Value) -> Answer {
    caller.send_json("PUT", &of_foo(rest), &body).await
}

async fn page(caller: &Caller) -> Value {
    caller.get(&format!("{INDEX}/simple/foo/?format={JSON}")).await.is(200).json()
}

/// What the page says of each file: its name and whether it is yanked.
async fn yanks(caller: &Caller) -> Vec<(String, Value)> {
    let files = page(caller).await["files"].as_array().unwrap().clone();
    files.iter().map(|file| (file["filename"].as_str().unwrap().to_owned(), file["yanked"].clone())).collect()
}

/// The wheel of a name with other bytes in it.
fn other(version: &str) -> Distribution {
    let files = wheel_files("foo", version, "other = 1\n");
    Distribution::wheel_of(&format!("foo-{version}-py3-none-any.whl"), &files).described(
        "foo",
        version,
        "bdist_wheel",
    )
}

#[tokio::test]
async fn what_is_yanked_is_shown_so_with_its_reason_and_still_served() {
    let (wharf, alice, ada) = acme().await;
    let wheels = ["1.0", "1!2.0+cpu"].map(|version| Distribution::wheel("foo", version));
    for wheel in &wheels {
        wheel.upload(&alice).await.is(200);
    }
    let [one, two] = wheels.map(|wheel| wheel.filename);
    // No tag moves by it, so it can be said of a release that no rule lets move.
    ada.send_json("PUT", &format!("{REGISTRY}/immutability/all"), &json!({})).await.is(200);

    put(&wharf.add_user("viewer", &["acme:viewer"]), "releases/1.0/yank", json!({})).await.is(403);
    put(&alice, "releases/1.0/yank", json!({ "reason": "it <breaks>" })).await.is(204);
    assert_eq!(yanks(&alice).await, [(one.clone(), json!("it <breaks>")), (two.clone(), json!(false))]);
    let html = alice.get(&format!("{INDEX}/simple/foo/")).await.is(200);
    assert!(String::from_utf8_lossy(&html.body).contains("data-yanked=\"it &lt;breaks&gt;\""));
    alice.get(&format!("{INDEX}/files/foo/{one}")).await.is(200);

    put(&alice, &format!("files/{}/yank", two.replace('+', "%2B")), json!({})).await.is(204);
    assert_eq!(yanks(&alice).await[1], (two.clone(), json!(true)));
    let status = alice.get(&of_foo("status")).await.is(200).json();
    assert_eq!((&status["status"], &status["yanked"][0]["release"]), (&json!("active"), &json!("1.0")));
    assert_eq!((&status["yanked"][1]["file"], &status["yanked"][1]["by"]), (&json!(two), &json!("alice")));

    // A version in its own spelling stands for its release too.
    alice.delete(&of_foo("releases/1!2.0+cpu/yank")).await.is(404);
    put(&alice, "releases/1!2.0+cpu/yank", json!({})).await.is(204);
    alice.delete(&of_foo("releases/1-2.0_cpu/yank")).await.is(204);
    alice.delete(&of_foo(&format!("files/{two}/yank"))).await.is(204);
    alice.delete(&of_foo("releases/1.0/yank")).await.is(204);
    alice.delete(&of_foo("releases/1.0/yank")).await.is(404);
    assert_eq!(yanks(&alice).await, [(one, json!(false)), (two, json!(false))]);

    put(&alice, "releases/3.0/yank", json!({})).await.is(404);
    put(&alice, "files/none.whl/yank", json!({})).await.is(404);
    put(&alice, "releases/1.0/yank", json!({ "reason": "two\nlines" })).await.is(400);
}

#[tokio::test]
async fn a_project_takes_and_shows_what_its_status_lets_it() {
    let (_wharf, alice, ada) = acme().await;
    let (wheel, next) = (Distribution::wheel("foo", "1.0"), Distribution::wheel("foo", "2.0"));
    wheel.upload(&alice).await.is(200);
    let file = format!("{INDEX}/files/foo/{}", wheel.filename);
    put(&alice, "status", json!({ "status": "archived" })).await.is(403);
    put(&ada, "status", json!({ "status": "gone" })).await.is(400);

    put(&ada, "status", json!({ "status": "archived", "reason": "use bar" })).await.is(204);
    assert_eq!(page(&alice).await["project-status"], json!({ "status": "archived", "reason": "use bar" }));
    let refused = next.upload(&alice).await.is(403);
    assert!(String::from_utf8_lossy(&refused.body).contains("is archived and takes nothing more (use bar)"));
    alice.get(&file).await.is(200);

    put(&ada, "status", json!({ "status": "quarantined" })).await.is(204);
    let hidden = page(&alice).await;
    assert_eq!((&hidden["files"], &hidden["project-status"]["status"]), (&json!([]), &json!("quarantined")));
    for path in [file.clone(), format!("{file}.metadata")] {
        alice.get(&path).await.is(404);
    }
    next.upload(&alice).await.is(403);
    // Who removes the repository and makes it anew does not get around it.
    alice.delete(of_foo("").trim_end_matches('/')).await.is(204);
    wheel.upload(&alice).await.is(403);

    put(&ada, "status", json!({ "status": "deprecated" })).await.is(204);
    next.upload(&alice).await.is(200);
    assert_eq!(page(&alice).await["project-status"], json!({ "status": "deprecated" }));
    for _ in 0..2 {
        put(&ada, "status", json!({ "status": "active" })).await.is(204);
    }
    assert_eq!(page(&alice).await["project-status"], json!({ "status": "active" }));
}

#[tokio::test]
async fn a_file_and_a_release_are_removed_and_their_names_stay_taken() {
    let (_wharf, alice, ada) = acme().await;
    let (wheel, source) = (Distribution::wheel("foo", "1.0"), Distribution::source("foo", "1.0"));
    let second = Distribution::wheel("foo", "2.0");
    for file in [&wheel, &source, &second] {
        file.upload(&alice).await.is(200);
    }
    alice.delete(&of_foo(&format!("files/{}", wheel.filename))).await.is(204);
    alice.delete(&of_foo(&format!("files/{}", wheel.filename))).await.is(404);
    let names = yanks(&alice).await.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names, [source.filename, second.filename.clone()]);
    alice.delete(&of_foo("releases/1.0")).await.is(204);
    alice.delete(&of_foo("releases/1.0")).await.is(404);
    alice.repository("acme/main/pypi/foo").manifest("1.0").await.is(404);
    assert_eq!(page(&alice).await["versions"], json!(["2.0"]));
    let taken = other("1.0").upload(&alice).await.is(400);
    assert!(taken.body.starts_with(b"This filename has already been used"), "{taken:?}");

    // Nor do they come back with a repository, or with a whole registry, that is made anew.
    alice.delete(of_foo("").trim_end_matches('/')).await.is(204);
    other("2.0").upload(&alice).await.is(400);
    second.upload(&alice).await.is(200);
    wheel.upload_to(&alice, "acme/team").await.is(404);
    for _ in 0..2 {
        ada.send_json("POST", "/api/v1/orgs/acme/registries", &json!({ "name": "team" })).await.is(201);
        other("1.0").upload_to(&alice, "acme/team").await.is(200);
        wheel.upload_to(&alice, "acme/team").await.is(400);
        ada.delete("/api/v1/orgs/acme/registries/team?force=true").await.is(204);
    }
}

#[tokio::test]
async fn a_release_that_is_set_back_lists_what_it_listed() {
    let (_wharf, alice, _) = acme().await;
    let wheels = ["py3", "cp312", "cp313"]
        .map(|python| Distribution::tagged_wheel("foo", "1.0", &format!("{python}-none-any")));
    let (repository, mut indexes) = (alice.repository("acme/main/pypi/foo"), Vec::new());
    for wheel in &wheels {
        wheel.upload(&alice).await.is(200);
        indexes.push(repository.manifest("1.0").await.is(200).header("docker-content-digest").to_owned());
    }
    put(&alice, &format!("files/{}/yank", wheels[0].filename), json!({})).await.is(204);
    let roll_back = async |index: &str| {
        let path = of_foo("tags/1.0/rollback");
        alice.send_json("POST", &path, &json!({ "digest": index })).await.is(204);
        let mut names: Vec<_> = yanks(&alice).await.into_iter().map(|(name, _)| name).collect();
        names.sort();
        names.len()
    };
    assert_eq!(roll_back(&indexes[0]).await, 1);
    assert_eq!(yanks(&alice).await, [(wheels[0].filename.clone(), json!(true))], "what was said stands");
    assert_eq!(roll_back(&indexes[1]).await, 2);
    alice.delete(&of_foo("tags/1.0")).await.is(204);
    alice.get(&format!("{INDEX}/simple/foo/")).await.is(404);
    assert_eq!(roll_back(&indexes[2]).await, 3);
    Distribution::tagged_wheel("foo", "1.0", "cp314-none-any").upload(&alice).await.is(200);
    assert_eq!(repository.manifest("1.0").await.is(200).json()["manifests"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn a_project_is_described_as_json_for_bots() {
    let (_wharf, alice, _) = acme().await;
    for version in ["1.9", "1.10", "2.0rc1"] {
        Distribution::wheel("Foo", version).upload(&alice).await.is(200);
    }
    let described = alice.get(&format!("{INDEX}/Foo/json")).await.is(200).json();
    let info = &described["info"];
    assert_eq!((&info["name"], &info["version"]), (&json!("Foo"), &json!("1.10")));
    assert_eq!((&info["summary"], &info["description"]), (&json!("A test"), &json!("Text\n")));
    assert_eq!(described["releases"].as_object().unwrap().len(), 3);
    let [file] = described["urls"].as_array().unwrap().as_slice() else { panic!("one file: {described}") };
    assert_eq!((&file["python_version"], &file["yanked"]), (&json!("py3"), &json!(false)));
    let path = file["url"].as_str().unwrap();
    let path = &path[path.find("/pypi/").unwrap()..];
    let bytes = alice.get(path).await.is(200).body;
    assert_eq!(sha256(&bytes), format!("sha256:{}", file["digests"]["sha256"].as_str().unwrap()));

    put(&alice, "releases/1.10/yank", json!({ "reason": "broken" })).await.is(204);
    let described = alice.get(&format!("{INDEX}/foo/json")).await.is(200).json();
    assert_eq!(described["info"]["version"], "1.9");
    let yanked = alice.get(&format!("{INDEX}/foo/1.10/json")).await.is(200).json();
    assert_eq!((&yanked["info"]["yanked_reason"], yanked.get("releases")), (&json!("broken"), None));
    alice.get(&format!("{INDEX}/foo/3.0/json")).await.is(404);
    alice.get(&format!("{INDEX}/bar/json")).await.is(404);
}
