//! Tags are linearizable registers: whatever many clients do at once, there is one order of their operations, each between
//! its call and its answer, in which every answer is true.
//!
//! Clients write, read, delete and write on conditions (`clients`), what they asked and were told is written down
//! (`history`), and a search (`search`, after Wing, Gong and Lowe) looks for the order. A server is killed meanwhile,
//! or there are two on one database. What follows from chance is the choice of operations, by the seed that is
//! printed; how they meet is the machine's affair.

mod clients;
mod history;
mod search;

use std::time::Duration;

use self::clients::Clients;
use self::history::History;
use crate::harness::postgres::Database;
use crate::harness::{ADMIN_PASSWORD, Random, Rounds, Wharf, announce, number_from_environment};

/// How often each client acts before its history is searched.
const OPERATIONS: u64 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_are_linearizable_while_the_server_is_killed() {
    let mut wharf = Wharf::start_with(&[("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD)]).await;
    let mut random = seeded();
    let mut rounds = Rounds::at_least(1);
    for round in &mut rounds {
        let history = History::default();
        let clients = Clients::begin(&[&wharf], &history, random.next(), round).await;
        tokio::time::sleep(Duration::from_millis(20 + random.below(300))).await;
        wharf.kill();
        wharf.restart().await;
        clients.end().await;
        history.expect_order();
    }
    rounds.close("each a history of three tags by eight clients");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_are_linearizable_over_two_nodes() {
    let Some(database) = Database::fresh().await else { return };
    let here = Wharf::start_on_postgres(&database.url()).await;
    let there = Wharf::start_on_postgres(&database.url()).await;
    let mut random = seeded();
    let mut rounds = Rounds::at_least(1);
    for round in &mut rounds {
        let history = History::default();
        let clients = Clients::begin(&[&here, &there], &history, random.next(), round).await;
        clients.end().await;
        history.expect_order();
    }
    rounds.close("each a history of three tags by eight clients");
}

fn seeded() -> Random {
    let seed = number_from_environment("WHARF_HISTORIES_SEED", u64::from(std::process::id()));
    announce(format_args!("WHARF_HISTORIES_SEED={seed}"));
    Random::new(seed)
}
