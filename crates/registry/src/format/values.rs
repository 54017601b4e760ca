//! What the facts of a format are about: each subject once, by its newest fact.

use async_trait::async_trait;
use wharf_core::{Limit, Page, RegistryGrant, Result, gate::RegistryId};

use super::{FactCursor, fact::LONGEST};
use crate::{
    PAGE_BYTES, Registry,
    port::{Extent, FactRow, FactsOf, Transaction, Work},
};

impl Registry {
    /// A page of the subjects of what is tagged in a registry, after `last`, in byte order: the newest fact of each. It
    /// costs a look into an index for each of them, however many facts they have.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn subjects(
        &self,
        grant: &RegistryGrant,
        format: &str,
        (last, limit): (Option<String>, Limit),
    ) -> Result<Page<FactRow>> {
        let list = ListSubjects { registry: grant.registry(), format: format.to_owned(), last, limit };
        self.store().view(list).await
    }
}

struct ListSubjects {
    registry: RegistryId,
    format: String,
    last: Option<String>,
    limit: Limit,
}

#[async_trait]
impl Transaction for ListSubjects {
    type Output = Page<FactRow>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Page<FactRow>> {
        let Self { registry, format, last, limit } = self;
        let (format, last) = (format.clone(), last.clone().map(behind));
        let mut wanted = FactsOf { registry: *registry, format, pairs: Vec::new(), last, most: 1 };
        let (mut entries, mut bytes) = (Vec::new(), 0);
        while entries.len() <= limit.get() {
            let Some(row) = work.facts(&wanted).await?.pop() else { break };
            bytes += row.size;
            if !entries.is_empty() && bytes > PAGE_BYTES {
                return Ok(Page { entries, more: true });
            }
            wanted.last = Some(behind(row.cursor.subject.clone()));
            entries.push(row);
        }
        Ok(Page::cut(entries, *limit))
    }
}

/// Behind every fact about a subject: no sort key is as long.
pub(super) fn behind(subject: String) -> FactCursor {
    FactCursor { subject, sort_key: vec![u8::MAX; LONGEST + 1], id: i64::MAX }
}
