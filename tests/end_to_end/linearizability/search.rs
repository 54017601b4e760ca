//! The search for an order, after Wing and Gong, with Lowe's memory of where it has been.

use std::collections::HashSet;

use super::history::{Operation, Told, Value, Wish};

type State = Option<Value>;

/// Whether there is an order of these operations on one register, empty at first, in which each takes place between its
/// call and its return and every answer is true. One without an answer may take place or not.
pub(super) fn is_linearizable(operations: &[Operation]) -> bool {
    let mut operations = operations.to_vec();
    operations.sort_by_key(|operation| operation.called);
    let nothing_placed = vec![0_u64; operations.len().div_ceil(64)];
    let mut open = vec![(nothing_placed, None)];
    let mut seen = HashSet::new();
    while let Some((placed, state)) = open.pop() {
        let left = || (0..operations.len()).filter(|&index| !is_placed(&placed, index));
        let Some(first_return) = left().map(|index| operations[index].returned).min() else { return true };
        if first_return == u64::MAX {
            // What is left was never answered.
            return true;
        }
        let may_come: Vec<usize> =
            left().take_while(|&index| operations[index].called < first_return).collect();
        // The last one is tried first: what was not answered is taken to have happened only where nothing else explains.
        let (unknown, known): (Vec<usize>, Vec<usize>) =
            may_come.into_iter().partition(|&index| operations[index].told == Told::Unknown);
        for index in unknown.into_iter().chain(known) {
            let Some(state) = after(&operations[index], state) else { continue };
            let mut placed = placed.clone();
            placed[index / 64] |= 1 << (index % 64);
            if seen.insert((placed.clone(), state)) {
                open.push((placed, state));
            }
        }
    }
    false
}

fn is_placed(placed: &[u64], index: usize) -> bool {
    placed[index / 64] & (1 << (index % 64)) != 0
}

/// What the register holds after an operation; nothing where its answer would be a lie.
fn after(operation: &Operation, state: State) -> Option<State> {
    let Operation { wish, told, .. } = *operation;
    let does = |wanted: bool, next: State| match told {
        Told::Done => wanted.then_some(next),
        Told::Refused => (!wanted).then_some(state),
        Told::Unknown => Some(if wanted { next } else { state }),
        Told::Holds(_) | Told::NothingThere => None,
    };
    match (wish, told) {
        (Wish::Read, Told::Holds(value)) => (state == Some(value)).then_some(state),
        (Wish::Read | Wish::Delete | Wish::DeleteIf(_), Told::NothingThere) => {
            state.is_none().then_some(state)
        }
        (Wish::Read, _) => Some(state),
        (Wish::Write(value), _) => does(true, Some(value)),
        (Wish::WriteNew(value), _) => does(state.is_none(), Some(value)),
        (Wish::Replace(old, new), _) => does(state == Some(old), Some(new)),
        (Wish::Delete, _) => does(state.is_some(), None),
        (Wish::DeleteIf(old), _) => does(state == Some(old), None),
    }
}

/// Operations by their wish, their answer, and when they began and ended.
fn is_orderly(operations: &[(Wish, Told, u64, u64)]) -> bool {
    let operation = |&(wish, told, called, returned)| Operation { wish, told, called, returned };
    is_linearizable(&operations.iter().map(operation).collect::<Vec<_>>())
}

/// The judge is judged first: histories whose outcome is known.
#[test]
fn the_search_knows_histories_that_have_an_order() {
    use Told::{Done, Holds, NothingThere, Refused, Unknown};
    use Wish::{Delete, Read, Replace, Write, WriteNew};
    const NEVER: u64 = u64::MAX;

    assert!(is_orderly(&[(Write(1), Done, 1, 2), (Read, Holds(1), 3, 4), (Delete, Done, 5, 6)]));
    // Of overlapping writes either may be the last one.
    assert!(is_orderly(&[(Write(1), Done, 1, 4), (Write(2), Done, 2, 3), (Read, Holds(1), 5, 6)]));
    assert!(is_orderly(&[(Write(1), Done, 1, 4), (Write(2), Done, 2, 3), (Read, Holds(2), 5, 6)]));
    // A read may see a write that goes on, and another later one not yet.
    assert!(is_orderly(&[(Write(1), Done, 1, 9), (Read, Holds(1), 2, 3), (Read, Holds(1), 4, 5)]));
    assert!(is_orderly(&[(Write(1), Done, 1, 9), (Read, NothingThere, 2, 3), (Read, Holds(1), 4, 5)]));
    // What was not answered may have happened, late or never.
    assert!(is_orderly(&[(Write(1), Unknown, 1, NEVER), (Read, NothingThere, 2, 3), (Read, Holds(1), 4, 5)]));
    assert!(is_orderly(&[(Write(1), Unknown, 1, NEVER), (Read, NothingThere, 2, 3)]));
    assert!(is_orderly(&[
        (WriteNew(1), Done, 1, 2),
        (WriteNew(2), Refused, 3, 4),
        (Replace(1, 3), Done, 5, 6)
    ]));
}

#[test]
fn the_search_knows_histories_that_have_none() {
    use Told::{Done, Holds, NothingThere, Refused, Unknown};
    use Wish::{Delete, Read, Replace, Write, WriteNew};
    const NEVER: u64 = u64::MAX;

    // A stale read, a lost write, a value from nowhere.
    assert!(!is_orderly(&[(Write(1), Done, 1, 2), (Write(2), Done, 3, 4), (Read, Holds(1), 5, 6)]));
    assert!(!is_orderly(&[(Write(1), Done, 1, 2), (Read, NothingThere, 3, 4)]));
    assert!(!is_orderly(&[(Write(1), Done, 1, 2), (Read, Holds(7), 3, 4)]));
    // Once seen, a write that goes on has happened.
    assert!(!is_orderly(&[(Write(1), Done, 1, 9), (Read, Holds(1), 2, 3), (Read, NothingThere, 4, 5)]));
    assert!(!is_orderly(&[
        (Write(1), Unknown, 1, NEVER),
        (Read, Holds(1), 2, 3),
        (Read, NothingThere, 4, 5)
    ]));
    // It is known before it was asked for.
    assert!(!is_orderly(&[(Read, Holds(1), 1, 2), (Write(1), Unknown, 3, NEVER)]));
    // Of two that create, and of two that replace the same, one wins.
    assert!(!is_orderly(&[(WriteNew(1), Done, 1, 4), (WriteNew(2), Done, 2, 3)]));
    assert!(!is_orderly(&[(Write(1), Done, 1, 2), (Replace(1, 2), Done, 3, 5), (Replace(1, 3), Done, 4, 6)]));
    // Refused though the condition held all the time; deleted twice.
    assert!(!is_orderly(&[(Write(1), Done, 1, 2), (Replace(1, 2), Refused, 3, 4)]));
    assert!(!is_orderly(&[(Write(1), Done, 1, 2), (Delete, Done, 3, 5), (Delete, Done, 4, 6)]));
}
