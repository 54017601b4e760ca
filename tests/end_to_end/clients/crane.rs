//! crane: small and strict; it checks every layer that it gets back.

use super::program::Program;
use super::{acme, archive, built_by_go, digest_of, only_when_public, with_image};
use crate::harness::{ADMIN_PASSWORD, Nodes, Wharf, component};

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
    let (wharf, alice) = acme().await;
    let crane = crane(&wharf);
    std::fs::rename(archive(&wharf, "crane"), crane.directory.join("layer.tar")).unwrap();

    crane.run_lines_of("crane", &wharf);

    let digest = digest_of(&alice, "acme/app", "v1").await;
    assert_eq!(digest_of(&alice, "acme/other", "v1").await, digest);
    alice.repository("acme/app").manifest("v2").await.is(404);
    alice.repository("acme/copy").manifest(&digest).await.is(404);
}

#[tokio::test]
async fn crane_pulls_without_a_login_only_what_is_public() {
    if !component("crane") {
        return;
    }
    let (wharf, name, _) = with_image("crane-public").await;

    only_when_public(&wharf, &crane(&wharf), &["pull", "--format=oci", &name, "layout"]);
}

/// Nodes have nothing between them but a name in the DNS: each connection may meet another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crane_does_not_notice_which_node_it_meets() {
    if !component("crane") {
        return;
    }
    let Some(nodes) = Nodes::start(3).await else { return };
    let (pushing, pulling, door) = (crane(&nodes[0]), crane(&nodes[2]), nodes.door().await);
    let archive = archive(&nodes[0], "crane-nodes").display().to_string();
    let name = format!("{door}/acme/app:v1");
    let login = ["auth", "login", &door, "--username", "admin", "--password-stdin"];

    for crane in [&pushing, &pulling] {
        crane.run_with_input(&login, ADMIN_PASSWORD);
    }
    pushing.run(&["append", "--new_layer", &archive, "--new_tag", &name]);
    log_in(&pulling, &nodes[1], "admin", ADMIN_PASSWORD);

    let elsewhere = format!("{}/acme/app:v1", nodes[1].host());
    for name in [&elsewhere, &name, &name, &name] {
        pulling.run(&["pull", "--format=oci", name, "layout"]);
        pulling.run(&["validate", "--remote", name]);
    }
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
