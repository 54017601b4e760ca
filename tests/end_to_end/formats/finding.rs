//! Charts are found by words, keywords and ranges of versions, and tell the images that they would run.

use serde_json::{Value, json};

use super::chart::Chart;
use super::repository::acme;
use crate::harness::{Answer, Caller};

const CHARTS: &str = "/api/v1/orgs/acme/registries/main/charts";

fn found(answer: &Answer) -> Vec<String> {
    let items = answer.json()["items"].as_array().unwrap().clone();
    let name =
        |item: &Value| format!("{} {}", item["name"].as_str().unwrap(), item["version"].as_str().unwrap());
    items.iter().map(name).collect()
}

async fn search(caller: &Caller, query: &str) -> Answer {
    caller.get(&format!("{CHARTS}?{query}")).await
}

async fn push(caller: &Caller, name: &str, version: &str) {
    let repository = caller.repository(&format!("acme/main/{name}"));
    let name = name.rsplit('/').next().unwrap();
    Chart::new(name, version).push(&repository, version).await.is(201);
}

#[tokio::test]
async fn the_newest_version_that_answers_is_found_in_pages() {
    let (wharf, alice) = acme().await;
    for (name, version) in [
        ("team/web", "1.2.0"),
        ("team/web", "1.10.0"),
        ("team/web", "2.0.0-rc.1"),
        ("db", "1.0.0"),
        ("webhook", "3.0.0"),
    ] {
        push(&alice, name, version).await;
    }
    let all = ["db 1.0.0", "web 2.0.0-rc.1", "webhook 3.0.0"];
    assert_eq!(found(&search(&alice, "").await.is(200)), all);
    assert_eq!(found(&search(&alice, "q=WEB").await.is(200)), all[1..]);
    assert_eq!(found(&search(&alice, "keyword=db").await.is(200)), all[..1]);
    assert_eq!(found(&search(&alice, "version=^1").await.is(200)), ["db 1.0.0", "web 1.10.0"]);
    assert_eq!(found(&search(&alice, "q=web&version=%3E=1.0,%3C1.5").await.is(200)), ["web 1.2.0"]);
    assert!(found(&search(&alice, "q=nothing").await.is(200)).is_empty());
    search(&alice, "version=newest").await.is(400);
    search(&alice, "last=x").await.is(400);

    let mut page = search(&alice, "n=1").await.is(200);
    let mut names = found(&page);
    while let Some(next) = page.next_page() {
        page = alice.get(&next).await.is(200);
        names.extend(found(&page));
    }
    assert_eq!(names, all);

    let access = json!([{ "repositories": "acme/main/w*", "actions": ["pull"] }]);
    let token =
        alice.send_json("POST", "/api/v1/tokens", &json!({ "name": "w", "access": access })).await.is(201);
    let narrowed = wharf.caller("alice", token.json()["token"].as_str().unwrap());
    assert_eq!(found(&search(&narrowed, "").await.is(200)), ["webhook 3.0.0"]);
}

#[tokio::test]
async fn a_chart_tells_its_images_and_is_found_by_them() {
    let (_wharf, alice) = acme().await;
    let mut chart = Chart::new("app", "1.0.0");
    let described = "apiVersion: v2\nname: app\nversion: 1.0.0\nappVersion: '4.2'\nannotations:\n  \
                     artifacthub.io/images: |\n    - image: quay.io/team/declared:1\n";
    chart.files[0].1 = described.as_bytes().to_vec();
    chart.files[2].1 = b"image:\n  repository: team/app\n  tag: ''\nproxy:\n  image: envoy:1.30\n".to_vec();
    let template = b"spec:\n  containers:\n  - image: busybox:1\n  - image: {{ .Values.proxy.image }}\n";
    chart.files.push(("app/templates/pod.yaml".to_owned(), template.to_vec()));
    chart.files.push(("app/charts/sub/templates/pod.yaml".to_owned(), b"- image: other:1".to_vec()));
    chart.push(&alice.repository("acme/app"), "1.0.0").await.is(201);

    let images = search(&alice, "q=app").await.is(200).json()["items"][0]["images"].clone();
    let expected = json!([
        { "image": "busybox:1", "source": "template" },
        { "image": "envoy:1.30", "source": "values" },
        { "image": "quay.io/team/declared:1", "source": "declared" },
        { "image": "team/app:4.2", "source": "app-version" },
    ]);
    assert_eq!(images, expected);
    let by_image = super::search(&alice, "&image=envoy:1.30").await.is(200).json();
    assert_eq!(by_image["items"][0]["subject"], "app");
    let index = super::repository::index(&alice).await;
    assert!(index["entries"]["app"][0].get("images").is_none(), "{index}");
}
