//! The list of what is about a manifest: its descriptors, its filter, what a push says of it, and that it is never
//! 404.

use bytes::Bytes;
use serde_json::{Value, json};

use super::at;
use crate::harness::media_type::{OCI_CONFIG, OCI_INDEX, OCI_MANIFEST};
use crate::harness::{Answer, Image, Repository, sha256, sha512};

/// The descriptors of a page, after a check of all that each page must be.
fn descriptors(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.header("content-type"), OCI_INDEX);
    let body = answer.json();
    assert_eq!(body["schemaVersion"], 2);
    assert_eq!(body["mediaType"], OCI_INDEX);
    body["manifests"].as_array().expect("a list of manifests").clone()
}

fn digests(answer: &Answer) -> Vec<String> {
    let of = |descriptor: Value| descriptor["digest"].as_str().unwrap().to_owned();
    let mut digests: Vec<String> = descriptors(answer).into_iter().map(of).collect();
    digests.sort();
    digests
}

fn sorted(mut digests: Vec<String>) -> Vec<String> {
    digests.sort();
    digests
}

/// An index about an image that names nothing: it has no artifact type.
fn index_about(subject: &Image) -> Bytes {
    let subject = json!({"mediaType": subject.media_type, "digest": subject.digest(),
        "size": subject.manifest.len()});
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "subject": subject,
        "annotations": {"org.example.kind": "index"}});
    Bytes::from(index.to_string())
}

fn of_type(image: Image, artifact_type: &str) -> Image {
    image.edited(|manifest| manifest["artifactType"] = json!(artifact_type))
}

/// A subject with three referrers: an artifact with a type of its own, an image without, an index without.
async fn three_about(repository: &Repository, subject: &Image) -> [String; 3] {
    let artifact = of_type(Image::oci(2).about(subject), "application/vnd.example.signature");
    let artifact = artifact.edited(|manifest| manifest["annotations"] = json!({"org.example.a": "ä\n\"b\""}));
    let index = index_about(subject);
    repository.put_manifest(&sha256(&index), OCI_INDEX, &index).await.is(201);
    [
        repository.push_image(&artifact, &artifact.digest()).await,
        repository.push_image(&Image::oci(3).about(subject), "tagged").await,
        sha256(&index),
    ]
}

#[tokio::test]
async fn what_nothing_is_about_has_an_empty_list() {
    let (_wharf, repository) = at("acme/app").await;
    let digest = repository.push_empty_index(&["v1"]).await;
    let begun = repository.caller.repository("acme/begun");
    begun.push_blob(&Bytes::from_static(b"no manifest yet")).await;

    for repository in
        [&repository, &begun, &repository.caller.repository("acme/none"), &begun.caller.repository("no/such")]
    {
        for subject in [&digest, &sha256(b"never pushed"), &sha512(b"never pushed")] {
            let answer = repository.referrers(subject, "").await.is(200).lacks_header("link");
            assert_eq!(descriptors(&answer), Vec::<Value>::new());
            answer.lacks_header("oci-filters-applied");
        }
    }
}

#[tokio::test]
async fn a_descriptor_tells_type_digest_size_and_annotations() {
    let (_wharf, repository) = at("acme/app").await;
    let subject = Image::oci(1);
    repository.push_image(&subject, "v1").await;
    let referrer = of_type(Image::oci(2).about(&subject), "application/vnd.example.report");
    let annotations = json!({"org.example.text": "ä\n\"b\"", "org.example.empty": ""});
    let referrer = referrer.edited(|manifest| manifest["annotations"] = annotations.clone());
    repository.push_image(&referrer, &referrer.digest()).await;

    let answer = repository.referrers(&subject.digest(), "").await.is(200);

    let expected = json!({"mediaType": OCI_MANIFEST, "digest": referrer.digest(),
        "size": referrer.manifest.len(), "artifactType": "application/vnd.example.report",
        "annotations": annotations});
    assert_eq!(descriptors(&answer), [expected]);
}

#[tokio::test]
async fn the_artifact_type_is_its_own_or_that_of_the_configuration_or_none() {
    let (_wharf, repository) = at("acme/app").await;
    let subject = Image::oci(1);
    let [artifact, image, index] = three_about(&repository, &subject).await;

    let listed = descriptors(&repository.referrers(&subject.digest(), "").await.is(200));

    let find = |digest: &str| listed.iter().find(|one| one["digest"] == digest).expect("it is listed");
    assert_eq!(listed.len(), 3);
    assert_eq!(find(&artifact)["artifactType"], "application/vnd.example.signature");
    assert_eq!(find(&image)["artifactType"], OCI_CONFIG);
    assert_eq!(find(&image).get("annotations"), None);
    assert_eq!(find(&index).get("artifactType"), None);
    assert_eq!(find(&index)["annotations"], json!({"org.example.kind": "index"}));
}

