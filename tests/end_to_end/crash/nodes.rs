//! SIGKILL of one node of three, under load on all of them; the others go on, and clear away what it left.

use std::time::{Duration, Instant};

use super::check::check;
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
