//! Charts are found in their registry: by name, version and keyword, the newest first, in pages.

use serde_json::Value;

use super::{chart::Chart, search};
use crate::harness::{Answer, Wharf};

fn found(answer: &Answer) -> Vec<String> {
    let name = |fact: &Value| {
        let attributes = &fact["attributes"];
        format!("{} {}", attributes["name"].as_str().unwrap(), attributes["version"].as_str().unwrap())
    };
    answer.json()["items"].as_array().unwrap().iter().map(name).collect()
}

#[tokio::test]
async fn charts_are_listed_by_name_and_newest_first_in_pages() {
    let wharf = Wharf::start().await;
    let admin = wharf.admin();
    for (name, version) in [("web", "1.9.0"), ("web", "1.10.0"), ("db", "1.0.0"), ("web", "1.10.0-rc.1")] {
        let repository = admin.repository(&format!("acme/main/charts/{name}"));
        Chart::new(name, version).push(&repository, version).await.is(201);
    }
    let elsewhere = admin.repository("acme/other/charts/web");
    Chart::new("web", "9.0.0").push(&elsewhere, "9.0.0").await.is(201);

    let all = ["db 1.0.0", "web 1.10.0", "web 1.10.0-rc.1", "web 1.9.0"];
    assert_eq!(found(&search(&admin, "").await.is(200)), all);
    let mut page = search(&admin, "&n=3").await.is(200);
    assert_eq!(found(&page), all[..3]);
    page = admin.get(&page.next_page().expect("a second page")).await.is(200);
    assert_eq!((found(&page), page.next_page()), (vec![all[3].to_owned()], None));
    page = search(&admin, "&keyword=web&name=web&n=1").await.is(200);
    assert_eq!(found(&page), all[1..2]);
    page = admin.get(&page.next_page().expect("a second page")).await.is(200);
    assert_eq!(found(&page), all[2..3]);
    assert_eq!(found(&search(&admin, "&keyword=web&version=1.0.0").await.is(200)), all[..1]);
    assert!(found(&search(&admin, "&name=nothing").await.is(200)).is_empty());

    admin.repository("acme/main/charts/db").delete_manifest("1.0.0").await.is(202);
    assert!(found(&search(&admin, "&name=db").await.is(200)).is_empty(), "what is not tagged is not listed");
}

#[tokio::test]
async fn a_search_that_cannot_be_understood_is_refused() {
    let wharf = Wharf::start().await;
    let admin = wharf.admin();
    let repository = admin.repository("acme/main/app");
    Chart::new("app", "1.0.0").push(&repository, "1.0.0").await.is(201);
    for bad in [
        "&n=-1",
        "&n=1&n=2",
        "&n=9223372036854775808",
        "&last=x",
        "&last=",
        "&=x",
        "&a=%00",
        "&a=1&b=1&c=1&d=1&e=1",
    ] {
        search(&admin, bad).await.is(400);
    }
    let nothing = search(&admin, "&tag=v1").await.is(400).json();
    assert_eq!(nothing["detail"], "helm is found by: name, version, appVersion, type, keyword, image");
    assert_eq!(found(&search(&admin, "&keyword=web&keyword=app").await.is(200)), ["app 1.0.0"]);
    let unknown = admin.get("/api/v1/orgs/acme/registries/main/facts?format=rpm").await.is(400);
    assert_eq!(unknown.json()["detail"], "format must be one of: helm, python, memflow");
    let post = admin.request("POST", "/api/v1/orgs/acme/registries/main/facts?format=helm").send().await;
    post.is(405).has_header("allow", "GET, HEAD");
    admin.get("/api/v1/orgs/acme/registries/none/facts?format=helm").await.is(404);
    admin.get("/api/v1/orgs/acme/nothing").await.is(404);
    let stranger = wharf.anonymous().get("/api/v1/orgs/acme/registries/main/facts?format=helm").await.is(401);
    stranger.has_header("www-authenticate", "Basic realm=\"wharf\"");
}

#[tokio::test]
async fn long_descriptions_come_in_shorter_pages() {
    let wharf = Wharf::start().await;
    let admin = wharf.admin();
    let repository = admin.repository("acme/main/charts/app");
    for number in 0..20 {
        let version = format!("1.{number}.0");
        let mut chart = Chart::new("app", &version);
        let yaml = format!(
            "apiVersion: v2\nname: app\nversion: {version}\ndescription: {}\n",
            "x".repeat(240 << 10)
        );
        chart.files[0].1 = yaml.into_bytes();
        chart.push(&repository, &version).await.is(201);
    }

    let first = search(&admin, "").await.is(200);
    let second = admin.get(&first.next_page().expect("a second page")).await.is(200);

    assert_eq!((found(&first).len(), found(&second).len()), (17, 3));
    assert!(first.body.len() < 4 << 20 && second.next_page().is_none());
    let all = [found(&first), found(&second)].concat();
    assert!((0..20).rev().map(|number| format!("app 1.{number}.0")).eq(all), "one is missing");
}
