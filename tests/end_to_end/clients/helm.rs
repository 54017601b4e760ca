//! helm, the third and the fourth: a chart in a repository of its name.

use std::path::Path;

use serde_json::{Value, json};

use super::program::Program;
use super::{acme, built_by_go, crane, only_when_public};
use crate::formats::chart::{CONFIG, CONTENT, Chart};
use crate::harness::{Caller, Wharf, component, sha256};

fn helm(wharf: &Wharf, major: &str) -> Program {
    Program::new(wharf, major, built_by_go(major))
}

fn log_in(helm: &Program, wharf: &Wharf) {
    let login = ["registry", "login", "--plain-http", "--username", "alice", "--password-stdin"];
    helm.run_with_input(&[&login[..], &[&wharf.host()]].concat(), "the-password-of-alice");
}

/// Makes the chart `hello`, packs it under this version and pushes it to acme.
fn push(helm: &Program, wharf: &Wharf, version: &str) {
    helm.run(&["create", "hello"]);
    helm.run(&["package", "hello", "--version", version]);
    let (chart, target) = (format!("hello-{version}.tgz"), format!("oci://{}/acme", wharf.host()));
    helm.run(&["push", "--plain-http", &chart, &target]);
}

fn digest_of_file(path: &Path) -> String {
    sha256(&std::fs::read(path).unwrap())
}

async fn logs_in_pushes_shows_and_pulls(major: &str) {
    if !component(major) {
        return;
    }
    let (wharf, alice) = acme().await;
    let helm = helm(&wharf, major);

    let said = helm.run_lines_of("helm", &wharf);

    assert!(said.contains("name: hello"), "{said}");
    let packed = digest_of_file(&helm.directory.join("hello-0.1.0.tgz"));
    assert_eq!(digest_of_file(&helm.directory.join("pulled/hello-0.1.0.tgz")), packed);
    alice.repository("acme/hello").blob(&packed).await.is(200);
}

#[tokio::test]
async fn helm_3_logs_in_pushes_shows_and_pulls() {
    logs_in_pushes_shows_and_pulls("helm3").await;
}

#[tokio::test]
async fn helm_4_logs_in_pushes_shows_and_pulls() {
    logs_in_pushes_shows_and_pulls("helm4").await;
}

/// A range is answered from the list of tags, in which a version's `+` is a `_`.
#[tokio::test]
async fn helm_pulls_the_newest_of_a_range_with_its_provenance() {
    if !component("helm4") {
        return;
    }
    let (wharf, alice) = acme().await;
    let helm = helm(&wharf, "helm4");
    log_in(&helm, &wharf);
    push(&helm, &wharf, "0.1.0");
    // helm pushes what lies beside the chart and does not look inside.
    std::fs::write(helm.directory.join("hello-0.2.0+build.7.tgz.prov"), "signed").unwrap();
    push(&helm, &wharf, "0.2.0+build.7");
    push(&helm, &wharf, "1.0.0");

    let chart = format!("oci://{}/acme/hello", wharf.host());
    let pull = ["pull", "--plain-http", "--prov", "--destination", "pulled", "--version", "<1.0.0", &chart];
    std::fs::create_dir(helm.directory.join("pulled")).unwrap();
    helm.run(&pull);

    let tags = alice.repository("acme/hello").tags("").await.is(200).json();
    assert_eq!(tags["tags"], json!(["0.1.0", "0.2.0_build.7", "1.0.0"]));
    let pulled = helm.directory.join("pulled/hello-0.2.0+build.7.tgz");
    assert_eq!(digest_of_file(&pulled), digest_of_file(&helm.directory.join("hello-0.2.0+build.7.tgz")));
    assert_eq!(std::fs::read_to_string(pulled.with_extension("tgz.prov")).unwrap(), "signed");
}

async fn pulls_without_a_login_only_what_is_public(major: &str) {
    if !component(major) {
        return;
    }
    let (wharf, _) = acme().await;
    let member = helm(&wharf, major);
    log_in(&member, &wharf);
    push(&member, &wharf, "0.1.0");
    let stranger = Program::new(&wharf, "stranger", built_by_go(major));
    let pull = ["pull", "--plain-http", &format!("oci://{}/acme/hello", wharf.host()), "--version", "0.1.0"];

    only_when_public(&wharf, &stranger, &pull);
}

