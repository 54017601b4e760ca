//! What is refused before any route looks at it: bodies that are not what they seem, and scripts of other sites.

use super::problems::is_problem;
use crate::harness::media_type::OCI_INDEX;
use crate::harness::{Answer, Image, Wharf, noise, sha256};

fn wants_it_plain(answer: &Answer) {
    assert_eq!(answer.header("accept-encoding"), "identity");
}

#[tokio::test]
async fn a_compressed_body_is_refused_and_nothing_comes_of_it() {
    let wharf = Wharf::start().await;
    let repository = wharf.admin().repository("acme/app");
    let index = Image::index(OCI_INDEX, &[]);
    let upload = repository.upload().await;

    for coding in ["gzip", "identity, zstd", "x-unknown"] {
        let push = repository.manifest_push("v1", OCI_INDEX, &index).header("content-encoding", coding);
        let refused = push.send().await.is(415).error("UNSUPPORTED");
        wants_it_plain(&refused);
        let request = upload.caller.request("PATCH", &upload.location).header("content-encoding", coding);
        request.body(noise(1, 100)).send().await.is(415).error("UNSUPPORTED");
        let form = wharf.anonymous().request("POST", "/token").header("content-encoding", coding);
        form.body("grant_type=password").send().await.is(415).error("UNSUPPORTED");
        let elsewhere = wharf.anonymous().request("POST", "/healthz").header("content-encoding", coding);
        is_problem(elsewhere.body("x").send().await, 415);
    }

    assert_eq!(upload.offset().await, 0);
    repository.manifest("v1").await.is(404);
}

#[tokio::test]
async fn a_body_that_says_it_is_plain_is_taken() {
    let wharf = Wharf::start().await;
    let repository = wharf.admin().repository("acme/app");
    let content = noise(1, 1_000);
    let digest = sha256(&content);

    let closing = repository.upload().await.closing(&digest).header("content-encoding", "identity");

    closing.body(content.clone()).send().await.is(201);
    repository.blob(&digest).await.is(200).has_body(&content);
}

#[tokio::test]
async fn scripts_of_other_sites_are_told_nothing() {
    let wharf = Wharf::start().await;

    for path in ["/v2/", "/v2/acme/app/tags/list", "/token", "/healthz", "/nothing"] {
        let request = wharf.anonymous().request("OPTIONS", path).header("origin", "https://evil.example");
        let preflight = request.header("access-control-request-method", "GET").send().await;
        assert!(preflight.status == 405 || preflight.status == 404, "{preflight:?}");
        let get = wharf.admin().request("GET", path).header("origin", "https://evil.example").send().await;
        for answer in [preflight, get] {
            let cors = answer.headers.keys().find(|name| name.as_str().starts_with("access-control-"));
            assert!(cors.is_none(), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_method_that_is_not_taken_is_answered_with_those_that_are() {
    let wharf = Wharf::start().await;
    let blob = format!("/v2/acme/app/blobs/{}", sha256(b"x"));

    for (method, path, allowed) in [
        ("OPTIONS", "/v2/", "GET, HEAD"),
        ("POST", "/v2/acme/app/manifests/v1", "GET, HEAD, PUT, DELETE"),
        ("PUT", blob.as_str(), "GET, HEAD, DELETE"),
        ("DELETE", "/v2/acme/app/tags/list", "GET, HEAD"),
        ("GET", "/v2/acme/app/blobs/uploads/", "POST"),
    ] {
        let answer = wharf.admin().request(method, path).header("content-length", "0").send().await;
        answer.is(405).has_header("allow", allowed);
    }
}