#[tokio::test]
async fn the_list_is_narrowed_to_one_artifact_type() {
    let (_wharf, repository) = at("acme/app").await;
    let subject = Image::oci(1);
    let [artifact, image, index] = three_about(&repository, &subject).await;

    for (filter, expected) in [
        ("application/vnd.example.signature", vec![artifact]),
        ("application%2Fvnd.oci.image.config.v1%2Bjson", vec![image]),
        ("", vec![index]),
        ("application/vnd.example", vec![]),
        ("%25", vec![]),
    ] {
        let query = format!("?artifactType={filter}");
        let answer = repository.referrers(&subject.digest(), &query).await.is(200);
        assert_eq!(digests(&answer), expected, "{query}");
        assert_eq!(answer.header("oci-filters-applied"), "artifactType");
    }
}

#[tokio::test]
async fn a_subject_that_is_no_digest_is_refused() {
    let (_wharf, repository) = at("acme/app").await;
    repository.push_empty_index(&["v1"]).await;

    for subject in ["v1", "sha256:short", "sha256:baddigeststring", "md5:00", &format!("sha256:{:A>64}", "")]
    {
        repository.referrers(subject, "").await.is(400).error("DIGEST_INVALID");
    }
    repository.referrers(&sha256(b"x"), "?last=nonsense").await.is(400).first_error();
}

#[tokio::test]
async fn a_push_names_the_subject_it_is_found_by() {
    let (_wharf, repository) = at("acme/app").await;
    let (subject, missing) = (Image::oci(1), Image::oci(9));
    repository.push_image(&subject, "v1").await;

    for (seed, about) in [(2, &subject), (3, &missing)] {
        let referrer = Image::oci(seed).about(about);
        repository.push_blobs_of(&referrer).await;
        let push =
            repository.put_manifest(&referrer.digest(), OCI_MANIFEST, &referrer.manifest).await.is(201);
        push.has_header("oci-subject", &about.digest());
        assert_eq!(digests(&repository.referrers(&about.digest(), "").await), [referrer.digest()]);
    }
    let index = index_about(&subject);
    let push = repository.put_manifest("index", OCI_INDEX, &index).await.is(201);
    push.has_header("oci-subject", &subject.digest());
    let plain = repository.put_manifest("v1", OCI_MANIFEST, &subject.manifest).await.is(201);
    plain.lacks_header("oci-subject");
}

#[tokio::test]
async fn a_referrer_that_is_deleted_is_listed_no_more() {
    let (_wharf, repository) = at("acme/app").await;
    let subject = Image::oci(1);
    repository.push_image(&subject, "v1").await;
    let [artifact, image, index] = three_about(&repository, &subject).await;

    repository.delete_manifest("tagged").await.is(202);
    let all = sorted(vec![artifact.clone(), image.clone(), index.clone()]);
    assert_eq!(digests(&repository.referrers(&subject.digest(), "").await), all);

    repository.delete_manifest(&image).await.is(202);
    let left = sorted(vec![artifact, index]);
    assert_eq!(digests(&repository.referrers(&subject.digest(), "").await), left);

    // Who is about something outlives it, and finds it again when it comes back.
    repository.delete_manifest(&subject.digest()).await.is(202);
    assert_eq!(digests(&repository.referrers(&subject.digest(), "").await), left);
}

#[tokio::test]
async fn referrers_are_those_of_their_own_repository() {
    let (_wharf, here) = at("acme/here").await;
    let there = here.caller.repository("acme/there");
    let subject = Image::oci(1);
    here.push_image(&subject, "v1").await;
    there.push_image(&subject, "v1").await;
    there.push_image(&Image::oci(2).about(&subject), "referrer").await;

    assert_eq!(digests(&here.referrers(&subject.digest(), "").await.is(200)), Vec::<String>::new());
    assert_eq!(digests(&there.referrers(&subject.digest(), "").await.is(200)).len(), 1);
}

#[tokio::test]
async fn a_subject_is_known_by_the_digest_that_was_written() {
    let (_wharf, repository) = at("acme/app").await;
    let subject = Image::oci(1);
    let long = sha512(&subject.manifest);
    let referrer =
        Image::oci(2).about(&subject).edited(|manifest| manifest["subject"]["digest"] = json!(long));
    repository.push_image(&referrer, "referrer").await;

    assert_eq!(digests(&repository.referrers(&long, "").await.is(200)), [referrer.digest()]);
    assert_eq!(digests(&repository.referrers(&subject.digest(), "").await), Vec::<String>::new());
}
