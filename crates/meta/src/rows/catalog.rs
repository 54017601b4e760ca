//! Lists across tenants. A walk over all names that leaves out what belongs to others would cost every stranger the
//! whole store. So each registry that the caller may read is asked for the names that come next, and these are merged.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use async_trait::async_trait;
use wharf_core::{AccountId, Result};
use wharf_registry::port::{Catalog, CatalogOf};

use super::{SqlWork, readable::readable_registries};
use crate::session::Row;

/// A registry whose names are merged, the one with the least name first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    next: String,
    /// What was read after that.
    rest: VecDeque<String>,
    registry: i64,
    /// How many names it was asked for; if it gave fewer, these were all.
    asked: usize,
    is_ended: bool,
}

/// How many names each registry is asked for at first.
const FIRST: usize = 8;
/// So many times as many it is asked for each time after that: few names are read in vain, and few questions asked.
const GROWTH: usize = 8;

impl Source {
    /// A registry and its first names, joined by a character none of them holds.
    fn read(mut row: Row) -> Result<Self> {
        let (registry, names) = (row.next()?, row.next::<String>()?);
        let mut rest: VecDeque<String> = names.split(',').map(str::to_owned).collect();
        let is_ended = rest.len() < FIRST;
        Ok(Self { next: rest.pop_front().unwrap_or_default(), rest, registry, asked: FIRST, is_ended })
    }
}

impl SqlWork<'_> {
    async fn is_operator(&mut self, account: Option<AccountId>) -> Result<bool> {
        const FIND: &str = "SELECT operator FROM account WHERE id = $1";
        let row = self.session.query_first(FIND, &[account.map(|id| id.0).into()]).await?;
        row.map_or(Ok(false), |mut row| row.next())
    }

    async fn all_names(&mut self, last: &str, most: u32) -> Result<Vec<String>> {
        const LIST: &str = "
            SELECT p.path FROM repository p WHERE p.shown = 1 AND p.path > $1 ORDER BY p.path LIMIT $2";
        let rows = self.session.query(LIST, &[last.into(), i64::from(most).into()]).await?;
        rows.into_iter().map(|mut row| row.next()).collect()
    }

    /// The registries that an account may read, with their first names after `last`; only the `most` whose first
    /// names come first, for a page has no name of any other.
    async fn sources(&mut self, account: Option<AccountId>, last: &str, most: u32) -> Result<Vec<Source>> {
        // The least name is one step in an index; the names themselves are read where they can be on the page.
        const FIND: &str = concat!(
            "WITH readable AS MATERIALIZED (",
            readable_registries!("$1"),
            "),
            first AS MATERIALIZED (
                SELECT d.id, (SELECT min(p.path) FROM repository p
                    WHERE p.registry_id = d.id AND p.shown = 1 AND p.path > $2) AS path
                FROM readable d),
            nearest AS MATERIALIZED (
                SELECT f.id, f.path FROM first f WHERE f.path IS NOT NULL ORDER BY f.path LIMIT $3)
            SELECT n.id, (SELECT string_agg(s.path, ',' ORDER BY s.path) FROM
                (SELECT p.path FROM repository p
                WHERE p.registry_id = n.id AND p.shown = 1 AND p.path >= n.path ORDER BY p.path LIMIT $4) s)
            FROM nearest n ORDER BY n.path"
        );
        let values = [
            account.map(|id| id.0).into(),
            last.into(),
            i64::from(most).into(),
            i64::try_from(FIRST).unwrap_or(i64::MAX).into(),
        ];
        self.session.query(FIND, &values).await?.into_iter().map(Source::read).collect()
    }

    /// The name after a source's next one.
    async fn following(&mut self, source: &mut Source) -> Result<Option<String>> {
        const MORE: &str = "
            SELECT p.path FROM repository p WHERE p.registry_id = $1 AND p.shown = 1 AND p.path > $2
            ORDER BY p.path LIMIT $3";
        if source.rest.is_empty() && !source.is_ended {
            source.asked = source.asked.saturating_mul(GROWTH);
            let asked = i64::try_from(source.asked).unwrap_or(i64::MAX);
            let values = [source.registry.into(), source.next.as_str().into(), asked.into()];
            let rows = self.session.query(MORE, &values).await?;
            source.rest = rows.into_iter().map(|mut row| row.next()).collect::<Result<_>>()?;
            source.is_ended = source.rest.len() < source.asked;
        }
        Ok(source.rest.pop_front())
    }
}

#[async_trait]
impl Catalog for SqlWork<'_> {
    async fn catalog(&mut self, of: CatalogOf, last: Option<&str>, most: u32) -> Result<Vec<String>> {
        let last = last.unwrap_or_default();
        let account = match of {
            CatalogOf::Everything => return self.all_names(last, most).await,
            CatalogOf::ReadableBy(account) => account,
        };
        if self.is_operator(account).await? {
            return self.all_names(last, most).await;
        }
        let sources = self.sources(account, last, most).await?;
        let mut sources: BinaryHeap<_> = sources.into_iter().map(Reverse).collect();
        let mut names = Vec::new();
        while names.len() < most as usize
            && let Some(Reverse(mut source)) = sources.pop()
        {
            match self.following(&mut source).await? {
                None => names.push(source.next),
                Some(following) => {
                    names.push(std::mem::replace(&mut source.next, following));
                    sources.push(Reverse(source));
                }
            }
        }
        Ok(names)
    }
}
