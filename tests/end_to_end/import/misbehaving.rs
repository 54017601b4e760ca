//! Sources that break off, lie, send elsewhere, or never end.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::stage::{Heard, Said, Stage};
use super::{Imported, Shell};
use crate::harness::{Image, Wharf, descriptor, media_type, noise, sha256};

/// An image with one large layer.
fn large() -> Image {
    let mut image = Image::oci(1);
    let layer = noise(7, 3 << 20);
    let described = descriptor(media_type::OCI_LAYER, &layer);
    image.blobs.push(layer);
    image.edited(|manifest| manifest["layers"].as_array_mut().unwrap().push(described))
}

/// The large layer's address ends so.
fn layer_of(image: &Image) -> String {
    sha256(image.blobs.last().unwrap())
}

async fn import(stage: &Stage, target: &Wharf, more: &[&str]) -> Imported {
    let shell = Shell::at(&[target]).await;
    let names = [&format!("{}/acme/app:v1", stage.host)[..], &format!("{}/acme/app", target.host())];
    shell.import(&[more, &names[..]].concat()).await
}

#[tokio::test]
async fn a_source_that_breaks_off_is_gone_on_with_where_it_did() {
    let (target, image) = (Wharf::start().await, large());
    let (layer, bytes) = (layer_of(&image), image.blobs.last().unwrap().clone());
    let wanted = layer.clone();
    let stage = Stage::start(&image, move |heard, before| {
        let is_layer = heard.method == "GET" && heard.target.ends_with(&wanted) && before == 0;
        is_layer.then(|| Said { cut: Some(1 << 20), ..Said::new(200, bytes.clone()) })
    })
    .await;

    let imported = import(&stage, &target, &[]).await.ends_with(0);

    assert_eq!(imported.count("blobs_sent"), 4);
    let asked: Vec<Heard> =
        stage.heard().into_iter().filter(|heard| heard.target.ends_with(&layer)).collect();
    assert_eq!(asked.len(), 2);
    let from: usize =
        asked[1].header("range").unwrap()["bytes=".len()..].trim_end_matches('-').parse().unwrap();
    assert!(from > 0 && from <= 1 << 20, "it began again at {from}");
    target.admin().repository("acme/app").head_manifest("v1").await.is(200);
}

#[tokio::test]
async fn a_source_without_ranges_is_read_again_from_its_start() {
    let (target, image) = (Wharf::start().await, large());
    let (wanted, bytes) = (layer_of(&image), image.blobs.last().unwrap().clone());
    let stage = Stage::start(&image, move |heard, before| {
        let cut = (before == 0).then_some(1 << 20);
        heard.target.ends_with(&wanted).then(|| Said { cut, ..Said::new(200, bytes.clone()) })
    })
    .await;

    import(&stage, &target, &[]).await.ends_with(0);

    let repository = target.admin().repository("acme/app");
    repository.blob(&layer_of(&image)).await.is(200).has_body(image.blobs.last().unwrap());
}

#[tokio::test]
async fn bytes_of_another_digest_are_refused_and_named() {
    let (target, image) = (Wharf::start().await, large());
    let wanted = layer_of(&image);
    let stage = Stage::start(&image, move |heard, _| {
        heard.target.ends_with(&wanted).then(|| Said::new(200, noise(8, 3 << 20)))
    })
    .await;

    let refused = import(&stage, &target, &[]).await.ends_with(3);

    let layer = layer_of(&image);
    assert!(
        refused.reason().contains(&layer) && refused.reason().contains("another digest"),
        "{}",
        refused.reason()
    );
    target.admin().repository("acme/app").head_manifest("v1").await.is(404);
    target.admin().repository("acme/app").head_blob(&layer).await.is(404);
}

#[tokio::test]
async fn a_manifest_of_another_digest_is_refused_and_named() {
    let (target, image) = (Wharf::start().await, Image::oci(1));
    let (digest, other) = (image.digest(), Image::oci(2));
    let stage = Stage::start(&image, move |heard, _| {
        let wanted =
            heard.method == "GET" && heard.target.ends_with(&digest) && heard.target.contains("manifests");
        wanted.then(|| Said::new(200, other.manifest.clone()).with("content-type", other.media_type))
    })
    .await;

    let refused = import(&stage, &target, &[]).await.ends_with(3);

    assert!(refused.reason().contains(&image.digest()), "{}", refused.reason());
}

#[tokio::test]
async fn a_redirect_to_another_origin_loses_the_login() {
    let (target, image) = (Wharf::start().await, large());
    let elsewhere = Stage::start(&image, |_, _| None).await;
    let (layer, there) = (layer_of(&image), elsewhere.host.clone());
    let wanted = layer.clone();
    let stage = Stage::start(&image, move |heard, _| {
        if heard.header("authorization").is_none() {
            return Some(Said::new(401, "{}").with("www-authenticate", "Basic realm=\"stage\""));
        }
        let away = heard.target.ends_with(&wanted);
        away.then(|| Said::new(307, "").with("location", format!("http://{there}{}", heard.target)))
    })
    .await;
    let shell = Shell::at(&[&target]).await;
    shell.log_in(&stage.host, "the-password-of-the-source").await;
    let names = [&format!("{}/acme/app:v1", stage.host)[..], &format!("{}/acme/app", target.host())];

    shell.import(&names).await.ends_with(0);

    let heard = elsewhere.heard();
    assert!(heard.iter().any(|heard| heard.target.ends_with(&layer)), "{heard:?}");
    assert!(heard.iter().all(|heard| heard.header("authorization").is_none()), "the login went along");
}

