//! Who is served: so many receivers at once, few of one organisation, whoever was not served for longest first.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;
use wharf_core::{Timestamp, gate::OrganisationId};

use crate::{
    lease::LENGTH,
    port::{DELIVERY_TIMEOUT, DueWebhook},
};

/// How many receivers are served at once.
const LANES: usize = 32;
/// How many of one organisation: eight organisations whose receivers all hang take every lane, seven do not.
const OF_ONE: usize = 4;
/// Of how many it is remembered when they were served.
const REMEMBERED: usize = 10_000;
/// How long the lease must last still where a message is begun, in seconds: the delivery is over before it.
const TO_DELIVER: i64 = DELIVERY_TIMEOUT.as_secs() as i64;
/// Once the lease lasts no longer than this, it is prolonged, in seconds.
pub(super) const PROLONG_FROM: i64 = LENGTH / 2;

// Else nothing would be sent between the one and the other.
const _: () = assert!(TO_DELIVER < PROLONG_FROM);

/// The lanes of this node. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Lanes(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    left: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Who is being served, and whose that is.
    busy: HashMap<i64, OrganisationId>,
    /// How many lanes were given.
    given: u64,
    /// Which of them a receiver, and an organisation, was given last.
    receivers: HashMap<i64, u64>,
    organisations: HashMap<OrganisationId, u64>,
    /// Until when this node has the sending to itself.
    until: Timestamp,
}

/// The lane of one receiver, until it is dropped.
pub(super) struct Lane {
    lanes: Lanes,
    pub(super) webhook: i64,
}

impl Lanes {
    /// Waits until a receiver gave its lane up for others although more is due for it.
    pub async fn left(&self) {
        self.0.left.notified().await;
    }

    /// Lanes for those that something is due for, as far as there are some left.
    pub(super) fn enter(&self, due: &[DueWebhook]) -> Vec<Lane> {
        let mut state = self.state();
        state.forget(due);
        let mut entered = Vec::new();
        while let Some(next) = state.next(due) {
            state.give(next);
            entered.push(Lane { lanes: self.clone(), webhook: next.id });
        }
        entered
    }

    /// How much longer messages may be sent, in seconds; none where a clock that was set back says for longer than ever.
    pub(super) fn time_left(&self, now: Timestamp) -> i64 {
        let left = self.state().until.seconds() - now.seconds();
        if left > LENGTH { 0 } else { left }
    }

    /// Messages may be sent until then.
    pub(super) fn open_until(&self, until: Timestamp) {
        self.state().until = until;
    }

    /// Whether nobody is being served.
    pub(super) fn are_empty(&self) -> bool {
        self.state().busy.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Who is next; nobody where no lane is left.
    fn next(&self, due: &[DueWebhook]) -> Option<DueWebhook> {
        if self.busy.len() >= LANES {
            return None;
        }
        let has_room = |of: OrganisationId| self.busy.values().filter(|busy| **busy == of).count() < OF_ONE;
        let waits = due.iter().filter(|due| !self.busy.contains_key(&due.id) && has_room(due.organisation));
        let last = |due: &&DueWebhook| {
            let organisation = self.organisations.get(&due.organisation).copied().unwrap_or_default();
            (organisation, self.receivers.get(&due.id).copied().unwrap_or_default(), due.id)
        };
        waits.min_by_key(last).copied()
    }

    fn give(&mut self, next: DueWebhook) {
        self.given += 1;
        self.busy.insert(next.id, next.organisation);
        self.receivers.insert(next.id, self.given);
        self.organisations.insert(next.organisation, self.given);
    }

    /// Forgets who was served once, where that becomes too many.
    fn forget(&mut self, due: &[DueWebhook]) {
        if self.receivers.len() > REMEMBERED {
            self.receivers.retain(|id, _| due.iter().any(|due| due.id == *id));
            self.organisations.retain(|id, _| due.iter().any(|due| due.organisation == *id));
        }
    }
}

impl Lane {
    /// Whether a message may be begun at this moment: where the lease would end meanwhile, another node might send it at the
    /// same time.
    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        self.lanes.time_left(now) > TO_DELIVER
    }

    /// Makes room for others although more is due.
    pub(super) fn leave(self) {
        let lanes = self.lanes.clone();
        drop(self);
        lanes.0.left.notify_one();
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.lanes.state().busy.remove(&self.webhook);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many receivers of an organisation.
    fn due(organisation: i64, receivers: i64) -> impl Iterator<Item = DueWebhook> {
        let of = OrganisationId(organisation);
        (0..receivers).map(move |number| DueWebhook { id: 1000 * organisation + number, organisation: of })
    }

    fn served(lanes: &[Lane]) -> Vec<i64> {
        lanes.iter().map(|lane| lane.webhook).collect()
    }

    #[test]
    fn an_organisation_takes_no_more_lanes_than_its_share() {
        let lanes = Lanes::default();
        let due: Vec<_> = due(1, 100).chain(due(2, 1)).collect();
        let hung = lanes.enter(&due);
        assert_eq!(served(&hung), [1000, 2000, 1001, 1002, 1003]);
        assert!(lanes.enter(&due).is_empty(), "who is served is not served twice");
        let many: Vec<_> = (3..100).flat_map(|of| super::tests::due(of, 4)).collect();
        assert_eq!(lanes.enter(&many).len(), LANES - 5);
    }

    #[test]
    fn no_message_is_begun_that_might_outlast_the_lease() {
        let lanes = Lanes::default();
        let entered = lanes.enter(&due(1, 1).collect::<Vec<_>>());
        let is_open = |microseconds| entered[0].is_open(Timestamp::from_microseconds(microseconds));
        assert!(!is_open(0), "there is no lease yet");
        lanes.open_until(Timestamp::from_microseconds(30_000_000));
        assert!(is_open(0) && is_open(19_999_999));
        assert!(!is_open(20_000_000), "a receiver may take ten seconds");
        lanes.open_until(Timestamp::from_microseconds(30_900_000));
        assert!(!is_open(20_999_999), "9.9 seconds are too few");
    }

    #[test]
    fn whoever_was_not_served_for_longest_comes_first() {
        let lanes = Lanes::default();
        let due: Vec<_> = (1..=20).flat_map(|of| due(of, 10)).collect();
        let mut counts = HashMap::<i64, u32>::new();
        // All are always due.
        for _ in 0..100 {
            let entered = lanes.enter(&due);
            assert_eq!(entered.len(), LANES);
            served(&entered).into_iter().for_each(|id| *counts.entry(id).or_default() += 1);
        }
        let (least, most) = (counts.values().min().unwrap(), counts.values().max().unwrap());
        assert_eq!(counts.len(), 200, "everybody has a turn");
        assert!(most - least <= 2, "{least} to {most} turns");
    }
}
