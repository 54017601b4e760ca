//! The log names slow requests, and does not call a slow client one.

use std::time::{Duration, Instant};

use crate::harness::raw::Exchange;
use crate::harness::{ADMIN_PASSWORD, Wharf, noise};

#[tokio::test]
async fn a_request_that_waits_for_us_is_slow_and_one_that_we_wait_for_is_not() {
    let environment = [("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_SLOW_REQUEST", "1s")];
    let wharf = Wharf::start_with(&environment).await;
    let repository = wharf.admin().repository("acme/app");
    let mut upload = repository.upload().await;
    let length = [("content-length", "1000")];
    let mut still = Exchange::begin(&repository.caller, "PATCH", &upload.location, &length).await;
    still.send(b"and then nothing").await;
    tokio::time::sleep(Duration::from_millis(200)).await;

    // It waits until the one that stands still gives way, after two seconds.
    let began = Instant::now();
    upload.append(noise(1, 100)).await.is(202);

    assert!(began.elapsed() > Duration::from_secs(1), "it did not wait: {:?}", began.elapsed());
    let (status, _) = still.answer().await;
    assert_eq!(status, 409);
    let log = wharf.log();
    let slow: Vec<&str> = log.lines().filter(|line| line.contains("slow request")).collect();
    assert_eq!(slow.len(), 1, "{log}");
    let line: serde_json::Value = serde_json::from_str(slow[0]).unwrap();
    assert_eq!(
        (&line["endpoint"], &line["method"], &line["status"]),
        (&"upload".into(), &"PATCH".into(), &202.into())
    );
    assert!(line["own_ms"].as_u64().unwrap() > 1000, "{line}");
}
