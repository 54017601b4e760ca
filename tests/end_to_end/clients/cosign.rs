//! cosign: signatures with a key at hand, under a tag and as a referrer.

use super::documented::documented_host;
use super::program::Program;
use super::{built_by_go, only_when_public, with_image};
use crate::harness::{Wharf, component};

fn cosign(wharf: &Wharf, user: &str) -> Program {
    let program = Program::new(wharf, &format!("cosign-of-{user}"), built_by_go("cosign"));
    // Keys are at hand: nobody outside need be asked for the public ones.
    let program = program.with_variable("TUF_MIRROR", "http://127.0.0.1:1");
    program.with_variable("COSIGN_PASSWORD", "the-password-of-the-key")
}

#[tokio::test]
async fn cosign_signs_and_verifies_by_tag_and_by_referrer() {
    if !component("cosign") || !component("crane") {
        return;
    }
    let (wharf, _, image) = with_image("cosign").await;
    let cosign = cosign(&wharf, "alice");

    let said = cosign.run_lines_of("cosign", &wharf);

    let verified = said.matches(&format!("\"docker-manifest-digest\":\"{}\"", image.digest())).count();
    assert_eq!(verified, 2, "{said}");
    let repository = wharf.admin().repository("acme/app");
    let signatures = repository.referrers(&image.digest(), "").await.is(200).json();
    let artifact_type = "application/vnd.dev.cosign.artifact.sig.v1+json";
    assert_eq!(signatures["manifests"][0]["artifactType"], artifact_type);

    // Without the tag, the referrer alone is enough, and only for who asks for it.
    repository.delete_manifest(&format!("{}.sig", image.digest().replace(':', "-"))).await.is(202);
    let name = format!("{}/acme/app:v1", documented_host(&wharf));
    let verify = ["verify", "--key", "cosign.pub", "--insecure-ignore-tlog", &name];
    assert!(!cosign.try_run(&verify, "").status.success());
    let cosign = cosign.with_variable("COSIGN_EXPERIMENTAL", "1");
    cosign.run(&[&verify[..], &["--experimental-oci11"]].concat());
}

#[tokio::test]
async fn cosign_verifies_without_a_login_only_what_is_public() {
    if !component("cosign") || !component("crane") {
        return;
    }
    let (wharf, name, _) = with_image("cosign-public").await;
    let alice = cosign(&wharf, "alice");
    alice.run_lines_of("cosign", &wharf);
    let key = alice.directory.join("cosign.pub").display().to_string();
    let verify = ["verify", "--key", &key, "--insecure-ignore-tlog", &name];

    only_when_public(&wharf, &cosign(&wharf, "nobody"), &verify);
}

#[tokio::test]
async fn cosign_refuses_what_was_signed_with_another_key() {
    if !component("cosign") || !component("crane") {
        return;
    }
    let (wharf, name, _) = with_image("cosign-forged").await;
    cosign(&wharf, "alice").run_lines_of("cosign", &wharf);
    wharf.set_public("acme/main", true);
    let stranger = cosign(&wharf, "nobody");
    stranger.run(&["generate-key-pair"]);

    let refused = stranger.try_run(&["verify", "--key", "cosign.pub", "--insecure-ignore-tlog", &name], "");

    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("no matching signatures"), "{said}");
}
