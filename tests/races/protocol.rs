//! The collector's protocol, and every order in which its steps can come.
//!
//! A model of one blob: two repositories, one who pushes it twice and names it, one who asks for it and names it, one
//! who mounts it from the first repository into the second and names it there, one who deletes a manifest, one who reads, and collectors on two
//! nodes. Each step is one transaction or one call to the store of bytes, as in `wharf-registry`; between any two of them time may pass. The
//! search visits every state there is, and asks in each of them for what `docs/guarantees.md` says of P7. Then it takes
//! the guards away, one by one: without any of them it must find a way to lose something, or it proves nothing.

mod steps;

use std::collections::{BTreeMap, HashSet, VecDeque};

use self::steps::{Actor, State, next};
use crate::components::announce;

/// What keeps the protocol right. All of them stand in the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guard {
    /// A membership ends only if its epoch is the one of its review.
    Epoch,
    /// A membership ends only if no manifest needs it.
    Need,
    /// A review that was put off since it was listed is not taken.
    Putting,
    /// Bytes stay for a while after their row.
    Grace,
    /// HEAD does not show what is about to be reviewed.
    Hiding,
    /// HEAD asks for the membership and for its review in one transaction.
    OneLook,
    /// A mount names its source.
    Source,
    /// A deleted manifest asks for a review of what it named, though one was asked for before.
    Delay,
    /// The blob's row goes with its last membership only.
    Orphan,
}

const GUARDS: [Guard; 9] = [
    Guard::Epoch,
    Guard::Need,
    Guard::Putting,
    Guard::Grace,
    Guard::Hiding,
    Guard::OneLook,
    Guard::Source,
    Guard::Delay,
    Guard::Orphan,
];

/// How a search ended.
#[derive(Debug)]
enum Found {
    /// Nothing, in so many states.
    Nothing(usize),
    /// A state that must not be: what is wrong with it, and who moved to get there.
    Wrong(String, Vec<Actor>),
}

/// Visits every state that can be reached without this guard, nearest first.
fn search(without: Option<Guard>) -> Found {
    let first = State::first(without);
    let mut seen = HashSet::from([first.clone()]);
    let mut ways: BTreeMap<usize, (usize, Actor)> = BTreeMap::new();
    let mut open = VecDeque::from([(0, first)]);
    let mut number = 0;
    while let Some((here, state)) = open.pop_front() {
        if let Err(wrong) = state.check() {
            return Found::Wrong(wrong, way(&ways, here));
        }
        for (actor, state) in next(&state) {
            if seen.insert(state.clone()) {
                number += 1;
                ways.insert(number, (here, actor));
                open.push_back((number, state));
            }
        }
    }
    Found::Nothing(seen.len())
}

fn way(ways: &BTreeMap<usize, (usize, Actor)>, mut to: usize) -> Vec<Actor> {
    let mut way = Vec::new();
    while let Some(&(from, actor)) = ways.get(&to) {
        way.push(actor);
        to = from;
    }
    way.reverse();
    way
}

#[test]
fn no_order_of_steps_collects_what_is_counted_on() {
    match search(None) {
        Found::Nothing(states) => {
            announce(format_args!("proved: {states} states"));
            assert!(states > 100_000, "{states} states are not every order of anything");
        }
        Found::Wrong(wrong, way) => panic!("{wrong}, by {way:?}"),
    }
}

#[test]
fn without_any_one_of_its_guards_the_protocol_loses_something() {
    for guard in GUARDS {
        match search(Some(guard)) {
            Found::Wrong(wrong, way) => announce(format_args!("without {guard:?}: {wrong}, by {way:?}")),
            Found::Nothing(states) => panic!("nothing is lost without {guard:?} in {states} states"),
        }
    }
}
