//! docker: the command line against a daemon that was started for the tests.

use super::documented::documented_host;
use super::program::Program;
use super::{acme, archive, digest_of, only_when_public, path_from_environment, with_image};
use crate::harness::{Wharf, component};

pub(super) fn docker(wharf: &Wharf, user: &str) -> Program {
    let host = path_from_environment("WHARF_TEST_DOCKER_HOST");
    Program::new(wharf, &format!("docker-of-{user}"), "docker").with_variable("DOCKER_HOST", host)
}

pub(super) fn log_in(docker: &Program, wharf: &Wharf, user: &str, password: &str) {
    docker.run_with_input(&["login", &wharf.host(), "--username", user, "--password-stdin"], password);
}

/// The digest that docker knows an image of this repository by.
pub(super) fn known_digest(docker: &Program, image: &str) -> String {
    let digest = docker.run(&["image", "inspect", "--format", "{{index .RepoDigests 0}}", image]);
    digest.split_once('@').expect("name and digest").1.to_owned()
}

#[tokio::test]
async fn docker_logs_in_pushes_and_pulls() {
    if !component("docker") {
        return;
    }
    let (wharf, alice) = acme().await;
    let docker = docker(&wharf, "alice");
    let image = format!("{}/acme/app:v1", wharf.host());
    let archive = archive(&wharf, "docker").display().to_string();
    docker.run(&["import", &archive, &image]);

    let refused = docker.try_run(&["push", &image], "");
    assert!(!refused.status.success(), "docker pushed without a login");
    log_in(&docker, &wharf, "alice", "the-password-of-alice");
    docker.run(&["push", &image]);
    let pushed = known_digest(&docker, &image);
    docker.run(&["rmi", &image]);
    docker.run(&["pull", "--quiet", &image]);

    assert_eq!(known_digest(&docker, &image), pushed);
    assert_eq!(digest_of(&alice, "acme/app", "v1").await, pushed);
    docker.run(&["rmi", &image]);
}

/// docker mounts layers that it knows from another repository.
#[tokio::test]
async fn docker_pushes_the_same_image_to_a_second_repository() {
    if !component("docker") {
        return;
    }
    let wharf = Wharf::start().await;
    let docker = docker(&wharf, "admin");
    log_in(&docker, &wharf, "admin", crate::harness::ADMIN_PASSWORD);
    let (one, two) = (format!("{}/acme/one:v1", wharf.host()), format!("{}/globex/two:v1", wharf.host()));
    let archive = archive(&wharf, "docker-mount").display().to_string();
    docker.run(&["import", &archive, &one]);
    docker.run(&["tag", &one, &two]);

    docker.run(&["push", &one]);
    docker.run(&["push", &two]);

    let admin = wharf.admin();
    assert_eq!(digest_of(&admin, "acme/one", "v1").await, digest_of(&admin, "globex/two", "v1").await);
    docker.run(&["rmi", &one, &two]);
}

#[tokio::test]
async fn docker_says_so_when_the_password_is_wrong() {
    if !component("docker") {
        return;
    }
    let wharf = Wharf::start().await;
    let docker = docker(&wharf, "admin");

    let refused = docker
        .try_run(&["login", &wharf.host(), "--username", "admin", "--password-stdin"], "not-the-password");

    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).to_lowercase();
    assert!(said.contains("unauthorized") || said.contains("401"), "{said}");
}

#[tokio::test]
async fn docker_pulls_without_a_login_only_what_is_public() {
    if !component("docker") {
        return;
    }
    let (wharf, name, image) = with_image("docker-public").await;
    let anyone = docker(&wharf, "nobody");

    only_when_public(&wharf, &anyone, &["pull", "--quiet", &name]);

    assert_eq!(known_digest(&anyone, &name), image.digest());
    anyone.run(&["rmi", &name]);
}

#[tokio::test]
async fn the_lines_for_docker_work() {
    if !component("docker") {
        return;
    }
    let (wharf, alice) = acme().await;
    let docker = docker(&wharf, "alice");
    docker.run(&["import", &archive(&wharf, "docker-lines").display().to_string(), "app:v1"]);

    docker.run_lines_of("docker", &wharf);

    let image = format!("{}/acme/app:v1", documented_host(&wharf));
    assert_eq!(digest_of(&alice, "acme/app", "v1").await, known_digest(&docker, &image));
    docker.run(&["rmi", "app:v1", &image]);
}
