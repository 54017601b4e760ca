//! The names of which a format lists anything in a registry, in memory: every name that may look like one of them is held
//! against all.
//!
//! A list is of one revision of the registry's page, which moves when a name comes or goes. Whoever asks reads how far that
//! page is, so he gets no list older than what was acknowledged before.

use std::sync::Arc;

use async_trait::async_trait;
use wharf_core::{RegistryGrant, Result};

use super::{page::FindPage, reading::all_subjects};
use crate::{
    Registry,
    cache::Weigh,
    port::{Extent, PageOf, Transaction, Work},
};

/// How many bytes all lists may take.
pub(crate) const NAMES_BYTES: usize = 64 << 20;
/// What a name takes beside its own bytes.
const EACH: usize = size_of::<String>();

/// The names of which a format lists anything in a registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The revision of the registry's page. It moves when a name comes or goes.
    pub revision: i64,
    /// The names, in byte order.
    pub names: Vec<String>,
}

impl Weigh for Names {
    fn weight(&self) -> usize {
        EACH + self.names.iter().map(|name| EACH + name.len()).sum::<usize>()
    }
}

impl Registry {
    /// The names of which a format lists anything in a registry: from memory, as long as none came or went.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn listed_names(&self, grant: &RegistryGrant, format: &'static str) -> Result<Arc<Names>> {
        let of = PageOf { registry: grant.registry(), repository: None, format };
        let revision = self.store().view(FindPage { of }).await?.map_or(0, |state| state.revision);
        if let Some(names) = self.0.names.find(&of).filter(|names| names.revision >= revision) {
            return Ok(names);
        }
        let names = Arc::new(self.store().view(ListNames { of }).await?);
        self.0.names.put(of, names.clone());
        Ok(names)
    }
}

struct ListNames {
    of: PageOf,
}

#[async_trait]
impl Transaction for ListNames {
    type Output = Names;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Names> {
        let revision = work.page(self.of).await?.map_or(0, |state| state.revision);
        Ok(Names { revision, names: all_subjects(work, (self.of.registry, self.of.format)).await? })
    }
}
