//! Python packages: from another index, in both forms of its pages, and from a folder.

use std::fs;

use bytes::Bytes;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Shell;
use super::stage::{Said, Stage};
use crate::formats::wheel::{Distribution, INDEX};
use crate::harness::{ADMIN_PASSWORD, Image, Wharf, sha256};

/// The files of a project on a Wharf, by name, with their digests.
async fn files(wharf: &Wharf, project: &str) -> Vec<(String, String)> {
    let path = format!("{INDEX}/simple/{project}/?format=application/vnd.pypi.simple.v1+json");
    let page: Value = wharf.admin().get(&path).await.is(200).json();
    let told = |file: &Value| {
        let digest = file["hashes"]["sha256"].as_str().unwrap();
        (file["filename"].as_str().unwrap().to_owned(), format!("sha256:{digest}"))
    };
    page["files"].as_array().unwrap().iter().map(told).collect()
}

fn told(files: &[&Distribution]) -> Vec<(String, String)> {
    files.iter().map(|file| (file.filename.clone(), sha256(&file.bytes))).collect()
}

fn projects_of(target: &Wharf) -> String {
    format!("{}/acme/main/pypi", target.host())
}

#[tokio::test]
async fn an_index_is_brought_with_equal_digests_and_again_nothing_is_sent() {
    let (source, target) = (Wharf::start().await, Wharf::start().await);
    let (one, two) = (Distribution::wheel("foo", "1.0"), Distribution::source("foo", "1.0"));
    let (three, other) = (Distribution::wheel("foo", "1!2.0+cpu"), Distribution::wheel("bar", "1.0"));
    for file in [&one, &two, &three, &other] {
        file.upload(&source.admin()).await.is(200);
    }
    let shell = Shell::at(&[&target]).await;
    let index = format!("http://admin:{ADMIN_PASSWORD}@{}{INDEX}/simple/", source.host());
    let to = projects_of(&target);
    let all = ["--from-index", &index, "--all", &to];
    assert_eq!(shell.import(&[&all[..], &["--dry-run"]].concat()).await.ends_with(0).count("missing"), 3);

    let imported = shell.import(&all).await.ends_with(0);

    assert_eq!((imported.count("imported"), imported.count("failed")), (3, 0));
    assert!(imported.lines.iter().all(|line| !line.to_string().contains(ADMIN_PASSWORD)));
    assert_eq!(files(&target, "foo").await, told(&[&one, &two, &three]));
    assert_eq!(files(&target, "bar").await, told(&[&other]));
    let again = shell.import(&all).await.ends_with(0);
    assert_eq!((again.count("imported"), again.count("present")), (0, 3));

    // The release is one like any other: it grows with the next upload.
    Distribution::tagged_wheel("foo", "1.0", "cp312-none-any").upload(&target.admin()).await.is(200);
    let release = target.admin().repository("acme/main/pypi/foo").manifest("1.0").await.is(200).json();
    assert_eq!(release["manifests"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn an_index_of_html_that_breaks_off_is_gone_on_with_and_what_cannot_be_brought_is_named() {
    let target = Wharf::start().await;
    let (wheel, lying) = (Distribution::wheel("foo", "1.0"), Distribution::wheel("foo", "2.0"));
    let hex = |bytes: &[u8]| sha256(bytes).replace("sha256:", "");
    let page = format!(
        "<html><body><!-- <a href=\"no\">no</a> --><a href='files/one#sha256={}'>{}</a><br>\
         <a href=\"files/two#sha256={}\">{}</a><a href=\"files/three#md5=aa\">foo-3.0.tar.gz</a>\
         <a href=\"files/four#sha256={}\">Foo-4.0.tar.gz</a></body></html>",
        hex(&wheel.bytes),
        wheel.filename,
        "0".repeat(64),
        lying.filename,
        "1".repeat(64),
    );
    let (good, bad) = (wheel.bytes.clone(), lying.bytes.clone());
    let stage = Stage::start(&Image::oci(1), move |heard, before| {
        let html = |body: &str| Said::new(200, body.to_owned()).with("content-type", "text/html");
        let from =
            heard.header("range").map(|range| range["bytes=".len()..].trim_end_matches('-').to_owned());
        let part = |bytes: &Bytes| match from.as_ref().and_then(|from| from.parse::<usize>().ok()) {
            Some(from) => Said::new(206, bytes.slice(from..)),
            None => Said::new(200, bytes.clone()),
        };
        Some(match heard.target.as_str() {
            "/simple/" => html("<a href=/simple/foo/>foo</a>"),
            "/simple/foo/" => html(&page),
            "/simple/foo/files/one" if heard.method == "GET" && before == 0 => {
                Said { cut: Some(100), ..part(&good) }
            }
            "/simple/foo/files/one" => part(&good),
            "/simple/foo/files/two" | "/simple/foo/files/four" => part(&bad),
            _ => Said::new(404, ""),
        })
    })
    .await;
    let shell = Shell::at(&[&target]).await;
    let index = format!("http://{}/simple", stage.host);
    let imported =
        shell.import(&["--from-index", &index, "foo", &format!("{}/foo", projects_of(&target))]).await;
    let imported = imported.ends_with(3);

    assert_eq!((imported.count("imported"), imported.count("failed")), (1, 3));
    let reasons: Vec<_> = imported.lines.iter().filter_map(|line| line["reason"].as_str()).collect();
    for words in ["does not tell its SHA-256", "should be", "another digest"] {
        assert!(reasons.iter().any(|reason| reason.contains(words)), "{words}: {reasons:?}");
    }
    assert_eq!(files(&target, "foo").await, told(&[&wheel]));
    let ranges = stage.heard().iter().filter(|heard| heard.header("range").is_some()).count();
    assert!(ranges > 0, "it went on where it broke off");
}

#[tokio::test]
async fn a_folder_of_packages_is_brought_and_what_lies_is_named() {
    let (target, folder) = (Wharf::start().await, TempDir::new().unwrap());
    let (wheel, source) = (Distribution::wheel("foo", "1.0"), Distribution::source("foo", "1.0"));
    let deeper = Distribution::wheel("bar", "1.0");
    fs::create_dir(folder.path().join("deeper")).unwrap();
    for (path, bytes) in [
        (wheel.filename.as_str(), &wheel.bytes),
        (&source.filename, &source.bytes),
        (&format!("deeper/{}", deeper.filename), &deeper.bytes),
        ("README", &Bytes::from("no package")),
        ("foo-2.0-py3-none-any.whl", &Bytes::from("no wheel either")),
    ] {
        fs::write(folder.path().join(path), bytes).unwrap();
    }
    let shell = Shell::at(&[&target]).await;
    let arguments = ["--from-packages", folder.path().to_str().unwrap(), "--all", &projects_of(&target)];

    let imported = shell.import(&arguments).await.ends_with(3);

    assert!(imported.reason().contains("Invalid distribution file"), "{}", imported.reason());
    assert_eq!(files(&target, "foo").await, told(&[&wheel, &source]));
    assert_eq!(files(&target, "bar").await, told(&[&deeper]));
    let nowhere = shell.import(&["--from-packages", "/nowhere", "--all", &projects_of(&target)]).await;
    nowhere.ends_with(1);
    // What an import would list is what an upload would.
    let again = wheel.upload(&target.admin()).await;
    again.is(200);
    let unknown = json!({ "reason": null });
    let yank = "/api/v1/orgs/acme/registries/main/repositories/pypi/foo/releases/1.0/yank";
    target.admin().send_json("PUT", yank, &unknown).await.is(204);
}
