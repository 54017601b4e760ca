//! The line of the log that each request gets.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::limits::limited;
use crate::harness::Wharf;

/// The line of a request, once it is there.
async fn line_of(wharf: &Wharf, request_id: &str) -> Value {
    let begun = Instant::now();
    loop {
        let lines = wharf.log();
        let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let of_it = |line: &Value| line["message"] == "request" && line["request_id"] == request_id;
        let found: Vec<Value> = lines.filter(of_it).collect();
        if let [line] = found.as_slice() {
            return line.clone();
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "it has {} lines", found.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_request_has_a_line_with_the_id_of_its_answer_and_without_its_query() {
    let wharf = limited(&[("WHARF_LOG", "info")]).await;

    let answer = wharf.anonymous().get("/v2/acme/app/tags/list?last=a-secret-of-the-query").await.is(401);
    let line = line_of(&wharf, answer.header("x-request-id")).await;

    let fields: BTreeSet<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
    // What `docs/operation.md` says of it, and what every line has.
    let of_it = ["request_id", "client", "method", "path", "status", "duration_ms"];
    let of_all = ["timestamp", "level", "message", "target"];
    assert_eq!(fields, of_it.into_iter().chain(of_all).collect());
    assert_eq!((&line["level"], &line["client"]), (&"INFO".into(), &"127.0.0.1".into()));
    assert_eq!((&line["method"], &line["status"]), (&"GET".into(), &401.into()));
    assert_eq!(line["path"], "/v2/acme/app/tags/list");
    assert!(line["duration_ms"].is_u64(), "{line}");
    assert!(!wharf.log().contains("a-secret-of-the-query"), "the log holds the query");
}
