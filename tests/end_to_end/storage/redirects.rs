//! Who fetches a blob is sent to the bucket where that is wanted, and only then.

use crate::harness::{ADMIN_PASSWORD, Wharf, noise, storage};

use super::at;

#[tokio::test]
async fn a_get_is_sent_to_the_bucket_and_a_head_is_answered_here() {
    let Some((wharf, repository)) = at("&redirect=on").await else { return };
    let content = noise(1, 70_000);
    let digest = repository.push_blob(&content).await;

    let redirect = repository.blob(&digest).await.is(307).has_header("cache-control", "no-store");
    let redirect = redirect.has_header("docker-content-digest", &digest).lacks_header("etag");
    let there = redirect.header("location").to_owned();
    let stranger = wharf.anonymous();
    stranger
        .get(&there)
        .await
        .is(200)
        .has_body(&content)
        .has_header("content-type", "application/octet-stream");
    let part = stranger.request("GET", &there).header("range", "bytes=10-19").send().await;
    part.is(206).has_body(&content.slice(10..20));

    let head = repository.head_blob(&digest).await.is(200).has_header("content-length", "70000");
    head.has_header("docker-content-digest", &digest).has_header("accept-ranges", "bytes");
    let behind = repository.caller.request("GET", &repository.path(&format!("blobs/{digest}")));
    behind.header("range", "bytes=70000-").send().await.is(416);
}

#[tokio::test]
async fn a_link_opens_nothing_but_its_blob() {
    let Some((wharf, repository)) = at("&redirect=on").await else { return };
    let digest = repository.push_blob(&noise(2, 100)).await;
    let there = repository.blob(&digest).await.is(307).header("location").to_owned();

    wharf.anonymous().request("PUT", &there).body("mine").send().await.is(403);
    wharf.anonymous().delete(&there).await.is(403);
    wharf.anonymous().get(&there.replace("X-Amz-Expires=300", "X-Amz-Expires=301")).await.is(403);
    wharf.anonymous().repository("acme/app").blob(&digest).await.is(401);
}

#[tokio::test]
async fn links_lead_to_the_public_endpoint_for_as_long_as_is_set() {
    let parameters = "&public_endpoint=https://bytes.example&redirect_lifetime=90s";
    let Some((_wharf, repository)) = at(parameters).await else { return };
    let digest = repository.push_blob(&noise(3, 100)).await;

    let there = repository.blob(&digest).await.is(307).header("location").to_owned();

    assert!(there.starts_with("https://bytes.example/"), "{there}");
    assert!(there.contains("X-Amz-Expires=90&"), "{there}");
}

#[tokio::test]
async fn a_registry_may_keep_its_clients_to_itself() {
    let Some((wharf, repository)) = at("&redirect=on").await else { return };
    let content = noise(5, 100);
    let digest = repository.push_blob(&content).await;
    let other = wharf.admin().repository("acme/team/app");
    other.push_blob(&content).await;

    wharf.set_redirect("acme/main", "off");
    repository.blob(&digest).await.is(200).has_body(&content);
    other.blob(&digest).await.is(307);
    wharf.set_redirect("acme/main", "on");
    repository.blob(&digest).await.is(307);
}

#[tokio::test]
async fn only_clients_of_the_named_networks_are_sent_to_the_bucket() {
    let Some(storage) = storage::bucket("&redirect=on") else { return };
    let wharf = Wharf::start_with(&[
        ("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD),
        ("WHARF_STORAGE", &storage),
        ("WHARF_REDIRECT_NETWORKS", "10.0.0.0/8, 2001:db8::/32"),
        ("WHARF_TRUSTED_PROXIES", "127.0.0.1"),
    ])
    .await;
    let repository = wharf.admin().repository("acme/app");
    let content = noise(6, 100);
    let digest = repository.push_blob(&content).await;
    let from = async |address: &str| {
        let pull = repository.caller.request("GET", &repository.path(&format!("blobs/{digest}")));
        pull.header("x-forwarded-for", address).send().await
    };

    for near in ["10.1.2.3", "2001:db8::1"] {
        from(near).await.is(307);
    }
    for far in ["192.0.2.1", "2001:db9::1"] {
        from(far).await.is(200).has_body(&content);
    }
    repository.blob(&digest).await.is(200).has_body(&content);
}

#[tokio::test]
async fn an_endpoint_that_may_be_ours_alone_is_told_to_nobody() {
    let Some((_wharf, repository)) = at("").await else { return };
    let content = noise(4, 100);

    let digest = repository.push_blob(&content).await;

    repository.blob(&digest).await.is(200).has_body(&content);
}
