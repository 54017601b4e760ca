//! schemathesis: requests that are made from the API's own document, as it allows and as it does not, by somebody who may
//! do everything. None of them is a fault of the server's, and every answer is one that the document tells of.

use serde_json::json;

use super::python::python;
use crate::harness::{ADMIN_PASSWORD, Image, Wharf, component};

/// What there is, by the names in paths: so that requests come further than to a 404.
const NAMES: &str = r#"
[parameters]
"path.org" = "acme"
"path.registry" = "main"
"path.repository" = "app"
"path.reference" = "v1"
"path.tag" = "v1"
"path.user" = "alice"
"path.robot" = "ci"
"path.webhook" = "1"
"path.delivery" = "1"
"path.issuer" = "ci"
"#;

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
                      response_headers_conformance,negative_data_rejection";

#[tokio::test]
async fn every_answer_of_the_api_is_one_that_its_document_tells_of() {
    if !component("python") {
        return;
    }
    let (wharf, image) = (Wharf::start().await, Image::oci(1));
    wharf.admin().repository("acme/app").push_image(&image, "v1").await;
    wharf.add_user("alice", &["acme:viewer"]);
    for (path, body) in [
        ("robots", json!({ "name": "ci", "role": "writer" })),
        ("webhooks", json!({ "url": "https://ci.example/hook" })),
        ("issuers", json!({ "name": "ci", "url": "https://ci.example" })),
    ] {
        wharf.admin().send_json("POST", &format!("/api/v1/orgs/acme/{path}"), &body).await.is(201);
    }
    let program = python(&wharf, "schemathesis");
    std::fs::write(program.directory.join("schemathesis.toml"), NAMES).unwrap();
    let (document, operator) =
        (format!("{}/api/openapi.json", wharf.base()), format!("admin:{ADMIN_PASSWORD}"));
    let run = ["run", &document, "--auth", &operator, "--checks", CHECKS, "--phases", "coverage,fuzzing"];
    // The same requests each time, so that what fails is new.
    let manner = ["--generation-deterministic", "--continue-on-failure", "--no-color"];
    // What removes things comes last, and removes them all.
    for part in [
        ["--max-time", "25", "--exclude-method", "DELETE"],
        ["--max-time", "10", "--include-method", "DELETE"],
    ] {
        let said = program.run(&[&run[..], &manner, &part].concat());
        assert!(said.contains("Test cases:"), "{said}");
    }
    assert!(!wharf.log().contains("panicked"));
}
