//! SIGKILL of one node of three, under load on all of them; the others go on, and clear away what it left. SIGSTOP of the
//! one of two that collects, until the other one does, and SIGCONT.

use std::time::{Duration, Instant};

use super::check::check;
use super::disk::stop_process;
use super::journal::Journal;
use super::load::{Load, some_time, something_done};
use super::recoveries::Recoveries;
use super::verified::{verify, verify_now_and_then};
use super::{HURRY, operator, seed};
use crate::harness::{Nodes, Random, Rounds};

const NODES: usize = 3;

/// What a node leaves goes when nobody touched it for this time.
const EXPIRY: (&str, &str) = ("WHARF_UPLOAD_EXPIRY", "3s");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_one_of_three_nodes_is_killed() {
    let seed = seed();
    let mut random = Random::new(seed);
    let Some(mut nodes) = Nodes::start_with(NODES, &[&HURRY[..], &[EXPIRY]].concat()).await else { return };
    let journal = Journal::default();
    let mut rounds = Rounds::at_least(1);
    let (mut acknowledged, mut recoveries) = (0, Recoveries::default());

    for round in &mut rounds {
        let load = Load::begin_on(nodes.iter(), &journal, seed.wrapping_add(round)).await;
        some_time(&mut random, 100, 1_500).await;
        something_done(&journal).await;
        let dying = usize::try_from(random.below(3)).unwrap();
        nodes[dying].kill();
        some_time(&mut random, 0, 500).await;
        load.wind_down().await;
        acknowledged += journal.acknowledged();
        let context = format!("seed {seed}, round {round}, node {dying}");
        let survivor = &nodes[(dying + 1) % NODES];
        check(&operator(survivor).await, &journal, &context).await;
        verify_now_and_then(round, survivor, &context);
        recoveries.add(nodes[dying].restart().await);
    }
    verify(&nodes[0], &format!("seed {seed}, at the end"));

    assert!(acknowledged >= 8, "the load did all but nothing: {acknowledged} writes");
    let (first, second) = (random.below(3), 1 + random.below(2));
    for dying in [first, first + second] {
        nodes[usize::try_from(dying).unwrap() % NODES].kill();
    }
    nothing_is_left(&nodes).await;
    rounds.close(&format!("{acknowledged} writes acknowledged, {recoveries}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_node_that_collects_stands_still_past_its_lease() {
    let seed = seed();
    let mut random = Random::new(seed);
    let Some(mut nodes) = Nodes::none_yet(&HURRY).await else { return };
    // The first one collects, for there is no other yet.
    nodes.add(&[]).await;
    let first = holder_after(&nodes, None).await;
    nodes.add(&[]).await;
    let (journal, mut holder) = (Journal::default(), first);
    let mut rounds = Rounds::at_least(2);
    let mut acknowledged = 0;

    for round in &mut rounds {
        let standing = usize::try_from(round % 2).unwrap();
        let (collecting, other) = (&nodes[standing], &nodes[1 - standing]);
        let load = Load::begin(other, &journal, seed.wrapping_add(2 * round)).await;
        some_time(&mut random, 0, 1_000).await;
        something_done(&journal).await;
        stop_process(collecting.process_id()).await;
        load.wind_down().await;
        holder = holder_after(&nodes, Some(&holder)).await;

        let load = Load::begin(other, &journal, seed.wrapping_add(2 * round + 1)).await;
        some_time(&mut random, 100, 500).await;
        collecting.signal("CONT");
        some_time(&mut random, 100, 1_000).await;
        load.wind_down().await;
        acknowledged += journal.acknowledged();
        let context = format!("seed {seed}, round {round}, node {standing}");
        for node in [other, collecting] {
            check(&operator(node).await, &journal, &context).await;
        }
        verify_now_and_then(round, collecting, &context);
    }

    assert!(acknowledged >= 8, "the load did all but nothing: {acknowledged} writes");
    rounds.close(&format!("{acknowledged} writes acknowledged, {} blobs collected", journal.collected()));
}

/// Waits until somebody else than before clears away.
async fn holder_after(nodes: &Nodes, before: Option<&String>) -> String {
    let began = Instant::now();
    loop {
        match nodes.database.holder_of("sweep").await {
            Some(holder) if Some(&holder) != before => return holder,
            _ => assert!(began.elapsed() < Duration::from_secs(20), "nobody follows {before:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the last node has given up every unfinished upload and removed every object without a row.
async fn nothing_is_left(nodes: &Nodes) {
    let began = Instant::now();
    loop {
        let left = [nodes.database.count("upload").await, nodes.database.count("condemned_object").await];
        if left == [0, 0] {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "[uploads, objects] left behind: {left:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
