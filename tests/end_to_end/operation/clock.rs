//! A wall clock that jumps, under a server on SQLite and files: nothing is lost by it, and nothing waits for it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;

use crate::harness::{ADMIN_PASSWORD, Clock, IN_FILES, Image, Wharf, noise, sha256};

const DAY: i64 = 24 * 3600;
/// An hour past the first second that 32 bits cannot count.
const AFTER_2038: i64 = (1 << 31) + 3600;

/// Rounds of the housekeeping, a few.
const ROUNDS: Duration = Duration::from_millis(3_500);

#[tokio::test]
async fn a_clock_that_jumps_loses_nothing() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_secs()).unwrap();
    join_all([DAY + 3600, -DAY, 3600 - now, AFTER_2038 - now].map(jumps)).await;
}

/// The clock is so many seconds off for a while, and right again.
async fn jumps(shift: i64) {
    let clock = Clock::right();
    let settings = clock.settings();
    let own = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let hurry = [("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_HOUSEKEEPING_INTERVAL", "1s")];
    let mut wharf = Wharf::start_with(&[&hurry[..], &IN_FILES, &own].concat()).await;
    let repository = wharf.admin().repository("acme/app");
    let (image, content) = (Image::oci(1), noise(1, 1_000));
    repository.push_image(&image, "before").await;
    let mut upload = repository.upload().await;
    upload.append(content.slice(..500)).await.is(202);

    clock.shift(shift);
    tokio::time::sleep(ROUNDS).await;
    assert_eq!(upload.offset().await, 500, "{shift} seconds off");
    repository.push_image(&Image::oci(2), "meanwhile").await;
    let mut begun = repository.upload().await;
    begun.append(content.slice(..300)).await.is(202);
    wharf.stop().await;
    wharf.restart().await;
    upload.finish(&sha256(&content), content.slice(500..)).await.is(201);

    clock.shift(0);
    tokio::time::sleep(ROUNDS).await;
    assert_eq!(begun.offset().await, 300, "{shift} seconds off");
    begun.finish(&sha256(&content), content.slice(300..)).await.is(201);
    repository.push_image(&Image::oci(3), "afterwards").await;
    for (seed, tag) in (1..).zip(["before", "meanwhile", "afterwards"]) {
        let image = Image::oci(seed);
        repository.manifest(tag).await.is(200).has_body(&image.manifest);
        for blob in &image.blobs {
            repository.blob(&sha256(blob)).await.is(200).has_body(blob);
        }
    }
    wharf.command(&["verify"], "");
    wharf.command(&["audit", "verify"], "");
}
