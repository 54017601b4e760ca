//! Manifests that are accepted: stored to the byte, under the type they came with, by tag and by digest.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::json;

use super::at;
use crate::harness::media_type::{
    DOCKER_FOREIGN_LAYER, DOCKER_LAYER, DOCKER_LIST, DOCKER_MANIFEST, OCI_FOREIGN_LAYER, OCI_INDEX,
    OCI_MANIFEST,
};
use crate::harness::{Image, Repository, sha256, sha512};

#[tokio::test]
async fn a_manifest_comes_back_to_the_byte_by_tag_and_by_digest() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(1);
    repository.push_blobs_of(&image).await;
    // White space and order are part of what a digest is of.
    let text = String::from_utf8(image.manifest.to_vec()).unwrap();
    let manifest = Bytes::from(text.replace(',', " ,\n\t") + "\n\n");
    let digest = sha256(&manifest);

    let stored = repository.put_manifest("v1", OCI_MANIFEST, &manifest).await.is(201);

    assert_eq!(stored.header("docker-content-digest"), digest);
    repository.caller.get(&stored.location()).await.is(200).has_body(&manifest);
    for reference in ["v1", &digest] {
        let answer = repository.manifest(reference).await.is(200).has_body(&manifest);
        assert_eq!(answer.header("content-type"), OCI_MANIFEST);
        assert_eq!(answer.header("docker-content-digest"), digest);
        assert_eq!(answer.header("content-length"), manifest.len().to_string());
    }
}

#[tokio::test]
async fn head_of_a_manifest_says_what_get_would() {
    let (_wharf, repository) = at("acme/app").await;
    let digest = repository.push_image(&Image::oci(2), "v1").await;

    for reference in ["v1", &digest] {
        let head = repository.head_manifest(reference).await.is(200).has_body(b"");
        let get = repository.manifest(reference).await.is(200);
        for name in ["content-length", "content-type", "docker-content-digest", "etag"] {
            assert_eq!(head.headers.get(name), get.headers.get(name), "{name}");
        }
    }
}

#[tokio::test]
async fn a_manifest_is_pushed_by_its_digest() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(3);

    repository.push_image(&image, &image.digest()).await;

    repository.manifest(&image.digest()).await.is(200).has_body(&image.manifest);
}

#[tokio::test]
async fn a_manifest_is_known_by_the_algorithm_it_was_pushed_with() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(4);
    let digest = sha512(&image.manifest);
    repository.push_blobs_of(&image).await;

    let stored = repository.put_manifest(&digest, OCI_MANIFEST, &image.manifest).await.is(201);

    assert_eq!(stored.header("docker-content-digest"), digest);
    let answer = repository.manifest(&digest).await.is(200).has_body(&image.manifest);
    assert_eq!(answer.header("docker-content-digest"), digest);
    repository.head_manifest(&digest).await.is(200).has_header("docker-content-digest", &digest);
}

#[tokio::test]
async fn dockers_types_are_stored_as_they_are() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::docker(5);
    repository.push_image(&image, "v1").await;
    let list = Image::index(DOCKER_LIST, &[&image]);
    repository.put_manifest("list", DOCKER_LIST, &list).await.is(201);

    let answer = repository.manifest("v1").await.is(200).has_body(&image.manifest);
    assert_eq!(answer.header("content-type"), DOCKER_MANIFEST);
    let answer = repository.manifest("list").await.is(200).has_body(&list);
    assert_eq!(answer.header("content-type"), DOCKER_LIST);
}

#[tokio::test]
async fn an_index_names_manifests_that_are_there() {
    let (_wharf, repository) = at("acme/app").await;
    let (one, two) = (Image::oci(6), Image::oci(7));
    repository.push_image(&one, &one.digest()).await;
    repository.push_image(&two, &two.digest()).await;
    let index = Image::index(OCI_INDEX, &[&one, &two]);

    repository.put_manifest("v1", OCI_INDEX, &index).await.is(201);

    let answer = repository.manifest("v1").await.is(200).has_body(&index);
    assert_eq!(answer.header("content-type"), OCI_INDEX);
}

#[tokio::test]
async fn the_stored_type_is_served_whatever_is_asked_for() {
    let (_wharf, repository) = at("acme/app").await;
    repository.push_image(&Image::oci(8), "v1").await;
    let path = repository.path("manifests/v1");

    for accepted in [DOCKER_MANIFEST, "text/html", "*/*", "application/json;q=0.1"] {
        let answer = repository.caller.request("GET", &path).header("accept", accepted).send().await.is(200);
        assert_eq!(answer.header("content-type"), OCI_MANIFEST);
    }
}

#[tokio::test]
async fn a_tag_moves_and_the_old_manifest_stays() {
    let (_wharf, repository) = at("acme/app").await;
    let (old, new) = (Image::oci(9), Image::oci(10));

    repository.push_image(&old, "latest").await;
    repository.push_image(&new, "latest").await;

    repository.manifest("latest").await.is(200).has_body(&new.manifest);
    repository.manifest(&old.digest()).await.is(200).has_body(&old.manifest);
}

#[tokio::test]
async fn the_same_manifest_may_be_pushed_again() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(11);

    repository.push_image(&image, "v1").await;
    repository.push_image(&image, "v1").await;
    repository.push_image(&image, "v2").await;

    repository.manifest("v2").await.is(200).has_body(&image.manifest);
}

