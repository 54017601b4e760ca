//! SIGKILL at any moment: under load, during a start, during an orderly stop.

use std::time::Duration;

use super::check::check;
use super::journal::Journal;
use super::load::{Load, some_time, something_done};
use super::recoveries::Recoveries;
use super::verified::{verify, verify_now_and_then};
use super::{A_LIFE, HURRY, operator, seed};
use crate::harness::{Random, Rounds, Wharf};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let seed = seed();
    let mut random = Random::new(seed);
    let (mut wharf, mut journal) = (Wharf::start_with(&HURRY).await, Journal::default());
    let mut rounds = Rounds::at_least(1);
    let (mut acknowledged, mut files, mut collected, mut recoveries) = (0, 0, 0, Recoveries::default());

    for round in &mut rounds {
        if round > 0 && round.is_multiple_of(A_LIFE) {
            collected += see_off(&wharf, &journal, &format!("seed {seed}, before round {round}")).await;
            files += journal.files();
            (wharf, journal) = (Wharf::start_with(&HURRY).await, Journal::default());
        }
        let load = Load::begin(&wharf, &journal, seed.wrapping_add(round)).await;
        some_time(&mut random, 100, 1_500).await;
        something_done(&journal).await;
        if round % 4 == 3 {
            wharf.signal("TERM");
            some_time(&mut random, 0, 60).await;
        }
        wharf.kill();
        load.end().await;
        acknowledged += journal.acknowledged();
        if round % 4 == 1 {
            wharf.spawn();
            some_time(&mut random, 0, 120).await;
            wharf.kill();
        }
        recoveries.add(wharf.restart().await);
        let context = format!("seed {seed}, round {round}");
        check(&operator(&wharf).await, &journal, &context).await;
        verify_now_and_then(round, &wharf, &context);
    }

    collected += see_off(&wharf, &journal, &format!("seed {seed}, at the end")).await;
    files += journal.files();
    assert!(acknowledged >= 8, "the load did all but nothing: {acknowledged} writes");
    rounds.close(&format!(
        "{acknowledged} writes acknowledged, {files} files published, {collected} blobs collected, \
         {recoveries}"
    ));
}

/// Looks at everything once more, and says how many blobs were collected: some, for there is always one to collect.
async fn see_off(wharf: &Wharf, journal: &Journal, context: &str) -> usize {
    // On a shared database a node that was killed keeps the housekeeping for a while.
    for _ in 0..20 {
        if journal.collected() == 0 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            check(&operator(wharf).await, journal, context).await;
        }
    }
    verify(wharf, context);
    assert!(journal.collected() > 0, "{context}: the collector took nothing away");
    journal.collected()
}
