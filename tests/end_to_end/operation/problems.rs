//! Refusals outside the distribution API: problem+json (RFC 9457), with the id that the log has.

use crate::harness::{Answer, Wharf};

pub(crate) fn is_problem(answer: Answer, status: u16) {
    let answer = answer.is(status);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let body = answer.json();
    assert_eq!(body["status"], status);
    for field in ["type", "title", "detail"] {
        assert!(body[field].as_str().is_some_and(|text| !text.is_empty()), "no {field} in {body}");
    }
    assert_eq!(body["request_id"], answer.header("x-request-id"));
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_a_problem() {
    let wharf = Wharf::start().await;

    for path in ["/", "/nothing", "/token/more", "/v1/", "/v3/", "/healthz/", "/%2e%2e/etc/passwd"] {
        is_problem(wharf.anonymous().get(path).await, 404);
        is_problem(wharf.admin().post(path).await, 404);
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_take_is_a_problem() {
    let wharf = Wharf::start().await;

    for (method, path) in
        [("DELETE", "/healthz"), ("POST", "/readyz"), ("PUT", "/token"), ("PATCH", "/token")]
    {
        let answer = wharf.anonymous().request(method, path).header("content-length", "0").send().await;
        assert!(answer.header("allow").contains("GET"), "{method} {path}");
        is_problem(answer, 405);
    }
}

#[tokio::test]
async fn the_distribution_api_refuses_in_its_own_shape() {
    let wharf = Wharf::start().await;
    let admin = wharf.admin();

    admin.get("/v2/hello/nothing").await.is(404).error("NAME_UNKNOWN");
    admin.request("PATCH", "/v2/").header("content-length", "0").send().await.is(405).error("UNSUPPORTED");
    admin.delete("/v2/hello/tags/list").await.is(405).error("UNSUPPORTED");
    admin.post("/v2/hello/manifests/v1").await.is(405).error("UNSUPPORTED");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_in_the_shape_of_its_door() {
    let wharf = Wharf::start().await;
    let large = "x".repeat(40_000);

    let of = async |path: &str| wharf.anonymous().request("GET", path).header("x-large", &large).send().await;

    is_problem(of("/healthz").await, 431);
    of("/v2/hello/tags/list").await.is(431).first_error();
}
