//! Listing repositories across tenants.

use async_trait::async_trait;
use wharf_core::{Limit, Page, Principal, ReadGrant, Result};

use crate::{
    Registry,
    port::{CatalogOf, Extent, Transaction, Work},
};

impl Registry {
    /// A page of the canonical names of repositories that hold something and that the caller may read.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn catalog(
        &self,
        grant: &ReadGrant,
        last: Option<String>,
        limit: Limit,
    ) -> Result<Page<String>> {
        let of = match grant.actor().principal() {
            Principal::Job(_) => CatalogOf::Everything,
            principal => CatalogOf::ReadableBy(principal.account()),
        };
        let list = ListRepositories { of, last, limit };
        Ok(Page::cut(self.store().view(list).await?, limit))
    }
}

struct ListRepositories {
    of: CatalogOf,
    last: Option<String>,
    limit: Limit,
}

#[async_trait]
impl Transaction for ListRepositories {
    type Output = Vec<String>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<String>> {
        let one_more = u32::try_from(self.limit.get() + 1).unwrap_or(u32::MAX);
        work.catalog(self.of, self.last.as_deref(), one_more).await
    }
}
