//! The proofs: which test each is, and how long it is to be.

use std::process::Command;
use std::time::Duration;

use super::programs::Programs;
use crate::rig::SHARED_STORES;

/// One test.
pub(super) struct Proof {
    pub(super) name: &'static str,
    binary: Binary,
    filter: &'static str,
    /// How many rounds it is to reach; `None` where it knows itself when it has tried everything.
    pub(super) rounds: Option<u64>,
    /// Whether it runs on PostgreSQL and S3 rather than on SQLite and files, or needs them beside those.
    pub(super) on_shared_stores: bool,
}

#[derive(Clone, Copy)]
enum Binary {
    EndToEnd,
    Races,
}

/// A round of the races is 150 operations, and each database sees 10⁵ of them.
const RACES: Option<u64> = Some(667);

#[rustfmt::skip]
pub(super) const PROOFS: [Proof; 14] = [
    proof("kills on SQLite and files", "when_the_process_is_killed", Some(200)),
    on_shared_stores("kills on PostgreSQL and S3", "when_the_process_is_killed", 200),
    on_shared_stores("kills of one node of three", "when_one_of_three_nodes_is_killed", 100),
    proof("power cuts on ext4", "power_is_cut_on_ext4", Some(100)),
    proof("power cuts on XFS", "power_is_cut_on_xfs", Some(50)),
    proof("uploads cut off on ext4", "from_its_true_offset_on_ext4", Some(100)),
    proof("uploads cut off on XFS", "from_its_true_offset_on_xfs", Some(50)),
    proof("durable steps", "whatever_step_goes_wrong", None),
    proof("first starts", "a_first_start_that_ends_at_any_step", None),
    Proof { binary: Binary::Races, ..proof("races on SQLite", "whatever_races_on_sqlite", RACES) },
    Proof { binary: Binary::Races, ..proof("races on PostgreSQL", "whatever_races_on_postgres", RACES) },
    proof("histories of tags under kills", "linearizable_while_the_server_is_killed", Some(200)),
    proof("histories of tags on two nodes", "linearizable_over_two_nodes", Some(200)),
    proof("peers", "what_wharf_and_its_peers_lose", Some(40)),
];

const fn proof(name: &'static str, filter: &'static str, rounds: Option<u64>) -> Proof {
    Proof { name, binary: Binary::EndToEnd, filter, rounds, on_shared_stores: false }
}

const fn on_shared_stores(name: &'static str, filter: &'static str, rounds: u64) -> Proof {
    Proof { on_shared_stores: true, ..proof(name, filter, Some(rounds)) }
}

impl Proof {
    /// The test, told how long it is to be.
    pub(super) fn command(&self, programs: &Programs, share: Option<Duration>) -> Command {
        let mut command = Command::new(match self.binary {
            Binary::EndToEnd => &programs.end_to_end,
            Binary::Races => &programs.races,
        });
        command.args(["--nocapture", self.filter]).env("WHARF_TEST_BINARY", &programs.wharf);
        command.env("WHARF_PROOF_ROUNDS", self.rounds.unwrap_or(u64::MAX - 1).to_string());
        if let Some(share) = share {
            command.env("WHARF_PROOF_SECONDS", share.as_secs().to_string());
        }
        if self.on_shared_stores {
            command.env("WHARF_TEST_STORES", SHARED_STORES);
        }
        command
    }
}