#[tokio::test]
async fn a_redirect_to_a_metadata_or_private_address_is_refused() {
    let target = Wharf::start().await;
    for (place, words) in [
        ("http://169.254.169.254/latest/meta-data/", "metadata"),
        ("http://[::ffff:169.254.169.254]/", "metadata"),
        ("http://0xa9fea9fe/", "metadata"),
        ("http://10.1.2.3/", "private network"),
        ("file:///etc/passwd", "neither http nor https"),
        ("http://user:secret@127.0.0.1:1/", "a login in its URL"),
    ] {
        let image = Image::oci(1);
        let wanted = sha256(&image.blobs[0]);
        let stage = Stage::start(&image, move |heard, _| {
            heard.target.ends_with(&wanted).then(|| Said::new(307, "").with("location", place))
        })
        .await;

        let refused = import(&stage, &target, &[]).await.ends_with(3);

        assert!(refused.reason().contains(words), "{place}: {}", refused.reason());
    }
}

#[tokio::test]
async fn a_source_that_sends_elsewhere_for_tokens_learns_no_login() {
    let target = Wharf::start().await;
    let thief = Arc::new(Stage::start(&Image::oci(1), |_, _| None).await);
    // Another host by its name, though the same machine.
    let realm = format!("http://{}/token", thief.host.replace("127.0.0.1", "localhost"));
    let stage = Stage::start(&Image::oci(1), move |_, _| {
        let challenge = format!("Bearer realm=\"{realm}\",service=\"stage\"");
        Some(Said::new(401, "{}").with("www-authenticate", challenge))
    })
    .await;

    let refused = import(&stage, &target, &[]).await.ends_with(3);

    let reason = refused.lines[0]["reason"].as_str().unwrap();
    assert!(reason.contains("without TLS"), "{reason}");
    assert!(thief.heard().is_empty());
}

#[tokio::test]
async fn a_list_that_never_ends_is_given_up() {
    let (target, begun) = (Wharf::start().await, Instant::now());
    let tags: Vec<String> = (0..20_000).map(|number| format!("v{number}")).collect();
    let page = json!({ "tags": tags }).to_string();
    let stage = Stage::start(&Image::oci(1), move |heard, _| {
        let next = format!("<{}0>; rel=\"next\"", heard.target);
        let is_list = heard.target.contains("/tags/list");
        is_list.then(|| Said::new(200, page.clone()).with("link", next))
    })
    .await;
    let shell = Shell::at(&[&target]).await;

    let names = [&format!("{}/acme/app", stage.host)[..], &format!("{}/acme/app", target.host())];
    let refused = shell.import(&names).await.ends_with(3);

    assert!(refused.reason().contains("does not end"), "{}", refused.reason());
    assert!(stage.heard().len() < 20 && begun.elapsed().as_secs() < 20);
}

#[tokio::test]
async fn a_next_page_at_another_origin_is_not_asked_for() {
    let target = Wharf::start().await;
    let elsewhere = Stage::start(&Image::oci(1), |_, _| None).await;
    let next = format!("<http://{}/v2/acme/app/tags/list>; rel=\"next\"", elsewhere.host);
    let stage = Stage::start(&Image::oci(1), move |heard, _| {
        let is_list = heard.target.contains("/tags/list");
        is_list.then(|| Said::new(200, r#"{"tags":["v1"]}"#).with("link", next.clone()))
    })
    .await;
    let shell = Shell::at(&[&target]).await;

    let names = [&format!("{}/acme/app", stage.host)[..], &format!("{}/acme/app", target.host())];
    let refused = shell.import(&names).await.ends_with(3);

    assert!(refused.reason().contains("another origin"), "{}", refused.reason());
    assert!(elsewhere.heard().is_empty());
}

#[tokio::test]
async fn a_source_that_asks_for_a_pause_gets_it() {
    let target = Wharf::start().await;
    let stage = Stage::start(&Image::oci(1), |heard, before| {
        let busy = heard.target.ends_with("/manifests/v1") && before == 0;
        busy.then(|| Said::new(429, "{}").with("retry-after", "1"))
    })
    .await;
    let begun = Instant::now();

    import(&stage, &target, &[]).await.ends_with(0);

    assert!(begun.elapsed().as_secs_f64() >= 1.0);
}

#[tokio::test]
async fn what_fails_is_named_and_the_rest_arrives() {
    let (target, image) = (Wharf::start().await, Image::oci(1));
    let stage = Stage::start(&image, |heard, _| {
        if heard.target.contains("/tags/list") {
            return Some(Said::new(200, r#"{"tags":["v1","broken"]}"#));
        }
        let schema_1 = r#"{"schemaVersion":1,"name":"old","tag":"broken"}"#;
        let is_broken = heard.target.ends_with("/manifests/broken")
            || heard.target.ends_with(&sha256(schema_1.as_bytes()));
        is_broken.then(|| Said::new(200, schema_1).with("content-type", media_type::DOCKER_SCHEMA_1))
    })
    .await;
    let shell = Shell::at(&[&target]).await;

    let names = [&format!("{}/acme/app", stage.host)[..], &format!("{}/acme/app", target.host())];
    let imported = shell.import(&names).await.ends_with(3);

    let failed: Vec<&Value> = imported.lines.iter().filter(|line| line["outcome"] == "failed").collect();
    assert!(failed[0]["source"].as_str().unwrap().ends_with("acme/app:broken"), "{failed:?}");
    assert_eq!(imported.count("imported"), 1);
    target.admin().repository("acme/app").head_manifest("v1").await.is(200);
}
