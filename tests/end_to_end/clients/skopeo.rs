//! skopeo: copies between registries and directories.

use super::program::Program;
use super::{digest_of, only_when_public, with_image};
use crate::harness::{ADMIN_PASSWORD, Image, Wharf, component, media_type, sha256};

pub(super) fn skopeo(wharf: &Wharf) -> Program {
    Program::new(wharf, "skopeo", "skopeo")
}

pub(super) fn log_in(skopeo: &Program, wharf: &Wharf, user: &str, password: &str) {
    let auth = auth_file(skopeo);
    let login = ["login", "--tls-verify=false", "--authfile", &auth, "--username", user, "--password-stdin"];
    skopeo.run_with_input(&[&login[..], &[&wharf.host()]].concat(), password);
}

pub(super) fn inspect(skopeo: &Program, image: &str) -> String {
    let source = format!("docker://{image}");
    let auth = auth_file(skopeo);
    skopeo.run(&["inspect", "--tls-verify=false", "--authfile", &auth, "--format", "{{.Digest}}", &source])
}

/// Copies an image, with all the platforms of an index, into a directory, and says the digest of its manifest.
pub(super) fn copy_to(skopeo: &Program, image: &str, directory: &str) -> String {
    let target = skopeo.directory.join(directory);
    let arguments =
        ["copy", "--quiet", "--all", "--src-tls-verify=false", "--src-authfile", &auth_file(skopeo)];
    let (source, to) = (format!("docker://{image}"), format!("dir:{}", target.display()));
    skopeo.run(&[&arguments[..], &[&source, &to]].concat());
    sha256(&std::fs::read(target.join("manifest.json")).unwrap())
}

fn copy_from(skopeo: &Program, directory: &str, image: &str) {
    let source = format!("dir:{}", skopeo.directory.join(directory).display());
    let arguments =
        ["copy", "--quiet", "--all", "--dest-tls-verify=false", "--dest-authfile", &auth_file(skopeo)];
    skopeo.run(&[&arguments[..], &[&source, &format!("docker://{image}")]].concat());
}

fn auth_file(skopeo: &Program) -> String {
    skopeo.directory.join("auth.json").display().to_string()
}

#[tokio::test]
async fn skopeo_logs_in_copies_out_and_copies_in() {
    if !component("skopeo") {
        return;
    }
    let wharf = Wharf::start().await;
    let admin = wharf.admin();
    let repository = admin.repository("acme/app");
    let (one, two) = (Image::oci(1), Image::oci(2));
    repository.push_image(&one, &one.digest()).await;
    repository.push_image(&two, &two.digest()).await;
    let index = Image::index(media_type::OCI_INDEX, &[&one, &two]);
    repository.put_manifest("v1", media_type::OCI_INDEX, &index).await.is(201);
    let skopeo = skopeo(&wharf);
    let (source, target) =
        (format!("{}/acme/app:v1", wharf.host()), format!("{}/globex/copy:v1", wharf.host()));

    log_in(&skopeo, &wharf, "admin", ADMIN_PASSWORD);
    assert_eq!(copy_to(&skopeo, &source, "copied"), sha256(&index));
    copy_from(&skopeo, "copied", &target);

    assert_eq!(digest_of(&admin, "globex/copy", "v1").await, sha256(&index));
    let copied = admin.repository("globex/copy");
    copied.manifest(&two.digest()).await.is(200).has_body(&two.manifest);
}

#[tokio::test]
async fn skopeo_lists_and_deletes() {
    if !component("skopeo") {
        return;
    }
    let wharf = Wharf::start().await;
    let repository = wharf.admin().repository("acme/app");
    repository.push_image(&Image::oci(1), "one").await;
    repository.push_image(&Image::oci(2), "two").await;
    let skopeo = skopeo(&wharf);
    let name = format!("docker://{}/acme/app", wharf.host());

    log_in(&skopeo, &wharf, "admin", ADMIN_PASSWORD);
    let auth = auth_file(&skopeo);
    let listed = skopeo.run(&["list-tags", "--tls-verify=false", "--authfile", &auth, &name]);
    assert!(listed.contains("\"one\"") && listed.contains("\"two\""), "{listed}");
    skopeo.run(&["delete", "--tls-verify=false", "--authfile", &auth, &format!("{name}:one")]);

    repository.manifest("one").await.is(404);
    repository.manifest("two").await.is(200);
}

#[tokio::test]
async fn skopeo_copies_without_a_login_only_what_is_public() {
    if !component("skopeo") {
        return;
    }
    let (wharf, name, _) = with_image("skopeo-public").await;
    let copy = ["copy", "--quiet", "--src-tls-verify=false", &format!("docker://{name}"), "dir:copied"];

    only_when_public(&wharf, &skopeo(&wharf), &copy);
}

#[tokio::test]
async fn the_lines_for_skopeo_work() {
    if !component("skopeo") {
        return;
    }
    let (wharf, _, image) = with_image("skopeo-lines").await;
    let skopeo = skopeo(&wharf);

    skopeo.run_lines_of("skopeo", &wharf);

    let copied = std::fs::read(skopeo.directory.join("app/manifest.json")).unwrap();
    assert_eq!(sha256(&copied), image.digest());
    wharf.admin().repository("acme/copy").manifest(&image.digest()).await.is(404);
}
