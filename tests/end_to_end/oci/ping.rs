//! `GET /v2/`: every client's first question, and the answer that sends it to the token service.

use crate::harness::Wharf;

#[tokio::test]
async fn ping_without_credentials_is_challenged() {
    let wharf = Wharf::start().await;

    let answer = wharf.anonymous().get("/v2/").await.is(401).error("UNAUTHORIZED");

    assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");
    let challenge = answer.challenge();
    assert_eq!(challenge.scheme, "Bearer");
    assert_eq!(challenge.parameter("realm"), format!("{}/token", wharf.base()));
    assert!(!challenge.parameter("service").is_empty());
    assert_eq!(challenge.get("error"), None);
}

#[tokio::test]
async fn ping_without_credentials_is_challenged_beside_public_registries() {
    let wharf = Wharf::start().await;
    wharf.found(&["open"]).await;
    wharf.set_public("open/main", true);

    wharf.anonymous().get("/v2/").await.is(401);
}

#[tokio::test]
async fn the_realm_is_at_the_host_that_was_asked() {
    let wharf = Wharf::start().await;

    let answer =
        wharf.anonymous().request("GET", "/v2/").header("host", "registry.example:5000").send().await;

    assert_eq!(answer.is(401).challenge().parameter("realm"), "http://registry.example:5000/token");
}

#[tokio::test]
async fn ping_with_a_password_is_welcome() {
    let wharf = Wharf::start().await;

    let answer = wharf.admin().get("/v2/").await.is(200);

    assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");
}

#[tokio::test]
async fn ping_with_a_token_is_welcome() {
    let wharf = Wharf::start().await;

    wharf.admin().with_token(&[]).await.get("/v2/").await.is(200);
}

#[tokio::test]
async fn ping_with_a_wrong_password_is_refused() {
    let wharf = Wharf::start().await;

    let answer = wharf.caller("admin", "not-the-password").get("/v2/").await.is(401).error("UNAUTHORIZED");

    assert_eq!(answer.challenge().scheme, "Bearer");
}

#[tokio::test]
async fn an_unknown_endpoint_is_refused_in_the_shape_of_the_protocol() {
    let wharf = Wharf::start().await;
    let admin = wharf.admin();

    for path in ["/v2/hello", "/v2/hello/unknown", "/v2/hello/blobs", "/v2/hello/manifests/"] {
        admin.get(path).await.any_of(&[400, 404]).first_error();
    }
    admin.post("/v2/hello/tags/list").await.any_of(&[404, 405]).first_error();
}
