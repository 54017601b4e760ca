//! What the page of a registry shows: every fact whose own tag points to its manifest, as of one moment.

use async_trait::async_trait;
use wharf_core::{Error, ReachGrant, Result, Subject, gate::RegistryId};

use super::{FactCursor, Listing};
use crate::{
    Registry,
    port::{Extent, ShownOf, ShownRow, Transaction, Work},
};

/// How many facts are read at a time.
const CHUNK: u32 = 500;
/// The most that is shown on one page.
const MOST: usize = 100_000;

impl Registry {
    /// All that a registry shows of a format within the caller's reach, by subject, the newest first: for whoever may
    /// not have the page that all others share.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn shown(&self, grant: &ReachGrant, format: &'static str) -> Result<Listing> {
        let list = ListShown { grant: grant.clone(), format };
        self.store().view(list).await
    }

    /// What a registry shows about one subject within the caller's reach, the newest first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn shown_about(
        &self,
        grant: &ReachGrant,
        (format, subject): (&'static str, &str),
    ) -> Result<Vec<ShownRow>> {
        let list = ListAbout { grant: grant.clone(), format, subject: subject.to_owned() };
        self.store().view(list).await
    }
}

/// Everything that a registry shows, up to a bound: what comes after is left out.
pub(super) async fn all_shown(
    work: &mut dyn Work,
    (registry, format): (RegistryId, &str),
) -> Result<Listing> {
    let place = work.registry_place(registry).await?.ok_or_else(|| Error::not_found(Subject::Name))?;
    let mut wanted = ShownOf { registry, format: format.to_owned(), last: None, most: CHUNK };
    let mut all: Vec<ShownRow> = Vec::new();
    loop {
        let rows = work.shown(&wanted).await?;
        let is_last = rows.len() < CHUNK as usize;
        all.extend(rows);
        if all.len() >= MOST {
            tracing::warn!(organisation = %place.organisation, registry = %place.registry, format, most = MOST, "registry shows more than its page holds");
            all.truncate(MOST);
            return Ok(Listing::Shown(place, all));
        }
        if is_last {
            return Ok(Listing::Shown(place, all));
        }
        wanted.last = all.last().map(|row| row.cursor.clone());
    }
}

struct ListShown {
    grant: ReachGrant,
    format: &'static str,
}

#[async_trait]
impl Transaction for ListShown {
    type Output = Listing;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Listing> {
        Ok(match all_shown(work, (self.grant.registry(), self.format)).await? {
            Listing::Shown(place, mut rows) => {
                rows.retain(|row| self.grant.reaches(&row.place));
                Listing::Shown(place, rows)
            }
            other => other,
        })
    }
}

struct ListAbout {
    grant: ReachGrant,
    format: &'static str,
    subject: String,
}

#[async_trait]
impl Transaction for ListAbout {
    type Output = Vec<ShownRow>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<ShownRow>> {
        let before = FactCursor { subject: self.subject.clone(), sort_key: Vec::new(), id: 0 };
        let format = self.format.to_owned();
        let mut wanted = ShownOf { registry: self.grant.registry(), format, last: Some(before), most: CHUNK };
        let mut found = Vec::new();
        loop {
            let rows = work.shown(&wanted).await?;
            wanted.last = rows.last().map(|row| row.cursor.clone());
            let is_last = rows.len() < CHUNK as usize
                || rows.last().is_none_or(|row| row.cursor.subject != self.subject)
                || found.len() >= MOST;
            let about = rows.into_iter().filter(|row| row.cursor.subject == self.subject);
            found.extend(about.filter(|row| self.grant.reaches(&row.place)));
            if is_last {
                return Ok(found);
            }
        }
    }
}
