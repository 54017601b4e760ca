//! Listing repositories across tenants.

use async_trait::async_trait;
use wharf_core::{AccountId, Limit, Page, Principal, ReadGrant, Result};

use crate::{
    Registry,
    port::{Extent, Transaction, Work},
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
        let principal = &grant.actor().principal;
        let everything = matches!(principal, Principal::Job(_));
        let list = ListRepositories { account: principal.account(), everything, last, limit };
        Ok(Page::cut(self.store().view(list).await?, limit))
    }
}

struct ListRepositories {
    account: Option<AccountId>,
    everything: bool,
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
        work.catalog(self.account, self.everything, self.last.as_deref(), one_more).await
    }
}