#[tokio::test]
async fn a_type_without_a_header_is_read_from_the_body() {
    let (_wharf, repository) = at("acme/app").await;
    let named = Image::docker(12);
    let shaped =
        Image::oci(13).edited(|manifest| drop(manifest.as_object_mut().unwrap().remove("mediaType")));
    let index = Bytes::from_static(br#"{"schemaVersion":2,"manifests":[]}"#);

    for (tag, manifest, blobs, media_type) in [
        ("named", &named.manifest, Some(&named), DOCKER_MANIFEST),
        ("shaped", &shaped.manifest, Some(&shaped), OCI_MANIFEST),
        ("index", &index, None, OCI_INDEX),
    ] {
        if let Some(image) = blobs {
            repository.push_blobs_of(image).await;
        }
        let request = repository.caller.request("PUT", &repository.path(&format!("manifests/{tag}")));
        request.body(manifest.clone()).send().await.is(201);
        let answer = repository.manifest(tag).await.is(200).has_body(manifest);
        assert_eq!(answer.header("content-type"), media_type);
    }
}

#[tokio::test]
async fn parameters_of_a_type_are_left_out() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(14);
    repository.push_blobs_of(&image).await;
    let with_charset = format!("{OCI_MANIFEST}; charset=utf-8");

    repository.put_manifest("v1", &with_charset, &image.manifest).await.is(201);

    assert_eq!(repository.manifest("v1").await.header("content-type"), OCI_MANIFEST);
}

#[tokio::test]
async fn a_manifest_of_almost_four_megabytes_is_accepted() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(15).edited(|manifest| {
        let annotations = (0..390).map(|i| (format!("annotation-{i}"), json!("x".repeat(10_000))));
        manifest["annotations"] = annotations.collect();
    });
    assert!(image.manifest.len() > 3_900_000 && image.manifest.len() < 4 << 20);

    repository.push_image(&image, "large").await;

    repository.manifest("large").await.is(200).has_body(&image.manifest);
}

#[tokio::test]
async fn a_manifest_may_have_four_mebibytes_and_not_a_byte_more() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(24);
    repository.push_blobs_of(&image).await;
    let of_size = |size: usize| {
        let blanks = vec![b' '; size - image.manifest.len()];
        Bytes::from([image.manifest.as_ref(), &blanks].concat())
    };
    let (fits, larger) = (of_size(4 << 20), of_size((4 << 20) + 1));

    repository.put_manifest("fits", OCI_MANIFEST, &fits).await.is(201);
    repository.put_manifest("larger", OCI_MANIFEST, &larger).await.is(413).error("SIZE_INVALID");

    repository.manifest("fits").await.is(200).has_body(&fits);
    repository.manifest("larger").await.is(404);
    repository.manifest(&sha256(&larger)).await.is(404);
}

#[tokio::test]
async fn what_the_specification_leaves_open_is_accepted() {
    let (_wharf, repository) = at("acme/app").await;
    let no_layers = Image::oci(16).edited(|manifest| manifest["layers"] = json!([]));
    let unknown_field = Image::oci(17).edited(|manifest| manifest["org.example.more"] = json!({"a": [1, 2]}));
    let unknown_types = Image::oci(18).edited(|manifest| {
        manifest["artifactType"] = json!("application/vnd.example.thing");
        manifest["config"]["mediaType"] = json!("application/vnd.example.config");
        manifest["layers"][0]["mediaType"] = json!("application/vnd.example.layer");
    });
    let data = Image::oci(19);
    let layer = BASE64_STANDARD.encode(&data.blobs[1]);
    let data = data.edited(|manifest| manifest["layers"][0]["data"] = json!(layer));
    let subject = Image::oci(20).edited(|manifest| {
        manifest["subject"] = json!({"mediaType": OCI_MANIFEST, "digest": sha256(b"none"), "size": 4});
    });

    accepts(&repository, &[no_layers, unknown_field, unknown_types, data, subject]).await;
}

#[tokio::test]
async fn a_layer_that_may_not_be_distributed_need_not_be_there() {
    let (_wharf, repository) = at("acme/app").await;
    let with_foreign = |image: Image, media_type: &str| {
        image.edited(|manifest| {
            let foreign = json!({"mediaType": media_type, "digest": sha256(b"elsewhere"), "size": 9,
                "urls": ["https://layers.example/one"]});
            manifest["layers"].as_array_mut().unwrap().push(foreign);
        })
    };
    let oci = with_foreign(Image::oci(21), OCI_FOREIGN_LAYER);
    let docker = with_foreign(Image::docker(22), DOCKER_FOREIGN_LAYER);

    accepts(&repository, &[oci, docker]).await;

    let ordinary = with_foreign(Image::docker(23), DOCKER_LAYER);
    repository.push_blobs_of(&ordinary).await;
    let refused = repository.put_manifest("v2", DOCKER_MANIFEST, &ordinary.manifest).await.is(400);
    refused.error("MANIFEST_BLOB_UNKNOWN");
}

async fn accepts(repository: &Repository, images: &[Image]) {
    for image in images {
        repository.push_image(image, "v1").await;
        repository.manifest("v1").await.is(200).has_body(&image.manifest);
    }
}
