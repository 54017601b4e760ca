//! What stands in a house that is about to move, and what callers see of it.

use bytes::Bytes;

use crate::formats::Chart;
use crate::harness::{Image, Wharf, media_type, noise, sha256, sha512};

/// Pushes something of every kind, and says which paths show it.
pub(super) async fn furnish(wharf: &Wharf) -> Vec<String> {
    let repository = wharf.admin().repository("acme/app");
    let (image, other) = (Image::oci(1), Image::docker(2));
    let digest = repository.push_image(&image, "v1").await;
    repository.push_image(&image, "latest").await;
    repository.push_image(&other, "docker").await;
    repository.push_image(&Image::oci(3).about(&image), "about").await;
    let index = Image::index(media_type::OCI_INDEX, &[&image, &other]);
    repository.put_manifest("all", media_type::OCI_INDEX, &index).await.is(201);
    let long = noise(4, 70_000);
    repository.upload().await.finish(&sha512(&long), long.clone()).await.is(201);
    let config = Image::oci(3).blobs[0].clone();
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "config": crate::harness::descriptor(media_type::OCI_CONFIG, &config),
        "layers": [{"mediaType": media_type::OCI_LAYER, "digest": sha512(&long), "size": long.len()}],
    });
    let manifest = Bytes::from(manifest.to_string());
    repository.put_manifest("long", media_type::OCI_MANIFEST, &manifest).await.is(201);
    let charts = wharf.admin().repository("acme/main/charts/web");
    Chart::new("web", "1.2.3").push(&charts, "1.2.3").await.is(201);
    wharf.add_user("alice", &["acme:viewer"]);
    wharf.admin().repository("acme/open/app").push_image(&image, "v1").await;
    wharf.set_public("acme/open", true);
    let mut paths: Vec<_> = ["v1", "latest", "docker", "about", "all", "long", &digest]
        .map(|reference| repository.path(&format!("manifests/{reference}")))
        .into();
    let blobs = image.blobs.iter().chain(&other.blobs).map(|blob| sha256(blob)).chain([sha512(&long)]);
    paths.extend(blobs.map(|blob| repository.path(&format!("blobs/{blob}"))));
    paths.push(repository.path("tags/list"));
    paths.push(repository.path(&format!("referrers/{digest}")));
    paths.push("/v2/acme/open/app/manifests/v1".to_owned());
    paths.push("/api/v1/orgs/acme/registries/main/facts?format=helm".to_owned());
    let chart = "/api/v1/orgs/acme/registries/main/repositories/charts/web/manifests/1.2.3/documents/readme";
    paths.push(chart.to_owned());
    paths
}

/// What three callers see at these paths.
pub(super) async fn seen(wharf: &Wharf, paths: &[String]) -> Vec<(String, u16, Bytes)> {
    let callers = [wharf.admin(), wharf.caller("alice", "the-password-of-alice"), wharf.anonymous()];
    let mut seen = Vec::new();
    for path in paths {
        for caller in &callers {
            let answer = caller.get(path).await;
            // A refusal names the host it came from.
            let body = if answer.status == 200 { answer.body } else { Bytes::new() };
            seen.push((path.clone(), answer.status, body));
        }
    }
    seen
}
