//! The files of a registry: laid out by hand as distribution does, and by distribution itself.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::Shell;
use super::distribution::{data, expect_both, push_with_referrer};
use crate::harness::{Image, Peer, Wharf, sha256};

/// A file of the layout.
fn write(root: &Path, path: &str, content: &[u8]) -> PathBuf {
    let path = root.join("docker/registry/v2").join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

/// Lays out an image under a tag.
fn lay_out(root: &Path, name: &str, (tag, image): (&str, &Image)) {
    let (repository, digest) = (format!("repositories/{name}"), image.digest());
    let hex = digest.trim_start_matches("sha256:");
    for content in image.blobs.iter().chain([&image.manifest]) {
        let path = data(root, &sha256(content));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    for blob in &image.blobs {
        let digest = sha256(blob);
        let hex = digest.trim_start_matches("sha256:");
        write(root, &format!("{repository}/_layers/sha256/{hex}/link"), digest.as_bytes());
    }
    write(root, &format!("{repository}/_manifests/revisions/sha256/{hex}/link"), digest.as_bytes());
    write(root, &format!("{repository}/_manifests/tags/{tag}/current/link"), digest.as_bytes());
}

#[tokio::test]
async fn the_files_of_distribution_are_imported_beside_it_running() {
    let Some(source) = Peer::start().await else { return };
    let target = Wharf::start().await;
    let (image, report) = push_with_referrer(&source.repository("team/deep/app")).await;
    let shell = Shell::at(&[&target]).await;
    let root = source.root();

    let arguments = ["--from-directory", root.to_str().unwrap(), "--all", &target.host()];
    shell.import(&arguments).await.ends_with(0);

    expect_both(&target.admin().repository("team/deep/app"), &image, &report).await;
    assert_eq!(shell.import(&arguments).await.ends_with(0).count("imported"), 0);
}

#[tokio::test]
async fn a_tree_laid_out_by_hand_is_imported_under_another_name() {
    let (root, target, image) = (TempDir::new().unwrap(), Wharf::start().await, Image::oci(1));
    lay_out(root.path(), "acme/app", ("v1", &image));
    let shell = Shell::at(&[&target]).await;

    let to = format!("{}/mirror/app:first", target.host());
    let from = ["--from-directory", root.path().to_str().unwrap(), "acme/app:v1", &to];
    shell.import(&from).await.ends_with(0);

    target.admin().repository("mirror/app").manifest("first").await.is(200).has_body(&image.manifest);
}

#[tokio::test]
async fn files_that_lie_or_lead_elsewhere_are_refused_and_named() {
    let (root, target) = (TempDir::new().unwrap(), Wharf::start().await);
    let (good, changed, linked, foreign) = (Image::oci(1), Image::oci(2), Image::oci(3), Image::oci(4));
    for (tag, image) in [("good", &good), ("changed", &changed), ("linked", &linked), ("foreign", &foreign)] {
        lay_out(root.path(), "acme/app", (tag, image));
    }
    // Bytes that were changed.
    let path = data(root.path(), &sha256(&changed.blobs[1]));
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();
    // Bytes that lie elsewhere.
    let (path, outside) = (data(root.path(), &sha256(&linked.blobs[1])), root.path().join("outside"));
    fs::rename(&path, &outside).unwrap();
    symlink(&outside, &path).unwrap();
    // Bytes that the repository has no link to.
    let hex = sha256(&foreign.blobs[1]);
    let layers = root.path().join("docker/registry/v2/repositories/acme/app/_layers/sha256");
    fs::remove_dir_all(layers.join(hex.trim_start_matches("sha256:"))).unwrap();
    let shell = Shell::at(&[&target]).await;

    let to = format!("{}/acme/app", target.host());
    let from = ["--from-directory", root.path().to_str().unwrap(), "acme/app", &to];
    let imported = shell.import(&from).await.ends_with(3);

    assert_eq!((imported.count("imported"), imported.count("failed")), (1, 3));
    for (tag, words) in
        [("changed", "another digest"), ("linked", "symbolic link"), ("foreign", "is not there")]
    {
        let line = imported.lines.iter().find(|line| line["target"] == format!("{to}:{tag}")).unwrap();
        assert!(line["reason"].as_str().unwrap().contains(words), "{line}");
    }
    target.admin().repository("acme/app").head_manifest("good").await.is(200);
}

#[tokio::test]
async fn a_directory_without_a_registry_is_refused_in_words() {
    let (shell, target) = (Shell::new(), Wharf::start().await);
    let here = shell.path().to_str().unwrap().to_owned();

    let refused = shell.import(&["--from-directory", &here, "--all", &target.host()]).await.ends_with(1);

    assert!(refused.errors.contains("there is no docker/registry/v2 in"), "{}", refused.errors);
}
