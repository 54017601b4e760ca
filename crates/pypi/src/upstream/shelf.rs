//! Pages of upstreams' projects in memory, rendered once for each version of what is known of them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use wharf_core::gate::RegistryId;
use wharf_registry::format::Rendered;

use super::index::{Index, Moment};

/// How many bytes all of them may take, about; with more, all are made anew.
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
}

impl Shown {
    fn weight(&self) -> usize {
        self.index.weight() + self.rendered.weight()
    }
}

/// The pages.
#[derive(Default)]
pub(crate) struct Shelf(Mutex<HashMap<Key, Arc<Shown>>>);

impl Shelf {
    /// A project as it is shown now, if it was rendered of this version.
    pub(super) fn find(&self, key: &Key, version: i64, now: Moment) -> Option<Arc<Shown>> {
        let is_right =
            |shown: &&Arc<Shown>| shown.version == version && shown.until.is_none_or(|until| now < until);
        self.all().get(key).filter(is_right).cloned()
    }

    /// Keeps it for the next reader.
    pub(super) fn put(&self, key: Key, shown: Arc<Shown>) {
        let mut all = self.all();
        let weight: usize = all.values().map(|shown| shown.weight()).sum();
        if weight + shown.weight() > MOST {
            all.clear();
        }
        all.insert(key, shown);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Key, Arc<Shown>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
