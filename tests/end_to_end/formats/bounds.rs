//! What a chart may cost the server.

use super::chart::Chart;
use crate::harness::Wharf;

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
async fn a_readme_that_is_too_long_is_not_kept_and_a_keyword_that_is_not_found_by() {
    let wharf = Wharf::start().await;
    let repository = wharf.admin().repository("acme/main/app");
    let mut chart = Chart::new("app", "1.0.0");
    chart.files[1].1 = vec![b'x'; (1 << 20) + 1];
    let keyword = format!("keywords: [{}]\n", "k".repeat(10_000));
    chart.files[0].1 = format!("name: app\nversion: 1.0.0\n{keyword}").into_bytes();
    chart.push(&repository, "1.0.0").await.is(201);
    repository.document("1.0.0", "readme").await.is(404);
    repository.document("1.0.0", "values").await.is(200);
}
