//! Charts are recognised, read, and held to what they say of themselves.

use bytes::Bytes;
use serde_json::{Value, json};

use super::chart::{CONFIG, CONTENT, Chart};
use crate::harness::{Repository, Wharf, descriptor, media_type::OCI_MANIFEST, sha256};

async fn at(name: &str) -> (Wharf, Repository) {
    let wharf = Wharf::start().await;
    let repository = wharf.admin().repository(&format!("acme/main/{name}"));
    (wharf, repository)
}

#[tokio::test]
async fn a_chart_is_read_with_its_documents() {
    let (_wharf, repository) = at("charts/app").await;
    let mut chart = Chart::new("app", "1.2.3+build");
    let digest = sha256(&chart.packaged());
    chart.provenance =
        Some(format!("-----BEGIN PGP SIGNED MESSAGE-----\n\n...\nfiles:\n  app-1.2.3.tgz: {digest}\n"));
    let pushed = chart.push(&repository, "1.2.3_build").await.is(201);
    let answer = repository.facts("1.2.3_build").await.is(200).json();
    let [fact] = answer["items"].as_array().unwrap().as_slice() else { panic!("one fact: {answer}") };
    assert_eq!((&fact["format"], &fact["subject"]), (&json!("helm"), &json!("app")));
    assert_eq!(fact["repository"], "acme/main/charts/app");
    assert_eq!(fact["digest"], pushed.header("docker-content-digest"));
    assert_eq!(fact["tags"], json!(["1.2.3_build"]));
    assert_eq!(fact["documents"], json!(["readme", "values"]));
    let attributes = &fact["attributes"];
    assert_eq!((&attributes["version"], &attributes["appVersion"]), (&json!("1.2.3+build"), &json!("1.10")));
    assert_eq!(attributes["dependencies"][0]["name"], "redis");
    assert_eq!(attributes["content"]["digest"], digest);
    assert_eq!(attributes["provenance"]["names_content"], true);
    let readme = repository.document("1.2.3_build", "readme").await.is(200).has_body(b"# app\n");
    readme
        .has_header("content-type", "text/markdown; charset=utf-8")
        .has_header("x-content-type-options", "nosniff");
    repository.document("1.2.3_build", "values-schema").await.is(404);
    repository.document("no-such-tag", "readme").await.is(404);
}

#[tokio::test]
async fn an_image_has_no_facts_and_a_deleted_chart_none_any_more() {
    let (_wharf, repository) = at("app").await;
    repository.push_image(&crate::harness::Image::oci(1), "image").await;
    assert_eq!(repository.facts("image").await.is(200).json(), json!({ "items": [] }));
    let digest = Chart::new("app", "1.0.0").push(&repository, "1.0.0").await.is(201);
    let digest = digest.header("docker-content-digest");
    assert_eq!(repository.facts(digest).await.is(200).json()["items"].as_array().unwrap().len(), 1);
    repository.delete_manifest(digest).await.is(202);
    repository.facts(digest).await.is(404);
    Chart::new("app", "1.0.0").push(&repository, "1.0.0").await.is(201);
    assert_eq!(repository.facts(digest).await.is(200).json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_chart_that_lies_about_itself_is_refused_in_words() {
    let (_wharf, repository) = at("charts/app").await;
    let honest = Chart::new("app", "1.0.0");
    let other = Chart::new("other", "1.0.0");
    let mut liar = honest.clone();
    liar.config["name"] = json!("another");
    let mut older = honest.clone();
    older.config["version"] = json!("0.9.0");
    let mut nameless = honest.clone();
    nameless.files.remove(0);
    let mut broken = honest.clone();
    broken.files[0].1 = b"name: [".to_vec();
    for (chart, tag, words) in [
        (
            &other,
            "1.0.0",
            "the chart is called \"other\" by its Chart.yaml, but is pushed to a repository called \"app\"",
        ),
        (&honest, "2.0.0", "the chart has version 1.0.0 by its Chart.yaml, but is tagged 2.0.0"),
        (&liar, "1.0.0", "the chart is app 1.0.0 by its Chart.yaml, and another 1.0.0 by its config"),
        (&older, "1.0.0", "the chart is app 1.0.0 by its Chart.yaml, and app 0.9.0 by its config"),
        (&nameless, "1.0.0", "the chart has no Chart.yaml"),
        (&broken, "1.0.0", "Chart.yaml cannot be read"),
    ] {
        let refusal = chart.push(&repository, tag).await.is(400).error("MANIFEST_INVALID").first_error();
        let told = refusal["message"].as_str().unwrap();
        assert!(told.starts_with(words), "{told}");
        repository.manifest(tag).await.is(404);
    }
    honest.push(&repository, "1.0.0").await.is(201);
    honest.push(&repository, "stable").await.is(201);
    honest.push(&repository, "2.0.0").await.is(400);
}

#[tokio::test]
async fn a_chart_without_its_one_content_is_refused() {
    let (_wharf, repository) = at("app").await;
    let chart = Chart::new("app", "1.0.0");
    let manifest = chart.push_blobs(&repository).await;
    let mut manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let content = manifest["layers"][0].clone();
    for layers in [json!([]), json!([content, content])] {
        manifest["layers"] = layers;
        let bytes = Bytes::from(manifest.to_string());
        let refusal = repository.put_manifest("1.0.0", OCI_MANIFEST, &bytes).await.is(400).first_error();
        assert_eq!(refusal["message"], format!("a chart has exactly one layer of type {CONTENT}"));
    }
}

#[tokio::test]
async fn a_chart_whose_content_is_missing_is_refused_or_where_that_is_accepted_stored_unread() {
    let (wharf, repository) = at("app").await;
    let config = Bytes::from(Chart::new("app", "1.0.0").config.to_string());
    repository.push_blob(&config).await;
    let absent = descriptor(CONTENT, b"nobody pushed this");
    let manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor(CONFIG, &config), "layers": [absent],
    });
    let manifest = Bytes::from(manifest.to_string());
    let refusal = repository.put_manifest("1.0.0", OCI_MANIFEST, &manifest).await.is(400);
    assert_eq!(
        refusal.error("MANIFEST_BLOB_UNKNOWN").first_error()["detail"]["digests"][0],
        absent["digest"]
    );
    wharf.set_missing_content("acme/main", "accept");
    repository.put_manifest("1.0.0", OCI_MANIFEST, &manifest).await.is(201);
    assert_eq!(repository.facts("1.0.0").await.is(200).json(), json!({ "items": [] }));
}

#[tokio::test]
async fn a_chart_that_was_stored_unread_is_read_when_it_is_pushed_again() {
    let (wharf, repository) = at("app").await;
    wharf.found(&["acme"]).await;
    wharf.set_missing_content("acme/main", "accept");
    let chart = Chart::new("app", "1.0.0");
    let elsewhere = wharf.admin().repository("acme/main/elsewhere");
    let manifest = chart.push_blobs(&elsewhere).await;
    repository.put_manifest("1.0.0", OCI_MANIFEST, &manifest).await.is(201);
    assert_eq!(repository.facts("1.0.0").await.is(200).json(), json!({ "items": [] }));

    for _ in 0..2 {
        chart.push(&repository, "1.0.0").await.is(201);
        let facts = repository.facts("1.0.0").await.is(200).json();
        assert_eq!(facts["items"].as_array().unwrap().len(), 1);
    }
}
