//! The scrub: what rots while nobody looks is found without anybody's doing.

use std::time::{Duration, Instant};

use crate::harness::{Image, Repository, Wharf, noise, sha256};

/// A server that reads everything again every few seconds.
async fn scrubbing() -> Wharf {
    Wharf::start_in_files(&[("WHARF_SCRUB_INTERVAL", "3s"), ("WHARF_HOUSEKEEPING_INTERVAL", "1s")]).await
}

/// Waits until a blob answers as missing.
pub(crate) async fn vanishes(repository: &Repository, digest: &str) {
    let begun = Instant::now();
    while repository.blob(digest).await.status != 404 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{digest} is still served");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A metric without labels.
pub(crate) async fn metric(wharf: &Wharf, name: &str) -> u64 {
    let page = wharf.admin().get("/metrics").await.is(200);
    let page = String::from_utf8_lossy(&page.body);
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is not on the page")).trim().parse().unwrap()
}

#[tokio::test]
async fn a_flipped_bit_is_found_by_itself_and_not_served_until_the_next_push_heals_it() {
    let wharf = scrubbing().await;
    let (repository, image) = (wharf.admin().repository("acme/app"), Image::oci(1));
    repository.push_image(&image, "v1").await;
    let damaged = sha256(&image.blobs[1]);
    repository.blob(&damaged).await.is(200);

    wharf.flip_a_byte_of(&image.blobs[1]);
    vanishes(&repository, &damaged).await;

    repository.head_blob(&damaged).await.is(404);
    repository.blob(&sha256(&image.blobs[2])).await.is(200).has_body(&image.blobs[2]);
    let log = wharf.log();
    let told = |line: &&str| line.contains("blob is damaged") && line.contains("acme/app:v1");
    assert!(log.lines().find(told).is_some_and(|line| line.contains(&damaged)), "{log}");
    assert!(metric(&wharf, "wharf_scrub_damaged_total").await >= 1);
    assert!(metric(&wharf, "wharf_scrub_read_bytes_total").await >= 900);

    repository.push_blob(&image.blobs[1]).await;
    repository.blob(&damaged).await.is(200).has_body(&image.blobs[1]);
    repository.head_blob(&damaged).await.is(200);
}

#[tokio::test]
async fn a_round_comes_to_its_end_and_says_when_and_a_restart_goes_on() {
    let mut wharf = scrubbing().await;
    wharf.admin().repository("acme/app").push_blob(&noise(1, 1000)).await;
    let ended = async |wharf: &Wharf, before: u64| {
        let begun = Instant::now();
        loop {
            let now = metric(wharf, "wharf_scrub_round_timestamp_seconds").await;
            if now > before {
                return now;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "no round ends after {before}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let first = ended(&wharf, 0).await;
    wharf.stop().await;
    wharf.restart().await;
    ended(&wharf, first).await;
}
