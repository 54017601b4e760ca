//! The catalog: what the caller may read, in canonical names, in pages.

use crate::harness::{Caller, Wharf};

/// Every page of the catalog, from a first query on.
async fn catalog(caller: &Caller, query: &str) -> Vec<Vec<String>> {
    let mut answer = caller.get(&format!("/v2/_catalog{query}")).await.is(200);
    let mut pages = Vec::new();
    loop {
        let body = answer.json();
        let names = body["repositories"].as_array().expect("a list of repositories");
        pages.push(names.iter().map(|name| name.as_str().unwrap().to_owned()).collect());
        assert!(pages.len() < 100, "the pages never end");
        let Some(next) = answer.next_page() else { return pages };
        answer = caller.get(&next).await.is(200);
    }
}

async fn with_repositories(names: &[&str]) -> Wharf {
    let wharf = Wharf::start().await;
    for name in names {
        wharf.admin().repository(name).push_empty_index(&["v1"]).await;
    }
    wharf
}

#[tokio::test]
async fn the_catalog_of_an_empty_registry_is_empty() {
    let wharf = Wharf::start().await;

    assert_eq!(catalog(&wharf.admin(), "").await.concat(), Vec::<String>::new());
}

#[tokio::test]
async fn the_catalog_lists_canonical_names_in_order() {
    let wharf =
        with_repositories(&["library/main/hello", "acme/main/app", "acme/team/a/b", "zebra/one"]).await;

    let names = catalog(&wharf.admin(), "").await.concat();

    assert_eq!(names, ["acme/app", "acme/team/a/b", "hello", "zebra/one"]);
}

#[tokio::test]
async fn pages_of_the_catalog_follow_each_other_without_gap() {
    let wharf = with_repositories(&["b/one", "a/one", "hello", "a/two", "a/x/y"]).await;
    let admin = wharf.admin();
    let all = catalog(&admin, "").await.concat();
    assert_eq!(all.len(), 5);

    for n in 1..=6 {
        let pages = catalog(&admin, &format!("?n={n}")).await;
        assert_eq!(pages.concat(), all, "n={n}");
        assert!(pages.iter().all(|page| page.len() <= n), "n={n}");
    }
    assert_eq!(catalog(&admin, &format!("?last={}", all[2])).await.concat(), all[3..]);
    assert_eq!(catalog(&admin, "?n=0").await.concat(), Vec::<String>::new());
}

#[tokio::test]
async fn the_catalog_holds_only_what_its_reader_may_read() {
    let wharf = with_repositories(&["acme/app", "acme/team/app", "globex/app", "open/app", "hello"]).await;
    wharf.set_public("open/main", true);
    let viewer = wharf.add_user("vera", &["acme:viewer"]);
    let stranger = wharf.add_user("sam", &[]);

    assert_eq!(catalog(&viewer, "").await.concat(), ["acme/app", "acme/team/app", "open/app"]);
    assert_eq!(catalog(&stranger, "").await.concat(), ["open/app"]);
    assert_eq!(catalog(&viewer, "?n=2").await.concat(), ["acme/app", "acme/team/app", "open/app"]);
}

#[tokio::test]
async fn the_catalog_opens_to_a_token_for_it() {
    let wharf = with_repositories(&["acme/app"]).await;
    let admin = wharf.admin();

    let allowed = admin.with_token(&["registry:catalog:*"]).await;

    assert_eq!(catalog(&allowed, "").await.concat(), ["acme/app"]);
}

#[tokio::test]
async fn a_repository_is_listed_from_its_first_manifest_on() {
    let wharf = Wharf::start().await;
    let repository = wharf.admin().repository("acme/app");

    repository.push_blob(&crate::harness::noise(1, 10)).await;
    assert_eq!(catalog(&wharf.admin(), "").await.concat(), Vec::<String>::new());
    repository.push_empty_index(&["v1"]).await;
    assert_eq!(catalog(&wharf.admin(), "").await.concat(), ["acme/app"]);
}

/// Else `oras repo ls` and `regctl repo ls` would show a user who logged in what is public, and nothing more.
#[tokio::test]
async fn the_catalog_asks_nobody_for_a_login_and_an_anonymous_token_lists_what_is_public() {
    let wharf = with_repositories(&["acme/app", "open/app"]).await;
    wharf.set_public("open/main", true);
    let anonymous = wharf.anonymous();

    let challenge = anonymous.get("/v2/_catalog").await.is(401).error("UNAUTHORIZED").challenge();
    assert_eq!(challenge.parameter("scope"), "registry:catalog:*");
    let anyone = anonymous.with_token(&["registry:catalog:*"]).await;

    assert_eq!(catalog(&anyone, "").await.concat(), ["open/app"]);
}
