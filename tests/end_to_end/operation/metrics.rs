//! What an operator's Prometheus reads, and who may.

use crate::harness::{ADMIN_PASSWORD, Answer, Caller, Image, Wharf, free_port, metric_of};

const TOKEN: &str = "a-token-of-the-metrics";

/// A server whose metrics have an address of their own, and a caller there.
pub(super) async fn watched() -> (Wharf, Caller) {
    let address = format!("127.0.0.1:{}", free_port());
    let wharf = Wharf::start_in_files(&[("WHARF_METRICS_LISTEN", address.as_str())]).await;
    (wharf, Caller::anonymous(&format!("http://{address}")))
}

/// The page, after a check that it has the shape OpenMetrics gives it.
pub(super) fn page(answer: Answer) -> String {
    let answer = answer.is(200);
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(answer.header("content-type"), content_type);
    let page = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(page.ends_with("\n# EOF\n"), "it does not end as it must");
    for line in page.lines() {
        let is_sample = line.starts_with("wharf_") || line.starts_with("process_");
        assert!(is_sample || line.starts_with("# "), "odd line {line:?}");
    }
    page
}

#[tokio::test]
async fn a_push_and_a_pull_show_in_the_metrics() {
    let (wharf, scraper) = watched().await;
    let (image, repository) = (Image::oci(1), wharf.admin().repository("acme/app"));
    let size: usize = image.blobs.iter().map(|blob| blob.len()).sum();

    let digest = repository.push_image(&image, "v1").await;
    repository.manifest(&digest).await.is(200);
    repository.manifest("none").await.is(404);
    repository.upload().await.cancel().await.is(204);
    wharf.caller("admin", "wrong").get("/v2/").await.is(401);
    wharf.anonymous().get("/no/such/path").await.is(404);
    let page = page(scraper.get("/metrics").await);

    let of = |series: &str| metric_of(&page, series);
    let requests = |endpoint: &str, method: &str, status: &str| {
        let labels = format!("endpoint=\"{endpoint}\",method=\"{method}\",status=\"{status}\"");
        of(&format!("wharf_http_requests_total{{{labels}}}"))
    };
    assert_eq!(requests("manifest", "PUT", "201"), 1.0);
    assert_eq!(requests("manifest", "GET", "200"), 1.0);
    assert_eq!(requests("manifest", "GET", "404"), 1.0);
    assert_eq!(requests("ping", "GET", "401"), 1.0);
    assert_eq!(requests("other", "GET", "404"), 1.0);
    assert_eq!(of("wharf_http_request_duration_seconds_count{endpoint=\"manifest\",method=\"GET\"}"), 2.0);
    let sent = of("wharf_http_response_body_bytes_total{endpoint=\"manifest\"}");
    assert!(sent >= image.manifest.len() as f64, "{sent}");
    assert_eq!(of("wharf_http_request_body_bytes_total"), (size + image.manifest.len()) as f64);
    assert_eq!(of("wharf_http_requests_running"), 1.0, "the scrape itself");
    assert_eq!(of("wharf_blob_received_bytes_total"), size as f64);
    assert_eq!(of("wharf_uploads_ended_total{outcome=\"finished\"}"), image.blobs.len() as f64);
    assert_eq!(of("wharf_uploads_ended_total{outcome=\"cancelled\"}"), 1.0);
    assert_eq!(of("wharf_objects_condemned_total"), 1.0, "that of the cancelled upload");
    assert_eq!(of("wharf_blob_flush_seconds_count"), image.blobs.len() as f64);
    assert_eq!(of("wharf_passwords_total{outcome=\"right\"}"), 1.0);
    assert_eq!(of("wharf_passwords_total{outcome=\"wrong\"}"), 1.0);
    assert!(of("wharf_passwords_total{outcome=\"remembered\"}") > 1.0);
    let commits = of("wharf_database_commit_seconds_count");
    assert!(commits > 0.0 && of("wharf_database_batch_operations_sum") >= commits, "{commits}");
    assert!(of("wharf_database_operation_seconds_count{operation=\"read\"}") > 0.0);
    assert!(of("wharf_disk_free_bytes") > 0.0 && of("wharf_database_size_bytes") > 0.0);
    assert_eq!(of("wharf_uploads_refused"), 0.0);
    assert!(of("wharf_job_last_success_timestamp_seconds{job=\"sweep\"}") > 1.7e9);
    assert!(of("process_resident_memory_bytes") > 1e6 && of("process_open_fds") > 3.0);
    assert!(of("process_cpu_seconds_total") > 0.0);
}

#[tokio::test]
async fn the_metrics_name_nothing_of_the_tenants() {
    let (wharf, scraper) = watched().await;
    wharf.admin().repository("zebras/giraffe").push_empty_index(&["walrus"]).await;
    wharf
        .add_user("ocelot", &["zebras:viewer"])
        .repository("zebras/giraffe")
        .manifest("walrus")
        .await
        .is(200);
    wharf.admin().get("/v2/zebras/giraffe/manifests/badger").await.is(404);
    wharf.anonymous().request("BREW", "/lemur?name=lynx").send().await.is(404);

    let page = page(scraper.get("/metrics").await);

    for word in
        ["zebras", "giraffe", "walrus", "ocelot", "badger", "lemur", "lynx", "BREW", "sha256", "admin"]
    {
        assert!(!page.contains(word), "the metrics tell of {word}");
    }
}

#[tokio::test]
async fn the_bearer_of_the_metrics_token_reads_them_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let environment =
        [("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_METRICS_TOKEN_FILE", file.to_str().unwrap())];
    let wharf = Wharf::start_with(&environment).await;

    page(wharf.anonymous().bearing(TOKEN).get("/metrics").await);
    page(wharf.admin().get("/metrics").await);
    let head = wharf.anonymous().bearing(TOKEN).head("/metrics").await.is(200);
    assert!(head.body.is_empty());
    wharf.anonymous().bearing("a-token-of-the-metricz").get("/metrics").await.is(401);
    let refused = wharf.anonymous().get("/metrics").await.is(401);
    assert_eq!(refused.header("www-authenticate"), "Basic realm=\"wharf\"");
    assert_eq!(refused.header("content-type"), "application/problem+json");
    wharf.anonymous().bearing(TOKEN).get("/v2/").await.is(401);
    assert!(wharf.log().contains("mode 0600"), "a token that anybody can read is not spoken of");
}

#[tokio::test]
async fn the_address_of_the_metrics_has_nothing_else() {
    let (wharf, scraper) = watched().await;

    for path in ["/", "/v2/", "/token", "/healthz"] {
        scraper.get(path).await.is(404);
    }
    scraper.post("/metrics").await.is(405);
    wharf.anonymous().get("/metrics").await.is(401);
}
