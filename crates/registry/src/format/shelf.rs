//! Rendered pages in memory: the ones asked for lately, each made by one and waited for by all.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::Rendered;
use crate::port::PageOf;

/// How many bytes all pages may take.
const MOST: usize = 128 << 20;

/// The shelf.
#[derive(Default)]
pub(crate) struct Shelf {
    slots: Mutex<HashMap<PageOf, Arc<Slot>>>,
    /// Counts the looks, to tell what was looked at least lately.
    looks: AtomicU64,
}

/// The place of the pages of one listing.
#[derive(Default)]
pub(crate) struct Slot {
    rendered: Mutex<Option<Arc<Rendered>>>,
    looked: AtomicU64,
    /// Whether what lies here was not put into the store yet.
    is_fresh: AtomicBool,
    /// Held by the one who renders.
    turn: tokio::sync::Mutex<()>,
    /// Whether somebody who pushed waits to render.
    is_awaited: AtomicBool,
}

impl Shelf {
    /// The place of some pages, made where there is none.
    pub(crate) fn slot(&self, of: PageOf) -> Arc<Slot> {
        let slot = self.slots().entry(of).or_default().clone();
        slot.looked.store(self.looks.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        slot
    }

    /// What was rendered and is not in the store yet. Whoever puts it there says so, slot by slot ([`Slot::was_kept`]).
    pub(crate) fn fresh(&self) -> Vec<(PageOf, Arc<Slot>, Arc<Rendered>)> {
        let slots = self.slots();
        let fresh = slots.iter().filter(|(_, slot)| slot.is_fresh.load(Ordering::Relaxed));
        fresh.filter_map(|(of, slot)| Some((*of, slot.clone(), slot.rendered()?))).collect()
    }

    /// Makes room: what is larger than the shelf goes, and drives out nothing; then what was looked at least lately.
    pub(crate) fn trim(&self) {
        let mut slots = self.slots();
        let weight = |slot: &Slot| slot.rendered().map_or(0, |rendered| rendered.weight());
        slots.retain(|_, slot| weight(slot) <= MOST);
        let mut total: usize = slots.values().map(|slot| weight(slot)).sum();
        while total > MOST {
            let oldest = slots.iter().min_by_key(|(_, slot)| slot.looked.load(Ordering::Relaxed));
            let Some((oldest, slot)) = oldest.map(|(of, slot)| (*of, weight(slot))) else { return };
            slots.remove(&oldest);
            total = total.saturating_sub(slot);
        }
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<PageOf, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// The turn to render, for who needs the page.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Whether nobody who pushed waits for the turn yet; from now on the caller does.
    pub(crate) fn await_turn(&self) -> bool {
        !self.is_awaited.swap(true, Ordering::AcqRel)
    }

    /// The turn, for who waits since [`Slot::await_turn`]. What is pushed from now on is the next one's.
    pub(crate) async fn take_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        let turn = self.turn.lock().await;
        self.is_awaited.swap(false, Ordering::AcqRel);
        turn
    }

    /// What lies here, if it shows this revision or a later one.
    pub(crate) fn at(&self, revision: i64) -> Option<Arc<Rendered>> {
        self.rendered().filter(|rendered| rendered.revision >= revision)
    }

    /// Puts pages here: fresh ones, or those that were found in the store.
    pub(crate) fn put(&self, rendered: Arc<Rendered>, found: Found) {
        let mut here = self.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        *here = Some(rendered);
        self.is_fresh.store(found == Found::Nowhere, Ordering::Relaxed);
    }

    /// Takes note that the store has what was here, or something later. What was put here since stays fresh.
    pub(crate) fn was_kept(&self, kept: &Arc<Rendered>) {
        let rendered = self.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        if rendered.as_ref().is_some_and(|rendered| Arc::ptr_eq(rendered, kept)) {
            self.is_fresh.store(false, Ordering::Relaxed);
        }
    }

    fn rendered(&self) -> Option<Arc<Rendered>> {
        self.rendered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Where pages come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// From the store.
    InStore,
    /// From nowhere: they were rendered.
    Nowhere,
}

#[cfg(test)]
mod tests {
    use wharf_core::gate::RegistryId;

    use super::*;
    use crate::format::{Encoding, RenderedBody, RenderedPage};

    #[test]
    fn what_was_rendered_is_fresh_until_it_was_kept() {
        let (shelf, of) =
            (Shelf::default(), PageOf { registry: RegistryId(1), repository: None, format: "x" });
        let rendered = |revision| Arc::new(Rendered { revision, pages: Vec::new() });
        let fresh =
            || shelf.fresh().into_iter().map(|(_, _, rendered)| rendered.revision).collect::<Vec<_>>();
        let slot = shelf.slot(of);
        slot.put(rendered(1), Found::InStore);
        assert!(fresh().is_empty());
        let second = rendered(2);
        slot.put(second.clone(), Found::Nowhere);
        assert_eq!((fresh(), fresh()), (vec![2], vec![2]), "whoever fails to keep it finds it again");
        slot.put(rendered(3), Found::Nowhere);
        slot.was_kept(&second);
        assert_eq!(fresh(), [3], "what came meanwhile is still to be kept");
        slot.was_kept(&slot.at(3).unwrap());
        assert!(fresh().is_empty());
    }

    #[test]
    fn the_shelf_holds_as_many_bytes_as_it_may_and_no_page_larger_than_itself() {
        let shelf = Shelf::default();
        let of = |number| PageOf { registry: RegistryId(number), repository: None, format: "x" };
        let put = |number, length| {
            let (etag, bytes) = (String::new(), vec![0; length].into());
            let body = RenderedBody { encoding: Encoding::Identity, etag, bytes };
            let page = RenderedPage { kind: "x".into(), media_type: "a/b".into(), bodies: vec![body] };
            let rendered = Rendered { revision: 1, pages: vec![page] };
            shelf.slot(of(number)).put(Arc::new(rendered), Found::InStore);
            shelf.trim();
        };
        put(1, MOST / 2);
        put(2, MOST + 1);
        assert!(shelf.slot(of(1)).at(1).is_some(), "it makes room by itself");
        assert!(shelf.slot(of(2)).at(1).is_none(), "nor does it stay where it is alone");
        put(3, MOST / 2 + 1);
        assert!(shelf.slot(of(1)).at(1).is_none() && shelf.slot(of(3)).at(1).is_some());
    }
}
