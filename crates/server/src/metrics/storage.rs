//! The meters of the store of bytes: a disk has others than a bucket.

use std::fmt;

use wharf_blobs::{BucketMeters, FileStore};
use wharf_registry::port::Room;

use super::page::{Page, bytes, number, seconds};
use crate::storage::Storage;

impl Storage {
    pub(super) fn show(&self, page: &mut Page<'_>) -> fmt::Result {
        match self {
            Self::Files(files) => show_files(files, page),
            Self::Bucket(bucket) => show_bucket(bucket.meters(), page),
        }
    }
}

fn show_files(files: &FileStore, page: &mut Page<'_>) -> fmt::Result {
    let meters = files.meters();
    page.durations(&seconds("blob_flush", "How long it took to flush a blob's bytes"), &meters.flushes)?;
    page.counter(&number("blob_flush_failures", "Flushes that failed"), meters.flushes_failed.value())?;
    let help = "Uploads that were stopped in their course by a disk nearly full";
    page.counter(&number("uploads_stopped", help), meters.stopped.value())?;
    // A disk that does not answer has no numbers; that the scrape lacks them is the alarm.
    let Ok(space) = files.space() else { return Ok(()) };
    page.gauge(&bytes("disk_free", "Bytes that may still be written"), space.free_bytes)?;
    page.gauge(&bytes("disk_size", "Bytes of the disk"), space.total_bytes)?;
    let is_refusing = u64::from(space.room() != Room::Enough);
    page.gauge(&number("uploads_refused", "1 while the disk is nearly full"), is_refusing)
}

fn show_bucket(meters: &BucketMeters, page: &mut Page<'_>) -> fmt::Result {
    let calls = meters.each();
    let durations = calls.map(|call| ([("call", call.name)], call.durations.spread()));
    let help = "How long calls to the bucket took, with all tries";
    page.labelled_durations(&seconds("bucket_call", help), durations)?;
    let help = "Calls to the bucket that were refused, failed or had no answer";
    page.counters(
        &number("bucket_call_failures", help),
        calls.map(|call| ([("call", call.name)], call.failed.value())),
    )
}
