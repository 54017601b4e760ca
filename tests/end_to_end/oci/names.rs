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
            refused(&admin, "GET", &format!("/v2/{name}/{rest}"), NO_NAME).await;
        }
        refused(&admin, "POST", &format!("/v2/{name}/blobs/uploads/"), NO_NAME).await;
    }
}

/// The parts have bounds of their own. What clients take of a host and a name together, often 255 characters, is their bound:
/// who uses all that is had here pulls with others.
#[tokio::test]
async fn names_of_the_longest_kind_are_accepted_and_longer_ones_are_not() {
    let wharf = Wharf::start().await;
    let admin = wharf.admin();
    let (short, repository) = ("x".repeat(64), "y".repeat(190));
    let deep = |last: &str| format!("{}{last}", "y/".repeat(94));
    assert_eq!(deep("zz").len(), 190);

    for name in [
        format!("{short}/{repository}"),
        format!("acme/{short}/{repository}"),
        format!("{short}/{short}/{}", deep("zz")),
    ] {
        admin.repository(&name).push_empty_index(&["v1"]).await;
        assert_eq!(admin.repository(&name).tags("").await.is(200).json()["name"], name);
    }
    for name in [
        format!("x{short}/app"),
        format!("acme/y{repository}"),
        format!("acme/x{short}/app"),
        format!("acme/{short}/{}", deep("zzz")),
    ] {
        refused(&admin, "GET", &format!("/v2/{name}/tags/list"), NO_NAME).await;
        refused(&admin, "POST", &format!("/v2/{name}/blobs/uploads/"), NO_NAME).await;
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
        "/v2//tags/list",
        "/v2/%/tags/list",
        "/v2/%zz/tags/list",
    ] {
        refused(&admin, "GET", path, NO_NAME).await;
        refused(&admin, "DELETE", path, NO_NAME).await;
    }
    // Decoded they end in no form of the API.
    for path in [
        "/v2/acme/app/manifests/..%2f..%2fsecret",
        "/v2/acme/app/blobs/sha256:..%2f..%2fsecret",
        "/v2/acme/app/blobs/uploads/..%2f..%2fsecret",
    ] {
        refused(&admin, "GET", path, NO_PATH).await;
        refused(&admin, "DELETE", path, NO_PATH).await;
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
        assert_eq!(status, 404, "{path}: {text}");
        let (status, text) = raw::ask(&wharf.anonymous(), "GET", &path).await;
        assert_eq!(status, 401, "{path}: {text}");
        let (status, text) = raw::ask(&wharf.admin(), "GET", &path).await;
        assert_eq!(status, 200, "{path}: {text}");
    }
}

#[tokio::test]
async fn reserved_first_segments_are_no_organisations() {
    let wharf = Wharf::start().await;
    let admin = wharf.admin();

    for name in ["v2/app", "api/app", "token/app", "pypi/app", "plugins/app"] {
        admin.repository(name).open_upload().await.is(400).error("NAME_INVALID");
    }
}

/// A path that ends in a form of the API, below a name that is none.
const NO_NAME: (u16, &str) = (400, "NAME_INVALID");
/// A path that ends in no form of the API.
const NO_PATH: (u16, &str) = (404, "NAME_UNKNOWN");

async fn refused(caller: &Caller, method: &str, path: &str, (expected, code): (u16, &str)) {
    let (status, text) = raw::ask(caller, method, path).await;
    assert_eq!(status, expected, "{method} {path}: {text}");
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["errors"][0]["code"], code, "{method} {path}: {text}");
}
