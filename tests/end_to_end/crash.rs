//! Ends that nobody asked for: the process killed, the power cut. What was acknowledged is there afterwards.
//!
//! Eight clients push, mount, tag and delete (`load`), every attempt and every answer is written down outside the
//! tested disk (`journal`), the end comes, the server starts again, and everything it shows is held against the
//! journal (`check`); now and then it is asked what it finds wrong itself (`verified`). The collector is in a hurry
//! meanwhile, so that ends meet it too. Everything follows from one seed, `WHARF_CRASH_SEED`, which is printed.

mod broken_disk;
mod check;
mod disk;
mod failing_flush;
mod full_disk;
mod journal;
mod kill;
mod load;
mod nodes;
mod peers;
mod power_cut;
mod recoveries;
mod steps;
mod upload;
mod verified;
mod worker;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::harness::{ADMIN_PASSWORD, Caller, Wharf, announce, number_from_environment};

/// Longer than a round of the load, which names only what it pushed in that round.
const COLLECTION_DELAY: Duration = Duration::from_secs(4);

/// How much sooner than after the delay a blob may have gone: the collector's time moves in rounds of a second, which
/// come late on a busy machine, and the time that passed since the last counts for what was pushed meanwhile.
const LATE_ROUND: Duration = Duration::from_secs(1);

/// A server whose collector is in a hurry.
const HURRY: [(&str, &str); 4] = [
    ("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD),
    ("WHARF_COLLECTION_DELAY", "4s"),
    ("WHARF_OBJECT_GRACE", "1s"),
    ("WHARF_HOUSEKEEPING_INTERVAL", "1s"),
];

/// How many rounds one Wharf sees before another begins anew: each check looks at all that was ever pushed there.
const A_LIFE: u64 = 20;

/// Where the load goes: every kind of name.
const REPOSITORIES: [&str; 4] = ["crash/one", "crash/two", "crash/team/three", "four"];

/// The seed of a run: given, or from the clock; printed, so that a failure can be had again.
fn seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let from_clock = u64::from(now.subsec_nanos()) ^ now.as_secs();
    let seed = number_from_environment("WHARF_CRASH_SEED", from_clock);
    announce(format_args!("WHARF_CRASH_SEED={seed}"));
    seed
}

/// The operator under a token for everything that the load does: thousands of requests need not wait for the hash
/// of a password.
async fn operator(wharf: &Wharf) -> Caller {
    let scopes = REPOSITORIES.map(|name| format!("repository:{name}:pull,push,delete"));
    let catalog = ["registry:catalog:*"];
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).chain(catalog).collect();
    wharf.admin().with_token(&scopes).await
}
