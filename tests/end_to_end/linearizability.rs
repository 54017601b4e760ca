//! Tags are linearizable registers: whatever many clients do at once, there is one order of their operations, each between
//! its call and its answer, in which every answer is true.
//!
//! Clients write, read, delete and write on conditions (`clients`), what they asked and were told is written down
//! (`history`), and a search (`search`, after Wing, Gong and Lowe) looks for the order. A server is killed meanwhile,
//! or there are two on one database, and then the database dies under them, a node does, or what one of them says to the
//! database is lost. What follows from chance is the choice of operations, by the seed that is printed; how they meet is
//! the machine's affair.

mod clients;
mod history;
mod search;

use std::time::Duration;

use self::clients::Clients;
use self::history::History;
use crate::harness::postgres::{Cluster, Database, Fault, Proxy};
use crate::harness::{ADMIN_PASSWORD, Random, Rounds, Wharf, announce, number_from_environment};
use crate::postgres::outages::ready;

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

/// What goes wrong in a round, for a while.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// Between one of the nodes and the database.
    Between(Fault),
    /// One of the nodes is killed, and starts again.
    Node,
    /// The database is ended the hard way, and starts again.
    Database,
}

const TROUBLES: [Trouble; 6] = [
    Trouble::Between(Fault::AfterCommit),
    Trouble::Between(Fault::BeforeCommit),
    Trouble::Between(Fault::Gone),
    Trouble::Between(Fault::Frozen),
    Trouble::Node,
    Trouble::Database,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_are_linearizable_whatever_goes_wrong_under_two_nodes() {
    let Some(mut cluster) = Cluster::start().await else { return };
    let proxy = Proxy::before(&cluster.host()).await;
    let mut here = Wharf::start_on_postgres(&cluster.url_at(&proxy.host())).await;
    let there = Wharf::start_on_postgres(&cluster.url()).await;
    let mut random = seeded();
    let mut rounds = Rounds::at_least(TROUBLES.len() as u64);
    for round in &mut rounds {
        let history = History::default();
        let clients = Clients::begin(&[&here, &there], &history, random.next(), round).await;
        tokio::time::sleep(Duration::from_millis(20 + random.below(300))).await;
        let while_it_lasts = Duration::from_millis(50 + random.below(400));
        match TROUBLES[usize::try_from(round).unwrap() % TROUBLES.len()] {
            Trouble::Between(fault) => {
                proxy.set(fault);
                tokio::time::sleep(while_it_lasts).await;
                proxy.set(Fault::None);
            }
            Trouble::Node => {
                here.kill();
                here.restart().await;
            }
            Trouble::Database => {
                cluster.end();
                tokio::time::sleep(while_it_lasts).await;
                cluster.restart().await;
            }
        }
        clients.end().await;
        history.expect_order();
        // The next round begins with logins on both.
        ready(&here.anonymous()).await;
        ready(&there.anonymous()).await;
    }
    rounds.close("each a history of three tags by eight clients");
}

fn seeded() -> Random {
    let seed = number_from_environment("WHARF_HISTORIES_SEED", u64::from(std::process::id()));
    announce(format_args!("WHARF_HISTORIES_SEED={seed}"));
    Random::new(seed)
}
