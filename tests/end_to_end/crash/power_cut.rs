//! The power goes while eight clients push: what the disk did not have is gone, and nothing of it was acknowledged.
//!
//! The process is stopped before the cut. Otherwise the cut would race with answers on their way, and an
//! acknowledged write would seem lost that was in truth acknowledged after the end.

use std::time::Duration;

use bytes::Bytes;

use super::check::check;
use super::disk::{Disk, FileSystem, stop_process};
use super::journal::Journal;
use super::load::{Load, some_time, something_done};
use super::recoveries::Recoveries;
use super::verified::{verify, verify_now_and_then};
use super::{A_LIFE, HURRY, operator, seed};
use crate::harness::raw::Exchange;
use crate::harness::{Random, Rounds, Wharf, component, noise, sha256};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_power_is_cut_on_ext4() {
    survives_cuts(FileSystem::Ext4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_power_is_cut_on_xfs() {
    survives_cuts(FileSystem::Xfs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_cut_off_by_the_power_goes_on_from_its_true_offset_on_ext4() {
    resumes_after_a_cut(FileSystem::Ext4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_cut_off_by_the_power_goes_on_from_its_true_offset_on_xfs() {
    resumes_after_a_cut(FileSystem::Xfs).await;
}

async fn survives_cuts(kind: FileSystem) {
    if !component("loop") {
        return;
    }
    let seed = seed();
    let mut random = Random::new(seed);
    let mut disk = Disk::make(kind);
    let mut wharf = Wharf::start_on_with(&disk.data(), &HURRY).await;
    let mut journal = Journal::default();
    let mut rounds = Rounds::at_least(1);
    let (mut acknowledged, mut recoveries) = (0, Recoveries::default());

    for round in &mut rounds {
        if round > 0 && round.is_multiple_of(A_LIFE) {
            verify(&wharf, &format!("{kind:?}, seed {seed}, before round {round}"));
            let fresh = Disk::make(kind);
            // Before the disk that it stands on.
            wharf = Wharf::start_on_with(&fresh.data(), &HURRY).await;
            (disk, journal) = (fresh, Journal::default());
        }
        let load = Load::begin(&wharf, &journal, seed.wrapping_add(round)).await;
        some_time(&mut random, 200, 1_500).await;
        something_done(&journal).await;
        stop(&wharf).await;
        load.abandon().await;
        acknowledged += journal.acknowledged();
        recoveries.add(cut(&mut wharf, &disk).await);
        let context = format!("{kind:?}, seed {seed}, round {round}");
        check(&operator(&wharf).await, &journal, &context).await;
        verify_now_and_then(round, &wharf, &context);
    }
    verify(&wharf, &format!("{kind:?}, seed {seed}, at the end"));

    assert!(acknowledged >= 8, "the load did all but nothing: {acknowledged} writes");
    rounds.close(&format!("{acknowledged} writes acknowledged, {recoveries}"));
}

async fn resumes_after_a_cut(kind: FileSystem) {
    if !component("loop") {
        return;
    }
    let mut random = Random::new(seed());
    let disk = Disk::make(kind);
    let mut wharf = Wharf::start_on(&disk.data()).await;
    let repository = wharf.admin().repository("hello");
    repository.push_blob(&noise(1, 1_000)).await;
    let mut rounds = Rounds::at_least(1);
    let (mut lost, mut recoveries) = (0, Recoveries::default());

    for _ in &mut rounds {
        // A few whole chunks, and a part of one more; then everything.
        let chunk = 1 + usize::try_from(random.below(2 << 20)).unwrap();
        let whole = chunk * usize::try_from(random.below(4)).unwrap();
        let sent = whole + usize::try_from(random.below(chunk as u64)).unwrap();
        let content = noise(random.next(), whole + chunk);
        let mut upload = repository.upload().await;
        for start in (0..whole).step_by(chunk) {
            upload.append(content.slice(start..start + chunk)).await.is(202);
        }
        let length = [("content-length", chunk.to_string())];
        let length = length.each_ref().map(|(name, value)| (*name, value.as_str()));
        let mut exchange = Exchange::begin(&repository.caller, "PATCH", &upload.location, &length).await;
        exchange.send(&content[whole..sent]).await;
        some_time(&mut random, 0, 200).await;
        stop(&wharf).await;
        recoveries.add(cut(&mut wharf, &disk).await);

        let offset = usize::try_from(upload.offset().await).unwrap();
        assert!(offset <= sent, "{offset} bytes are more than the {sent} that were sent");
        lost += usize::from(offset < whole);
        let range = format!("{offset}-{}", content.len() - 1);
        upload.chunk(&range, content.slice(offset..)).await.is(202);
        upload.finish(&sha256(&content), Bytes::new()).await.is(201);
        repository.blob(&sha256(&content)).await.is(200).has_body(&content);
    }
    verify(&wharf, "at the end");
    rounds.close(&format!("{lost} offsets moved back, {recoveries}"));
}

/// SIGSTOP, and every thread at rest.
async fn stop(wharf: &Wharf) {
    stop_process(wharf.process_id()).await;
}

/// The power goes, the machine starts again, and so does the server: how long that took.
async fn cut(wharf: &mut Wharf, disk: &Disk) -> Duration {
    disk.cut();
    wharf.kill();
    disk.replug().await;
    wharf.restart().await
}
