//! Every client with every kind of credential: a password, an API token, a robot's, and what a job is given for the token
//! of its issuer.

use serde_json::json;

use super::crane::{self, crane};
use super::docker::{self, docker};
use super::program::Program;
use super::{archive, built_by_go};
use crate::harness::issuer::Issuer;
use crate::harness::{Wharf, component};

/// A user, and what it shows.
type Credential = (&'static str, String);

/// A server, and one credential of each kind for writing to acme.
async fn started() -> (Wharf, [Credential; 4]) {
    let wharf = Wharf::start_at_home(&[("WHARF_ISSUER_HOSTS", "127.0.0.1:*")]).await;
    wharf.found(&["acme"]).await;
    let (admin, alice, issuer) =
        (wharf.admin(), wharf.add_user("alice", &["acme:writer"]), Issuer::start().await);
    let token = alice.send_json("POST", "/api/v1/tokens", &json!({ "name": "ci" })).await.is(201).json();
    let acme = "/api/v1/orgs/acme";
    let make = async |path: &str, body| {
        admin.send_json("POST", &format!("{acme}/{path}"), &body).await.is(201).json()
    };
    make("robots", json!({ "name": "ci", "role": "writer" })).await;
    let robot = make("robots/ci/tokens", json!({ "name": "nightly" })).await;
    make("issuers", json!({ "name": "ci", "url": issuer.url })).await;
    let access = json!([{ "repositories": "acme/*", "actions": ["pull", "push"] }]);
    let claims = json!({ "repository": "acme/app" });
    make("issuers/ci/rules", json!({ "name": "push", "claims": claims, "access": access })).await;
    let brought = issuer.token(&wharf.base(), json!({ "sub": "a job", "repository": "acme/app" }));
    let minted =
        wharf.anonymous().send_json("POST", "/_/oidc/mint-token", &json!({ "token": brought })).await;
    let text = |token: &serde_json::Value| token["token"].as_str().unwrap().to_owned();
    let credentials = [
        ("alice", "the-password-of-alice".to_owned()),
        ("alice", text(&token)),
        ("acme+ci", text(&robot)),
        ("__token__", text(&minted.is(200).json())),
    ];
    (wharf, credentials)
}

#[tokio::test]
async fn docker_takes_every_kind_of_credential() {
    if !component("docker") {
        return;
    }
    let (wharf, credentials) = started().await;
    let archive = archive(&wharf, "docker-credentials").display().to_string();
    for (number, (user, secret)) in credentials.iter().enumerate() {
        let docker = docker(&wharf, &format!("number-{number}"));
        let image = format!("{}/acme/docker:v{number}", wharf.host());
        docker::log_in(&docker, &wharf, user, secret);
        docker.run(&["import", &archive, &image]);
        docker.run(&["push", "--quiet", &image]);
        docker.run(&["pull", "--quiet", &image]);
        docker.run(&["rmi", &image]);
    }
}

#[tokio::test]
async fn crane_takes_every_kind_of_credential() {
    if !component("crane") {
        return;
    }
    let (wharf, credentials) = started().await;
    let archive = archive(&wharf, "crane-credentials").display().to_string();
    for (number, (user, secret)) in credentials.iter().enumerate() {
        let crane = crane(&wharf);
        let image = format!("{}/acme/crane:v{number}", wharf.host());
        crane::log_in(&crane, &wharf, user, secret);
        crane.run(&["append", "--new_layer", &archive, "--new_tag", &image]);
        crane.run(&["validate", "--remote", &image]);
    }
}

/// Logs in by each, pushes by it, and reads by it what was pushed.
async fn takes_every_kind(name: &str, log_in: &[&str], round: impl Fn(&Program, &str, usize)) {
    if !component(name) {
        return;
    }
    let (wharf, credentials) = started().await;
    let program = Program::new(&wharf, name, built_by_go(name));
    let host = wharf.host();
    for (number, (user, secret)) in credentials.iter().enumerate() {
        let login = [log_in, &["--username", user, "--password-stdin", &host]].concat();
        program.run_with_input(&login, secret);
        round(&program, &host, number);
    }
}

fn round_of_helm(helm: &Program, host: &str, number: usize) {
    let version = format!("0.{number}.0");
    helm.run(&["create", "hello"]);
    helm.run(&["package", "hello", "--version", &version]);
    helm.run(&["push", "--plain-http", &format!("hello-{version}.tgz"), &format!("oci://{host}/acme")]);
    let chart = format!("oci://{host}/acme/hello");
    helm.run(&["show", "chart", "--plain-http", "--version", &version, &chart]);
}

#[tokio::test]
async fn helm_3_takes_every_kind_of_credential() {
    takes_every_kind("helm3", &["registry", "login", "--plain-http"], round_of_helm).await;
}

#[tokio::test]
async fn helm_4_takes_every_kind_of_credential() {
    takes_every_kind("helm4", &["registry", "login", "--plain-http"], round_of_helm).await;
}

#[tokio::test]
async fn oras_takes_every_kind_of_credential() {
    let round = |oras: &Program, host: &str, number: usize| {
        std::fs::write(oras.directory.join("file"), "content").unwrap();
        let name = format!("{host}/acme/oras:v{number}");
        oras.run(&["push", "--plain-http", &name, "file"]);
        oras.run(&["manifest", "fetch", "--plain-http", &name]);
    };
    takes_every_kind("oras", &["login", "--plain-http"], round).await;
}
