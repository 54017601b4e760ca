//! Pages of upstreams' projects in memory, rendered once for each version of what is known of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wharf_core::{Recent, gate::RegistryId};
use wharf_registry::format::Rendered;

use super::index::{Index, Moment};

/// How many bytes all of them may take. What takes more than half of them is made anew for each reader, and drives out nobody
/// else's.
const MOST: usize = 64 << 20;

/// Of which registry, which project, and for how many days its files are held back.
pub(super) type Key = (RegistryId, String, u16);

/// A project as it is shown.
pub(crate) struct Shown {
    /// The version of what is known of it.
    pub(super) version: i64,
    /// Until when it is shown so.
    pub(super) until: Option<Moment>,
    /// The files that are shown.
    pub(super) index: Index,
    /// Their pages.
    pub(super) rendered: Rendered,
    /// How many bytes it takes.
    weight: usize,
}

impl Shown {
    pub(super) fn new(index: Index, until: Option<Moment>, rendered: Rendered) -> Self {
        let weight = index.weight() + rendered.weight();
        Self { version: rendered.revision, until, index, rendered, weight }
    }
}

/// The pages.
pub(crate) struct Shelf(Mutex<Recent<Key, Arc<Shown>>>);

impl Default for Shelf {
    fn default() -> Self {
        Self(Mutex::new(Recent::weighing(MOST, |shown| shown.weight)))
    }
}

impl Shelf {
    /// A project as it is shown now, if it was rendered of this version.
    pub(super) fn find(&self, key: &Key, version: i64, now: Moment) -> Option<Arc<Shown>> {
        let is_right =
            |shown: &Arc<Shown>| shown.version == version && shown.until.is_none_or(|until| now < until);
        self.all().get(key).filter(is_right)
    }

    /// Keeps it for the next reader.
    pub(super) fn put(&self, key: Key, shown: Arc<Shown>) {
        self.all().insert(key, shown);
    }

    fn all(&self) -> MutexGuard<'_, Recent<Key, Arc<Shown>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simple_page::Listed;

    #[test]
    fn the_shelf_keeps_as_many_bytes_as_it_may_and_no_page_above_its_share() {
        let shelf = Shelf::default();
        let key = |number: u16| (RegistryId(1), "foo".to_owned(), number);
        let put = |number, bytes| {
            let file = Listed { yanked: Some("x".repeat(bytes)), ..Listed::default() };
            let rendered = Rendered { revision: 1, pages: Vec::new() };
            let shown = Shown::new(Index { files: vec![file] }, None, rendered);
            shelf.put(key(number), Arc::new(shown));
        };
        let now = Moment::of(wharf_core::Timestamp::default());
        let is_kept = |number| shelf.find(&key(number), 1, now).is_some();
        put(1000, MOST / 10);
        for number in 0..100 {
            put(number, MOST / 10);
            assert!(shelf.all().len() < 10);
            assert!(is_kept(number) && is_kept(1000), "what is read stays, whatever others read");
        }
        put(99, MOST / 2 + 1);
        assert!(!is_kept(99));
        assert!(is_kept(1000), "others stay");
    }
}
