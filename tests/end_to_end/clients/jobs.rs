//! Publishing clients in a job of a build service: none has a password, and what they attest is served as theirs.

use serde_json::{Value, json};

use super::python::{put, python, upload_url};
use crate::formats::attestations::{PUBLISH, World, provenance};
use crate::formats::wheel::{Distribution, INDEX};
use crate::harness::component;

/// The attestations that are served of a file.
async fn served(world: &World, file: &Distribution) -> Value {
    // The programs take their time, and a connection that nobody uses is closed.
    let provenance = world.wharf.admin().get(&provenance(file)).await.is(200).json();
    provenance["attestation_bundles"].clone()
}

// The issuer answers while the program runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pdm_publishes_as_the_job_that_it_runs_in() {
    if !component("python") {
        return;
    }
    let world = World::start().await;
    let (pdm, wheel) = (python(&world.wharf, "pdm"), Distribution::wheel("foo", "1.0"));
    std::fs::create_dir_all(pdm.directory.join("dist")).unwrap();
    std::fs::create_dir_all(pdm.directory.join("__pypackages__")).unwrap();
    std::fs::write(pdm.directory.join("pyproject.toml"), "[project]\nname = \"foo\"\nversion = \"1.0\"\n")
        .unwrap();
    std::fs::write(pdm.directory.join("dist").join(&wheel.filename), &wheel.bytes).unwrap();
    let pdm = pdm.with_variable("PDM_USE_VENV", "0").with_variable("PDM_CHECK_UPDATE", "0");
    let pdm = pdm.with_variable("GITHUB_ACTIONS", "true");
    let pdm = pdm.with_variable("ACTIONS_ID_TOKEN_REQUEST_URL", world.issuer.run_job(World::claims()));
    let pdm = pdm.with_variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-the-job");

    let admin = world.wharf.admin();
    // The query of the URL goes along to the exchange, and so the job names its organisation, which reads who it is.
    for (query, is_named) in [("", false), ("?organisation=acme", true)] {
        pdm.run(&["publish", "--no-build", "-r", &format!("{}{query}", upload_url(&world.wharf))]);
        let log = admin.get("/api/v1/orgs/acme/audit?action=workload.login").await.is(200).json();
        let logins: Vec<String> = log["items"].as_array().unwrap().iter().map(Value::to_string).collect();
        let named = logins.iter().any(|login| login.contains("subject=repo:acme/foo"));
        assert_eq!((logins.len(), named), (1 + usize::from(is_named), is_named), "{logins:?}");
    }
    admin.get(&format!("{INDEX}/files/foo/{}", wheel.filename)).await.is(200).has_body(&wheel.bytes);
}

#[tokio::test]
async fn twine_and_uv_publish_what_a_job_attests() {
    if !component("python") {
        return;
    }
    let world = World::start().await;
    let url = upload_url(&world.wharf);
    let files = [("twine", Distribution::wheel("foo", "1.0")), ("uv", Distribution::source("foo", "1.0"))];
    for (client, distribution) in files {
        let (program, token) = (python(&world.wharf, client), world.mint().await);
        let attested = world.attest(&distribution, PUBLISH);
        put(&program, &distribution);
        let beside = format!("{}.publish.attestation", distribution.filename);
        std::fs::write(program.directory.join(&beside), attested.to_string()).unwrap();
        let file = distribution.filename.as_str();
        match client {
            "twine" => {
                let fixed = ["upload", "--non-interactive", "--disable-progress-bar", "--attestations"];
                let how = ["--repository-url", &url, "-u", "__token__", "-p", &token, file, &beside];
                program.run(&[&fixed[..], &how].concat());
            }
            _ => drop(program.run(&["publish", "--publish-url", &url, "-t", &token, file, &beside])),
        }
        let served = served(&world, &distribution).await;
        assert_eq!(served[0]["attestations"], json!([attested]), "{client}");
        assert_eq!(served[0]["publisher"]["workflow"], ".github/workflows/release.yml");
    }
}
