//! Uploads, mounts, tags, deletions and the collector race, on simulated time, against a model of what was
//! acknowledged.
//!
//! Clients and collectors are tasks over two nodes of one registry. Each of their calls to a store waits at a turnstile
//! (`turnstile`), and a seed says who goes next, so that any call of one may fall between any two of another. On SQLite
//! one call runs at a time, and the seed decides everything; on PostgreSQL up to three do, so that transactions meet.
//! Now and then everybody finishes, and everything that can be seen is held against the model (`inspection`); now and
//! then so much time passes that all must have gone that nothing needs, bytes too.
//!
//! What holds: what is acknowledged, or told to be there, may be named for as long as the design says; what a
//! manifest names is there with its bytes; nothing appears that nobody pushed; what nothing needs is gone in the end.
//!
//! It was tried on broken engines, with an earlier mix of operations. A thousand of them found these on both
//! databases: a review that does not ask whether a manifest needs the blob; a mount whose review has no delay. On
//! SQLite: the blob's row removed while it has memberships, which the database itself refused; HEAD that looks for the
//! membership and for its review one after the other. On PostgreSQL: a push that does not lock the row of a known blob.
//! It did not find, in some thousand operations, a HEAD that hides nothing, and a second grace of nothing only now and
//! then. The epoch of a membership not compared it found then, and no more since the time of the review stands for it as
//! well. `protocol` finds all three; the counts are in `docs/faults.md`.

mod client;
mod collector;
mod house;
mod inspection;
mod model;
mod read;
mod register;
mod stores;
mod turnstile;
mod write;

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use self::{
    client::Client,
    house::House,
    inspection::{inspect, inspect_after_a_rest},
    turnstile::{Scheduler, Turnstile},
};
use crate::{
    components::{announce, number_from_environment},
    random::Random,
    rounds::Rounds,
};

/// How many operations there are between two inspections.
const BETWEEN_INSPECTIONS: u64 = 150;
/// So many inspections see how things stand; the next one what is left after a rest.
const BETWEEN_RESTS: u64 = 5;
/// By then everything has happened that may.
const LEAST_INSPECTIONS: u64 = 10;
const CLIENTS: u64 = 7;
const COLLECTORS: u64 = 2;

#[tokio::test]
async fn whatever_races_on_sqlite_the_engine_keeps_its_word() {
    let turnstile = Turnstile::new();
    let house = House::on_sqlite(turnstile.0.clone()).await;
    race(house, Scheduler::new(turnstile.1, 1)).await;
}

#[tokio::test]
async fn whatever_races_on_postgres_the_engine_keeps_its_word() {
    let turnstile = Turnstile::new();
    let Some(house) = House::on_postgres(turnstile.0.clone()).await else { return };
    race(house, Scheduler::new(turnstile.1, 3)).await;
}

async fn race(house: House, mut scheduler: Scheduler) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = number_from_environment("WHARF_RACE_SEED", u64::from(now.subsec_nanos()));
    announce(format_args!("WHARF_RACE_SEED={seed}"));
    let (house, mut random) = (Arc::new(house), Random::new(seed));
    let mut client = |number| Client::new(house.clone(), number, Random::new(random.next()));
    for number in 0..CLIENTS {
        tokio::spawn(client(number).run());
    }
    for number in 0..COLLECTORS {
        tokio::spawn(collector::run(client(CLIENTS + number)));
    }
    tokio::spawn(collector::pass_time(client(CLIENTS + COLLECTORS)));
    scheduler.expect(CLIENTS + COLLECTORS + 1);

    let mut random = Random::new(seed);
    let mut rounds = Rounds::at_least(LEAST_INSPECTIONS);
    let (mut operations, mut calls) = (0, 0);
    for inspection in (&mut rounds).map(|round| round + 1) {
        operations += BETWEEN_INSPECTIONS;
        calls += scheduler.run(&mut random, BETWEEN_INSPECTIONS, &house.model).await;
        house.turnstile.open();
        match inspection % BETWEEN_RESTS {
            0 => inspect_after_a_rest(&house).await,
            _ => inspect(&house).await,
        }
        house.turnstile.close();
        house.model.expect_no_faults(&format!("WHARF_RACE_SEED={seed}, inspection {inspection}"));
    }
    house.model.expect_activity();
    rounds.close(&format!("{operations} operations in {calls} calls: {}", house.model.activity()));
}
