//! Pages of upstreams' projects in memory, rendered once for each version of what is known of them.

use wharf_core::gate::RegistryId;
use wharf_registry::{Cache, Weigh, format::Rendered};

use super::index::{Index, Moment};

/// How many bytes all of them may take.
pub(crate) const SHELF_BYTES: usize = 64 << 20;

/// Of which registry, which project, and for how many days its files are held back.
pub(crate) type Key = (RegistryId, String, u16);

/// The pages.
pub(crate) type Shelf = Cache<Key, Shown>;

/// A project as it is shown.
pub(crate) struct Shown {
    /// The version of what is known of it.
    version: i64,
    /// Until when it is shown so.
    until: Option<Moment>,
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

    /// Whether it is of this version, and still shown so.
    pub(super) fn stands(&self, version: i64, now: Moment) -> bool {
        self.version == version && self.until.is_none_or(|until| now < until)
    }
}

impl Weigh for Shown {
    fn weight(&self) -> usize {
        self.weight
    }
}
