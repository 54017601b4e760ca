//! The same ends for a registry of somebody else's, beside Wharf's: what each loses is counted, not judged.
//!
//! The clients speak only what every registry speaks, and the same judge looks at what is there afterwards. The table that
//! is printed stands in `bench/README.md`.

use std::path::Path;

use super::check::{Difference, Wrong, differences};
use super::disk::{Disk, FileSystem, stop_process};
use super::journal::Journal;
use super::load::{Load, some_time, something_done};
use super::worker::Mix;
use super::{COLLECTION_DELAY, HURRY, operator, seed};
use crate::harness::{Caller, Make, Peer, Random, Rounds, Wharf, component};

/// How many rounds one disk sees: each check looks at all that was ever pushed there.
const ROUNDS_ON_A_DISK: u32 = 10;

const HEAD: &str = "\
    | who | end | rounds | acknowledged | lost | damaged | unattempted | torn | refused |\n\
    |---|---|---|---|---|---|---|---|---|";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_wharf_and_its_peers_lose_when_they_are_killed_or_the_power_is_cut() {
    let needed = [Make::DistributionTwo, Make::DistributionThree];
    if !component("loop") || !needed.iter().all(|make| make.is_there()) {
        return;
    }
    let others = needed
        .into_iter()
        .chain([Make::Zot, Make::ZotThatFlushes].into_iter().filter(|make| make.is_there()));
    let others: Vec<_> = others.map(Registry::Peer).collect();
    let seed = seed();
    let mut random = Random::new(seed);
    let mut contenders = Vec::new();
    for end in [End::Kill, End::PowerCut] {
        for registry in [Registry::Wharf].iter().chain(&others) {
            contenders.push(Contender::new(*registry, end).await);
        }
    }
    let mut rounds = Rounds::at_least(1);
    for round in &mut rounds {
        for contender in &mut contenders {
            contender.go_through(&mut random, seed.wrapping_add(round)).await;
        }
    }

    println!("{HEAD}");
    contenders.iter().for_each(|contender| println!("{}", contender.row()));
    rounds.close("of each registry and end");
    let wharf = contenders.iter().filter(|contender| matches!(contender.ground.house, House::Wharf(_)));
    for contender in wharf {
        assert!(contender.acknowledged > 0, "the load did nothing");
        assert!(contender.found.is_empty(), "{:#?}", contender.found);
    }
}

/// How a round ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Kill,
    PowerCut,
}

/// Whose registry.
#[derive(Clone, Copy, Debug)]
enum Registry {
    Wharf,
    Peer(Make),
}

impl Registry {
    fn name(self) -> &'static str {
        match self {
            Self::Wharf => "wharf",
            Self::Peer(Make::DistributionTwo) => "distribution 2.8",
            Self::Peer(Make::DistributionThree) => "distribution 3.1",
            Self::Peer(Make::Zot) => "zot",
            Self::Peer(Make::ZotThatFlushes) => "zot, `commit`",
        }
    }
}

enum House {
    Wharf(Box<Wharf>),
    Peer(Peer),
}

impl House {
    async fn start(registry: Registry, data: &Path) -> Self {
        match registry {
            Registry::Wharf => Self::Wharf(Box::new(Wharf::start_on_with(data, &HURRY).await)),
            Registry::Peer(make) => {
                let started = Peer::start_on(make, data).await;
                Self::Peer(started.expect("it is installed"))
            }
        }
    }

    /// Who may do everything.
    async fn caller(&self) -> Caller {
        match self {
            Self::Wharf(wharf) => operator(wharf).await,
            Self::Peer(peer) => peer.caller(),
        }
    }

    fn process_id(&self) -> u32 {
        match self {
            Self::Wharf(wharf) => wharf.process_id(),
            Self::Peer(peer) => peer.process_id(),
        }
    }

    fn kill(&mut self) {
        match self {
            Self::Wharf(wharf) => wharf.kill(),
            Self::Peer(peer) => peer.kill(),
        }
    }

    async fn restart(&mut self) {
        match self {
            Self::Wharf(wharf) => {
                wharf.restart().await;
            }
            Self::Peer(peer) => peer.restart().await,
        }
    }
}

/// A registry on a disk of its own, and what was pushed there.
struct Ground {
    // Before the disk: it ends first.
    house: House,
    disk: Disk,
    journal: Journal,
}

impl Ground {
    async fn fresh(registry: Registry) -> Self {
        let disk = Disk::make(FileSystem::Ext4);
        let house = House::start(registry, &disk.data()).await;
        Self { house, disk, journal: Journal::default() }
    }

    /// Ends it under load, and starts it again.
    async fn end(&mut self, end: End, load: Load) {
        match end {
            End::Kill => {
                self.house.kill();
                load.end().await;
            }
            End::PowerCut => {
                stop_process(self.house.process_id()).await;
                load.abandon().await;
                self.disk.cut();
                self.house.kill();
                self.disk.replug().await;
            }
        }
        self.house.restart().await;
    }
}

/// A registry, what it is put through, and what came of it.
struct Contender {
    registry: Registry,
    end: End,
    ground: Ground,
    rounds: u32,
    acknowledged: usize,
    found: Vec<Difference>,
}

impl Contender {
    async fn new(registry: Registry, end: End) -> Self {
        let ground = Ground::fresh(registry).await;
        Self { registry, end, ground, rounds: 0, acknowledged: 0, found: Vec::new() }
    }

    async fn go_through(&mut self, random: &mut Random, seed: u64) {
        if self.rounds > 0 && self.rounds.is_multiple_of(ROUNDS_ON_A_DISK) {
            self.ground = Ground::fresh(self.registry).await;
        }
        let Ground { house, journal, .. } = &self.ground;
        let load = Load::begin_as(vec![house.caller().await], journal, seed, Mix::WhatAllHave);
        some_time(random, 200, 1_500).await;
        something_done(journal).await;
        self.ground.end(self.end, load).await;
        let Ground { house, journal, .. } = &self.ground;
        self.rounds += 1;
        self.acknowledged += journal.acknowledged();
        let delay = matches!(house, House::Wharf(_)).then_some(COLLECTION_DELAY);
        self.found.extend(differences(&house.caller().await, journal, delay).await);
    }

    fn row(&self) -> String {
        let count = |wrong| self.found.iter().filter(|found| found.wrong == wrong).count().to_string();
        let all = [Wrong::Lost, Wrong::Damaged, Wrong::Unattempted, Wrong::Torn, Wrong::Refused].map(count);
        let end = match self.end {
            End::Kill => "`kill -9`",
            End::PowerCut => "power cut",
        };
        let (name, rounds, acknowledged) = (self.registry.name(), self.rounds, self.acknowledged);
        format!("| {name} | {end} | {rounds} | {acknowledged} | {} |", all.join(" | "))
    }
}
