//! crane: small and strict; it checks every layer that it gets back.

use super::program::Program;
use super::{archive, built_by_go, digest_of};
use crate::harness::{ADMIN_PASSWORD, Wharf, component};

pub(super) fn crane(wharf: &Wharf) -> Program {
    Program::new(wharf, "crane", built_by_go("crane"))
}

pub(super) fn log_in(crane: &Program, wharf: &Wharf, user: &str, password: &str) {
    crane.run_with_input(&["auth", "login", &wharf.host(), "--username", user, "--password-stdin"], password);
}

#[tokio::test]
async fn crane_logs_in_pushes_and_pulls() {
    if !component("crane") {
        return;
    }
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let alice = wharf.add_user("alice", &["acme:writer"]);
    let crane = crane(&wharf);
    let (one, two) = (format!("{}/acme/app:v1", wharf.host()), format!("{}/acme/copy:v1", wharf.host()));
    let archive = archive(&wharf, "crane").display().to_string();
    let layout = crane.directory.join("layout").display().to_string();

    log_in(&crane, &wharf, "alice", "the-password-of-alice");
    crane.run(&["append", "--new_layer", &archive, "--new_tag", &one]);
    crane.run(&["validate", "--remote", &one]);
    crane.run(&["pull", "--format=oci", &one, &layout]);
    crane.run(&["push", &layout, &two]);

    let digest = crane.run(&["digest", &one]);
    assert_eq!(crane.run(&["digest", &two]), digest);
    assert_eq!(digest_of(&alice, "acme/copy", "v1").await, digest);
}

#[tokio::test]
async fn crane_copies_lists_tags_and_deletes() {
    if !component("crane") {
        return;
    }
    let wharf = Wharf::start().await;
    let crane = crane(&wharf);
    let host = wharf.host();
    let archive = archive(&wharf, "crane-copy").display().to_string();

    log_in(&crane, &wharf, "admin", ADMIN_PASSWORD);
    crane.run(&["append", "--new_layer", &archive, "--new_tag", &format!("{host}/acme/app:v1")]);
    crane.run(&["copy", &format!("{host}/acme/app:v1"), &format!("{host}/globex/team/app:v1")]);
    crane.run(&["tag", &format!("{host}/acme/app:v1"), "v2"]);

    assert_eq!(crane.run(&["ls", &format!("{host}/acme/app")]), "v1\nv2");
    assert_eq!(crane.run(&["catalog", &host]), "acme/app\nglobex/team/app");
    let digest = crane.run(&["digest", &format!("{host}/acme/app:v1")]);
    crane.run(&["delete", &format!("{host}/acme/app@{digest}")]);
    wharf.admin().repository("acme/app").manifest("v2").await.is(404);
    assert_eq!(digest_of(&wharf.admin(), "globex/team/app", "v1").await, digest);
}