#[tokio::test]
async fn helm_3_pulls_without_a_login_only_what_is_public() {
    pulls_without_a_login_only_what_is_public("helm3").await;
}

#[tokio::test]
async fn helm_4_pulls_without_a_login_only_what_is_public() {
    pulls_without_a_login_only_what_is_public("helm4").await;
}

const FACTS: &str = "/api/v1/orgs/acme/registries/main/repositories";

/// What was read of a chart: everything but where it lies.
async fn facts(caller: &Caller, repository: &str, version: &str) -> (Value, Value) {
    let path = format!("{FACTS}/{repository}/manifests/{version}/facts");
    let fact = caller.get(&path).await.is(200).json()["items"][0].clone();
    (fact["attributes"].clone(), fact["documents"].clone())
}

#[tokio::test]
async fn what_helm_pushes_is_known_and_oras_and_crane_push_the_same() {
    if !component("helm4") || !component("oras") || !component("crane") {
        return;
    }
    let (wharf, alice) = acme().await;
    let helm = helm(&wharf, "helm4");
    log_in(&helm, &wharf);
    push(&helm, &wharf, "0.1.0");
    let (attributes, documents) = facts(&alice, "hello", "0.1.0").await;
    assert_eq!((&attributes["name"], &attributes["version"]), (&json!("hello"), &json!("0.1.0")));
    assert_eq!((&attributes["appVersion"], documents.clone()), (&json!("1.16.0"), json!(["values"])));

    let manifest = alice.repository("acme/hello").manifest("0.1.0").await.is(200).json();
    let config = manifest["config"]["digest"].as_str().unwrap();
    let config = alice.repository("acme/hello").blob(config).await.is(200).body;
    std::fs::write(helm.directory.join("config.json"), config).unwrap();
    let oras = helm.beside(built_by_go("oras"));
    let login = ["login", "--plain-http", "--username", "alice", "--password-stdin"];
    oras.run_with_input(&[&login[..], &[&wharf.host()]].concat(), "the-password-of-alice");
    let target = format!("{}/acme/main/copies/hello:0.1.0", wharf.host());
    let (config, content) = (format!("config.json:{CONFIG}"), format!("hello-0.1.0.tgz:{CONTENT}"));
    oras.run(&["push", "--plain-http", "--config", &config, &target, &content]);

    assert_eq!(facts(&alice, "copies/hello", "0.1.0").await, (attributes.clone(), documents.clone()));

    let crane = helm.beside(built_by_go("crane"));
    crane::log_in(&crane, &wharf, "alice", "the-password-of-alice");
    crane.run(&["pull", "--format=oci", &format!("{}/acme/main/hello:0.1.0", wharf.host()), "layout"]);
    crane.run(&["push", "layout", &format!("{}/acme/main/again/hello:0.1.0", wharf.host())]);

    assert_eq!(facts(&alice, "again/hello", "0.1.0").await, (attributes, documents));
}

/// helm makes the config from what it reads itself, so a lie can only lie in an archive of two minds.
async fn prints_why_a_chart_is_refused(major: &str) {
    if !component(major) {
        return;
    }
    let (wharf, _) = acme().await;
    let helm = helm(&wharf, major);
    log_in(&helm, &wharf);
    let mut chart = Chart::new("hello", "9.9.9");
    let honest = Chart::new("hello", "0.1.0").files[0].clone();
    chart.files.insert(0, honest);
    std::fs::write(helm.directory.join("hello.tgz"), chart.packaged()).unwrap();
    let refused =
        helm.try_run(&["push", "--plain-http", "hello.tgz", &format!("oci://{}/acme", wharf.host())], "");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("the packaged chart holds Chart.yaml twice"),
        "{said}"
    );
}

#[tokio::test]
async fn helm_3_prints_why_a_chart_is_refused() {
    prints_why_a_chart_is_refused("helm3").await;
}

#[tokio::test]
async fn helm_4_prints_why_a_chart_is_refused() {
    prints_why_a_chart_is_refused("helm4").await;
}
