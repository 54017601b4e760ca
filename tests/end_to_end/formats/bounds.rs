//! What a chart, and the form of a Python file, may cost the server.

use std::time::{Duration, Instant};

use super::wheel::{Distribution, FORM, FilePlace, INDEX};
use super::{chart::Chart, search};
use crate::harness::raw::Exchange;
use crate::harness::{ADMIN_PASSWORD, Wharf};

#[tokio::test]
async fn a_chart_that_inflates_without_end_is_refused_and_the_server_lives() {
    let wharf = Wharf::start().await;
    let repository = wharf.admin().repository("acme/main/app");
    let mut bomb = Chart::new("app", "1.0.0");
    bomb.files.push(("app/zeros".to_owned(), vec![0; 101 << 20]));
    let refusal = bomb.push(&repository, "1.0.0").await.is(400).first_error();
    assert!(refusal["message"].as_str().unwrap().contains("inflates to more than 100 MiB"), "{refusal}");
    Chart::new("app", "1.0.0").push(&repository, "1.0.0").await.is(201);
}

#[tokio::test]
async fn a_readme_that_is_too_long_is_not_kept() {
    let wharf = Wharf::start().await;
    let repository = wharf.admin().repository("acme/main/app");
    let mut chart = Chart::new("app", "1.0.0");
    chart.files[1].1 = vec![b'x'; (1 << 20) + 1];
    chart.push(&repository, "1.0.0").await.is(201);
    repository.document("1.0.0", "readme").await.is(404);
    repository.document("1.0.0", "values").await.is(200);
}

#[tokio::test]
async fn a_chart_is_not_found_by_a_keyword_that_is_too_long_and_by_its_others_it_is() {
    let wharf = Wharf::start().await;
    let repository = wharf.admin().repository("acme/main/app");
    let long = "k".repeat(10_000);
    let mut chart = Chart::new("app", "1.0.0");
    chart.files[0].1 = format!("name: app\nversion: 1.0.0\nkeywords: [{long}, web]\n").into_bytes();
    chart.push(&repository, "1.0.0").await.is(201);
    let found = async |keyword: &str| {
        let page = search(&wharf.admin(), &format!("&keyword={keyword}")).await.is(200);
        page.json()["items"].as_array().unwrap().len()
    };
    assert_eq!((found("web").await, found(&long).await), (1, 0));
}

#[tokio::test]
async fn a_form_waits_for_its_turn_and_one_that_stands_still_loses_it() {
    let wharf = Wharf::start_with(&[
        ("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD),
        ("WHARF_UPLOADS_PER_ORGANISATION", "1"),
        ("WHARF_STALL_TIMEOUT", "1s"),
    ])
    .await;
    wharf.found(&["acme"]).await;
    let alice = wharf.add_user("alice", &["acme:writer"]);
    let form = Distribution::wheel("foo", "1.0").form(FilePlace::Last);
    let length = form.len().to_string();
    let headers = [("content-type", FORM), ("content-length", &length)];
    let mut standing = Exchange::begin(&alice, "POST", &format!("{INDEX}/legacy/"), &headers).await;
    standing.send(&form[..form.len() - 10]).await;
    tokio::time::sleep(Duration::from_millis(100)).await;

    let begun = Instant::now();
    Distribution::wheel("bar", "1.0").upload(&alice).await.is(200);

    let waited = begun.elapsed();
    assert!((Duration::from_millis(500)..Duration::from_secs(8)).contains(&waited), "{waited:?}");
    assert_eq!(standing.answer().await.0, 408);
    alice.get(&format!("{INDEX}/simple/foo/")).await.is(404);
}
