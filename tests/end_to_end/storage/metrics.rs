//! What a server on a bucket counts of its calls.

use super::at;
use crate::harness::{Image, noise};

/// How many calls of a kind there were.
fn calls(page: &str, call: &str) -> u64 {
    let series = format!("wharf_bucket_call_seconds_count{{call=\"{call}\"}} ");
    page.lines().find_map(|line| line.strip_prefix(&series)).unwrap().parse().unwrap()
}

#[tokio::test]
async fn every_call_to_a_bucket_is_counted_and_nothing_is_told_of_a_disk() {
    let Some((wharf, repository)) = at("").await else { return };
    let metrics = async || {
        let page = wharf.admin().get("/metrics").await.is(200);
        String::from_utf8(page.body.to_vec()).unwrap()
    };
    let before = metrics().await;

    repository.push_image(&Image::oci(1), "v1").await;
    let large = repository.push_blob(&noise(1, 6 << 20)).await;
    repository.blob(&large).await.is(200);
    let after = metrics().await;

    let more = |call| calls(&after, call) - calls(&before, call);
    assert_eq!(more("PutObject"), Image::oci(1).blobs.len() as u64, "one for each small blob");
    assert_eq!(more("CreateMultipartUpload"), 1);
    assert_eq!(more("UploadPart"), 2);
    assert_eq!(more("CompleteMultipartUpload"), 1);
    assert_eq!(more("GetObject"), 1);
    assert!(after.contains("wharf_bucket_call_failures_total{call=\"UploadPart\"} 0\n"));
    for of_disks in ["wharf_disk_", "wharf_blob_flush", "wharf_uploads_refused", "wharf_uploads_stopped"] {
        assert!(!after.contains(of_disks), "{of_disks}");
    }
}
