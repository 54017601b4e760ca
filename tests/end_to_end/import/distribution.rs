//! distribution itself, Debian's `docker-registry`, as a source and as the one that wrote the files.

use std::path::{Path, PathBuf};

use super::Shell;
use crate::harness::{Image, Peer, Repository, Wharf, descriptor, media_type};

/// An image with a referrer that only a tag tells of, as clients do where there is no list of referrers.
pub(super) async fn push_with_referrer(repository: &Repository) -> (Image, Image) {
    let image = Image::docker(1);
    let report = Image::oci(2).about(&image);
    repository.push_image(&image, "v1").await;
    repository.push_image(&report, &report.digest()).await;
    let list = Image::index(media_type::OCI_INDEX, &[&report]);
    repository.put_manifest(&image.digest().replace(':', "-"), media_type::OCI_INDEX, &list).await.is(201);
    (image, report)
}

/// The image and its referrer must be there, the second told of by the server's own list.
pub(super) async fn expect_both(repository: &Repository, image: &Image, report: &Image) {
    repository.manifest("v1").await.is(200).has_body(&image.manifest);
    let list = repository.referrers(&image.digest(), "").await.is(200).json();
    assert_eq!(list["manifests"][0]["digest"], descriptor("", &report.manifest)["digest"]);
}

#[tokio::test]
async fn everything_distribution_has_arrives_with_what_its_tags_tell_of() {
    let Some(source) = Peer::start().await else { return };
    let target = Wharf::start().await;
    let (image, report) = push_with_referrer(&source.repository("team/app")).await;
    let shell = Shell::at(&[&target]).await;

    shell.import(&["--all", &source.host, &target.host()]).await.ends_with(0);
    expect_both(&target.admin().repository("team/app"), &image, &report).await;

    let one = [&format!("{}/team/app:v1", source.host)[..], &format!("{}/team/one", target.host())];
    shell.import(&one).await.ends_with(0);
    expect_both(&target.admin().repository("team/one"), &image, &report).await;
}

/// The file that holds a blob's bytes.
pub(super) fn data(root: &Path, digest: &str) -> PathBuf {
    let hex = digest.trim_start_matches("sha256:");
    root.join("docker/registry/v2/blobs/sha256").join(&hex[..2]).join(hex).join("data")
}
