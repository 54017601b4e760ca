//! The values that an attribute has among the facts of a format: each once, by the first fact that has it.

use async_trait::async_trait;
use wharf_core::{Limit, Page, PageAfter, RegistryGrant, Result};

use crate::{
    PAGE_BYTES, Registry,
    port::{Extent, FactRow, Transaction, ValuesOf, Work},
};

/// An attribute by which the facts of a format are found.
#[derive(Clone, Copy, Debug)]
pub struct AttributeOf<'a> {
    /// The format.
    pub format: &'a str,
    /// The attribute.
    pub attribute: &'a str,
}

impl Registry {
    /// A page of the values of an attribute by which a format is found, among what is tagged in a registry, after `last`,
    /// in byte order: of each the first fact that has it. It is one statement, and a look into an index for each value,
    /// however many facts have it.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn values(
        &self,
        grant: &RegistryGrant,
        of: AttributeOf<'_>,
        PageAfter { last, limit }: PageAfter<String>,
    ) -> Result<Page<FactRow>> {
        let wanted = ValuesOf {
            registry: grant.registry(),
            format: of.format.to_owned(),
            attribute: of.attribute.to_owned(),
            last,
            most: u32::try_from(limit.get() + 1).unwrap_or(u32::MAX),
            most_bytes: PAGE_BYTES as u64,
        };
        self.store().view(ListValues { wanted, limit }).await
    }
}

struct ListValues {
    wanted: ValuesOf,
    limit: Limit,
}

#[async_trait]
impl Transaction for ListValues {
    type Output = Page<FactRow>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Page<FactRow>> {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for row in work.values(&self.wanted).await? {
            bytes += row.size;
            if !entries.is_empty() && bytes > PAGE_BYTES {
                return Ok(Page { entries, more: true });
            }
            entries.push(row);
        }
        Ok(Page::cut(entries, self.limit))
    }
}
