//! Every step by which the server makes something durable goes wrong, one after the other: the process ends before it
//! or in the middle of it, it fails, or does half of what it was asked.
//!
//! The server runs under a small library (`steps/durable_steps.c`, compiled by the test) that counts its writes, flushes, new
//! and removed entries. A script pushes in every way, mounts, tags, deletes and collects, and everything is written down
//! in the journal of the kill rig. The machine ends with the process: what no flush was asked for is taken away before the next
//! start, or is there in length alone. Steps and fates come in an order that follows from the seed, each once. Servers that
//! are broken on purpose show that the rig would notice (`mutants`).

mod mutants;
mod orders;
mod part;
mod script;
mod stage;

use std::time::{Duration, Instant};

use super::seed;
use crate::harness::{Caller, Image, Random, Rounds, Wharf, media_type, sha256};

use self::orders::{Fate, Library, Orders, Tail};
use self::part::Part;
use self::stage::Stage;

/// What is no more after a step that went wrong. What a process wrote last, and wrote half, is there for the next one,
/// unless the machine ended too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WhatEnds {
    Process,
    Machine,
}

const ENDS_OF_A_START: [(Fate, WhatEnds); 3] =
    [(Fate::Ends, WhatEnds::Machine), (Fate::Tears, WhatEnds::Machine), (Fate::Tears, WhatEnds::Process)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_step_goes_wrong_nothing_acknowledged_is_lost() {
    let seed = seed();
    let mut random = Random::new(seed);
    let library = Library::compiled();
    let mut stage = Stage::set(&library).await;
    let steps = stage.count().await;
    assert!(steps > 60, "the script took only {steps} steps");

    let part = Part::asked_for();
    let all = part.of((1..=steps).flat_map(|step| Fate::ALL.map(|fate| (fate, step))));
    let (mut rounds, mut done) = (Rounds::at_least(1), 0);
    for (fate, step) in shuffled(&mut random, all).into_iter().zip(&mut rounds).map(|(chosen, _)| chosen) {
        let tail = Tail::any(&mut random);
        let context =
            format!("{fate:?} at step {step} of {steps}, what was not flushed {tail:?}, seed {seed}");
        if stage.is_worn() {
            stage.verify(&context);
            stage = Stage::set(&library).await;
        }
        let mut has_come = stage.go_through(fate, step, tail, &context).await;
        if !has_come {
            // There are fewer where folders are there already. They were counted on fresh data.
            stage = Stage::set(&library).await;
            has_come = stage.go_through(fate, step, tail, &context).await;
        }
        done += u32::from(has_come);
    }
    stage.verify(&format!("seed {seed}, at the end"));
    assert!(done > 0, "no step went wrong");
    rounds.close(&format!("{done} went wrong, {part} of {steps} steps in {} ways", Fate::ALL.len()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_that_ends_at_any_step_is_completed_by_the_next() {
    let mut random = Random::new(seed());
    let library = Library::compiled();
    let steps = steps_of_a_first_start(&library).await;
    assert!(steps > 256, "a first start took only {steps} steps");

    let part = Part::asked_for();
    let all = part.of((1..=steps).flat_map(|step| ENDS_OF_A_START.map(|end| (end, step))));
    let (mut rounds, mut done) = (Rounds::at_least(1), 0);
    for (end, step) in shuffled(&mut random, all).into_iter().zip(&mut rounds).map(|(chosen, _)| chosen) {
        let (fate, what_ends) = end;
        let (orders, environment) = Orders::under(&library);
        orders.give(fate, step);
        let mut wharf = Wharf::laid_out_on(&orders.data(), &environment).await;
        wharf.spawn();
        if !wharf.ends_or_is_ready().await {
            // Some come after that.
            orders.rest().await;
        }
        let has_come = orders.take_back();
        assert!(!has_come || wharf.ends().await, "step {step} did not end it");
        done += u32::from(has_come);
        wharf.kill();
        if what_ends == WhatEnds::Machine {
            orders.end_the_machine(Tail::any(&mut random));
        }
        wharf.restart().await;
        operator(&wharf).repository("acme/app").push_empty_index(&["first"]).await;
    }
    rounds.close(&format!("{done} ended it, {part} of {steps} steps in {} ways", ENDS_OF_A_START.len()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stuck_flush_holds_up_its_own_write_and_no_read() {
    let library = Library::compiled();
    let (orders, environment) = Orders::under_known(&library);
    let mut wharf = Wharf::laid_out_on(&orders.data(), &environment).await;
    wharf.restart().await;
    let operator = wharf.admin().with_token(&["repository:acme/app:pull,push"]).await;
    wharf.admin().repository("acme/app").push_image(&Image::oci(1), "v1").await;
    let repository = operator.repository("acme/app");
    let index = Image::index(media_type::OCI_INDEX, &[]);

    orders.give(Fate::Stalls, 1);
    let begun = Instant::now();
    let stuck = {
        let (repository, index) = (repository.clone(), index.clone());
        tokio::spawn(async move { repository.put_manifest("v2", media_type::OCI_INDEX, &index).await })
    };
    while !orders.was_done() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for blob in &Image::oci(1).blobs {
        repository.blob(&sha256(blob)).await.is(200).has_body(blob);
    }
    repository.manifest("v1").await.is(200);
    wharf.anonymous().get("/healthz").await.is(200);
    assert!(!stuck.is_finished() && begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());

    stuck.await.unwrap().is(201);
    orders.take_back();
    repository.manifest("v2").await.is(200).has_body(&index);
}

async fn steps_of_a_first_start(library: &Library) -> u32 {
    let (orders, environment) = Orders::under(library);
    orders.count();
    let mut wharf = Wharf::laid_out_on(&orders.data(), &environment).await;
    wharf.restart().await;
    orders.rest().await;
    orders.counted()
}

/// The operator, under the password that the first start made up and wrote down.
fn operator(wharf: &Wharf) -> Caller {
    let password = std::fs::read_to_string(wharf.data.join("admin-password")).unwrap();
    wharf.caller("admin", password.trim())
}

/// A collector that comes only when it is called.
fn settings() -> Vec<(&'static str, String)> {
    let settings = [
        ("WHARF_DATABASE", "sqlite"),
        ("WHARF_STORAGE", "file"),
        ("WHARF_COLLECTION_DELAY", "1h"),
        ("WHARF_OBJECT_GRACE", "0s"),
        ("WHARF_HOUSEKEEPING_INTERVAL", "1s"),
    ];
    settings.map(|(name, value)| (name, value.to_owned())).to_vec()
}

fn shuffled<T>(random: &mut Random, mut things: Vec<T>) -> Vec<T> {
    for index in (1..things.len()).rev() {
        things.swap(index, usize::try_from(random.below(index as u64 + 1)).unwrap());
    }
    things
}
