//! A server on data of its own, and the script that is played on it: again and again, so that what was mended is worked
//! on too, but not for ever, for each check looks at all that was ever pushed there.

use super::orders::{Fate, Library, Orders, Tail};
use super::script::Script;
use crate::crash::check::{Difference, check_uncollected, differences};
use crate::crash::journal::Journal;
use crate::crash::verified::verify;
use crate::harness::Wharf;

/// How many rounds one data directory sees.
const ROUNDS: u32 = 16;

pub(super) struct Stage {
    // Before the orders, in whose folder its data lies: it ends first.
    wharf: Wharf,
    orders: Orders,
    journal: Journal,
    script: Script,
    rounds: u32,
}

impl Stage {
    /// Fresh data, and a server that is ready.
    pub(super) async fn set(library: &Library) -> Self {
        Self::set_on(Orders::under_known(library)).await
    }

    pub(super) async fn set_on((orders, environment): (Orders, Vec<(&'static str, String)>)) -> Self {
        let mut wharf = Wharf::laid_out_on(&orders.data(), &environment).await;
        wharf.restart().await;
        let journal = Journal::default();
        Self { wharf, orders, script: Script::new(journal.clone()), journal, rounds: 0 }
    }

    /// Whether it has seen its share.
    pub(super) fn is_worn(&self) -> bool {
        self.rounds >= ROUNDS
    }

    /// Lets the library leave flushes out while the script is played, and says what is wrong after the machine's end.
    pub(super) async fn go_unflushed(&mut self, tail: Tail) -> Vec<Difference> {
        let caller = self.script.prepare(&self.wharf).await;
        self.orders.give(Fate::Skips, 0);
        self.script.run(&mut self.wharf, &self.orders).await;
        // It ends first: a flush that is made after all would make up for those before it.
        self.wharf.kill();
        assert!(self.orders.take_back(), "no flush was left out");
        self.orders.end_the_machine(tail);
        self.wharf.restart().await;
        differences(&caller, &self.journal, None).await
    }

    /// Asks the server what it finds wrong itself after all of them.
    pub(super) fn verify(&self, context: &str) {
        verify(&self.wharf, context);
    }

    /// How many steps the script takes on fresh data, where nothing goes wrong.
    pub(super) async fn count(&mut self) -> u32 {
        self.rounds += 1;
        let caller = self.script.prepare(&self.wharf).await;
        self.orders.count();
        self.script.run(&mut self.wharf, &self.orders).await;
        let steps = self.orders.counted();
        self.orders.take_back();
        check_uncollected(&caller, &self.journal, "before anything went wrong").await;
        steps
    }

    /// Lets a step go wrong, and the machine end after the script or with the server, and holds what is there against
    /// the journal. Says whether the step came.
    pub(super) async fn go_through(&mut self, fate: Fate, step: u32, tail: Tail, context: &str) -> bool {
        self.rounds += 1;
        let caller = self.script.prepare(&self.wharf).await;
        self.orders.give(fate, step);
        self.script.run(&mut self.wharf, &self.orders).await;
        let has_come = self.orders.take_back();
        let context = format!("{context} (came: {has_come}, round {} on its data)", self.rounds);
        if fate.is_survived() || !has_come {
            check_uncollected(&caller, &self.journal, &context).await;
        }
        self.wharf.kill();
        self.orders.end_the_machine(tail);
        self.wharf.restart().await;
        check_uncollected(&caller, &self.journal, &format!("{context}, after a restart")).await;
        has_come
    }
}
