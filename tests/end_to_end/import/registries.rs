//! From one Wharf to another.

use super::Shell;
use crate::harness::{Certificate, Image, Repository, Wharf, media_type, sha256};

/// Two servers, and somebody who is logged in to both.
async fn both() -> (Wharf, Wharf, Shell) {
    let (source, target) = tokio::join!(Wharf::start(), Wharf::start());
    let shell = Shell::at(&[&source, &target]).await;
    (source, target, shell)
}

/// An index of two images, one of them docker's, a signature by tag, and a referrer of a child with one of its own.
async fn fill(repository: &Repository) -> (Image, Image, Image) {
    let (image, docker) = (Image::oci(1), Image::docker(2));
    let (report, about_report) = (Image::oci(3).about(&image), Image::oci(4));
    let about_report = about_report.about(&report);
    repository.push_image(&image, "v1").await;
    repository.push_image(&docker, "docker").await;
    let index = Image::index(media_type::OCI_INDEX, &[&image, &docker]);
    repository.put_manifest("all", media_type::OCI_INDEX, &index).await.is(201);
    repository.push_image(&report, &report.digest()).await;
    repository.push_image(&about_report, &about_report.digest()).await;
    let signature = format!("{}.sig", image.digest().replace(':', "-"));
    repository.push_image(&Image::oci(5), &signature).await;
    (image, report, about_report)
}

#[tokio::test]
async fn a_whole_repository_arrives_with_equal_digests_and_is_not_sent_again() {
    let (source, target, shell) = both().await;
    let (from, to) = (source.admin().repository("acme/app"), target.admin().repository("mirror/app"));
    let (image, report, about_report) = fill(&from).await;
    let names = [&format!("{}/acme/app", source.host())[..], &format!("{}/mirror/app", target.host())];

    let first = shell.import(&names).await.ends_with(0);

    assert_eq!(first.count("imported"), 6, "four tags and two referrers: {:#?}", first.lines);
    assert_eq!(from.tags("").await.json()["tags"], to.tags("").await.json()["tags"]);
    for reference in ["v1", "docker", "all", &report.digest(), &about_report.digest()] {
        let (there, here) = (from.manifest(reference).await, to.manifest(reference).await.is(200));
        assert_eq!(there.header("content-type"), here.header("content-type"));
        here.has_body(&there.body);
    }
    for blob in &image.blobs {
        to.blob(&sha256(blob)).await.is(200).has_body(blob);
    }
    let referrers = to.referrers(&image.digest(), "").await.json();
    assert_eq!(referrers["manifests"][0]["digest"], report.digest());

    let again = shell.import(&names).await.ends_with(0);

    assert_eq!((again.count("imported"), again.count("present")), (0, 6));
    assert_eq!((again.count("bytes_sent"), again.count("blobs_sent")), (0, 0));
}

#[tokio::test]
async fn one_image_arrives_with_what_is_about_it_and_nothing_else() {
    let (source, target, shell) = both().await;
    let (from, to) = (source.admin().repository("acme/app"), target.admin().repository("acme/app"));
    let (image, _, _) = fill(&from).await;
    let names =
        [&format!("{}/acme/app:v1", source.host())[..], &format!("{}/acme/app:stable", target.host())];

    let imported = shell.import(&names).await.ends_with(0);

    assert_eq!(imported.count("imported"), 4, "a tag, a signature, two referrers: {:#?}", imported.lines);
    let signature = format!("{}.sig", image.digest().replace(':', "-"));
    assert_eq!(to.tags("").await.json()["tags"], serde_json::json!([signature, "stable"]));
    to.head_manifest("stable").await.is(200).has_header("docker-content-digest", &image.digest());
}

#[tokio::test]
async fn every_repository_below_a_prefix_arrives_and_shared_blobs_are_mounted() {
    let (source, target, shell) = both().await;
    let image = Image::oci(1);
    for name in ["acme/team/one", "acme/team/two", "acme/other/three"] {
        source.admin().repository(name).push_image(&image, "v1").await;
    }
    let names = [&format!("{}/acme/team", source.host())[..], &format!("{}/mirror", target.host())];

    let imported = shell.import(&[&["--all"], &names[..]].concat()).await.ends_with(0);

    let catalog = target.admin().get("/v2/_catalog").await.json();
    assert_eq!(catalog["repositories"], serde_json::json!(["mirror/one", "mirror/two"]));
    assert_eq!((imported.count("blobs_sent"), imported.count("blobs_mounted")), (3, 3));
}

#[tokio::test]
async fn a_rehearsal_says_what_is_missing_and_changes_nothing() {
    let (source, target, shell) = both().await;
    let image = Image::oci(1);
    source.admin().repository("acme/app").push_image(&image, "v1").await;
    let names = [&format!("{}/acme/app", source.host())[..], &format!("{}/acme/app", target.host())];

    let rehearsed = shell.import(&[&["--dry-run"], &names[..]].concat()).await.ends_with(0);

    let size: usize = image.blobs.iter().map(bytes::Bytes::len).sum();
    assert_eq!((rehearsed.count("missing"), rehearsed.count("bytes_missing")), (1, size as u64));
    target.admin().repository("acme/app").tags("").await.is(404);
}

#[tokio::test]
async fn what_the_source_hides_is_named_and_the_command_says_so() {
    let (source, target, _) = both().await;
    source.admin().repository("acme/app").push_image(&Image::oci(1), "v1").await;
    let shell = Shell::at(&[&target]).await;
    let names = [&format!("{}/acme/app", source.host())[..], &format!("{}/acme/app", target.host())];

    let refused = shell.import(&names).await.ends_with(3);

    assert!(refused.reason().contains("401"), "{}", refused.reason());
}

#[tokio::test]
async fn without_a_login_at_the_server_nothing_begins() {
    let (source, target) = tokio::join!(Wharf::start(), Wharf::start());
    let names = [&format!("{}/acme/app", source.host())[..], &format!("{}/acme/app", target.host())];

    let refused = Shell::new().import(&names).await.ends_with(1);

    assert!(refused.errors.contains("there is no login at"), "{}", refused.errors);
}

#[tokio::test]
async fn a_source_with_tls_is_believed_by_its_authority_only() {
    let certificate = Certificate::new();
    let source = Wharf::start_secure(&certificate, &[]).await;
    let target = Wharf::start().await;
    source.admin().repository("hello").push_image(&Image::oci(1), "v1").await;
    source.set_public("library/main", true);
    let shell = Shell::at(&[&target]).await;
    let (from, to) = (format!("https://{}/hello:v1", source.host()), format!("{}/hello", target.host()));

    let doubted = shell.import(&[&from, &to]).await.ends_with(3);
    assert!(
        doubted.lines[0]["reason"].as_str().unwrap().contains("is not believed over TLS"),
        "{:?}",
        doubted.lines
    );

    let path = certificate.path();
    shell.import(&["--ca-file", path.to_str().unwrap(), &from, &to]).await.ends_with(0);
    target.admin().repository("hello").head_manifest("v1").await.is(200);
}
