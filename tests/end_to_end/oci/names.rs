//! Names: the legal odd ones work, the illegal ones are refused, and none of them is a fault of the server.

use super::at;
use crate::harness::{Caller, Wharf, noise, raw, sha256};

/// Legal names that trap routers.
#[tokio::test]
async fn names_made_of_our_own_words_are_repositories() {
    let (_wharf, repository) = at("hello").await;
    let content = noise(1, 100);

    for name in
        ["acme/blobs/uploads", "acme/team/manifests", "acme/team/tags/list", "acme/team/referrers/x", "tags"]
    {
        let repository = repository.caller.repository(name);
        let digest = repository.push_blob(&content).await;
        repository.push_empty_index(&["latest"]).await;
        repository.blob(&digest).await.is(200).has_body(&content);
        repository.manifest("latest").await.is(200);
        assert_eq!(repository.tags("").await.is(200).json()["name"], name);
    }
}

#[tokio::test]
async fn every_legal_character_is_accepted() {
    let (_wharf, repository) = at("hello").await;

    for name in ["a.b/c_d", "a__b/c--d", "0/1", "acme/team/a.b_c-d/e__f/g---h"] {
        repository.caller.repository(name).push_empty_index(&["v1"]).await;
    }
}

#[tokio::test]
async fn a_name_that_is_none_is_refused() {
    let wharf = Wharf::start().await;
    let admin = wharf.admin();
    let long = format!("acme/{}", "x".repeat(300));
    let deep = format!("acme/team{}", "/x".repeat(2_000));

    for name in [
        "UPPER",
        "acme/Upper",
        "a..b/c",
        "a._b/c",
        "-a/b",
        "a-/b",
        "a/b_",
        "a//b",
        "a/b/",
        "%C3%BCmlaut",
        &long,
        &deep,
    ] {
        for rest in ["tags/list", "manifests/latest", &format!("blobs/{}", sha256(b"x"))] {
            refused(&admin, "GET", &format!("/v2/{name}/{rest}")).await;
        }
        refused(&admin, "POST", &format!("/v2/{name}/blobs/uploads/")).await;
    }
}

#[tokio::test]
async fn paths_that_climb_are_refused() {
    let wharf = Wharf::start().await;
    let admin = wharf.admin();

    for path in [
        "/v2/../etc/passwd/tags/list",
        "/v2/acme/../../tags/list",
        "/v2/./acme/app/tags/list",
        "/v2/acme/%2e%2e/%2e%2e/tags/list",
        "/v2/%2e%2e%2f%2e%2e%2fetc/tags/list",
        "/v2/acme%2Fapp%2f..%2fother/tags/list",
        "/v2/acme/%252e%252e/tags/list",
        "/v2/acme/app%00/tags/list",
        "/v2/acme/app%0a/tags/list",
        "/v2/acme/%ff%fe/tags/list",
        "/v2/acme/app/manifests/..%2f..%2fsecret",
        "/v2/acme/app/blobs/sha256:..%2f..%2fsecret",
        "/v2/acme/app/blobs/uploads/..%2f..%2fsecret",
        "/v2//tags/list",
        "/v2/%/tags/list",
        "/v2/%zz/tags/list",
    ] {
        refused(&admin, "GET", path).await;
        refused(&admin, "DELETE", path).await;
    }
}

/// One decoding, before everything else: the guard and the handler see the same name.
#[tokio::test]
async fn an_encoded_name_passes_the_same_gate_as_a_plain_one() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let secret = wharf.admin().repository("acme/secret");
    let digest = secret.push_blob(&noise(2, 100)).await;
    let stranger = wharf.add_user("sam", &[]);

    for name in ["acme/%73ecret", "acme%2Fsecret", "acme%2fmain%2fsecret", "%61cme/secret"] {
        let path = format!("/v2/{name}/blobs/{digest}");
        let (status, text) = raw::ask(&stranger, "GET", &path).await;
        assert!([400, 404].contains(&status), "{path}: {text}");
        let (status, text) = raw::ask(&wharf.anonymous(), "GET", &path).await;
        assert!([400, 401, 404].contains(&status), "{path}: {text}");
    }
}

#[tokio::test]
async fn reserved_first_segments_are_no_organisations() {
    let wharf = Wharf::start().await;
    let admin = wharf.admin();

    for name in ["v2/app", "api/app", "token/app", "pypi/app", "plugins/app"] {
        let opened = admin.repository(name).open_upload().await;
        opened.any_of(&[400, 403, 404]).first_error();
    }
}

async fn refused(caller: &Caller, method: &str, path: &str) {
    let (status, text) = raw::ask(caller, method, path).await;
    assert!([400, 404, 405, 414].contains(&status), "{method} {path}: {text}");
    assert!(text.contains("\"errors\""), "{method} {path} not in the shape of the protocol: {text}");
}
