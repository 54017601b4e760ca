//! What the page of a registry shows: every fact whose own tag points to its manifest, as of one moment.

use async_trait::async_trait;
use wharf_core::{Error, ReachGrant, RegistryPlace, Result, Subject, gate::RegistryId};

use super::{Answers, FactCursor, Listing, Pair};
use crate::{
    Registry,
    port::{Extent, ShownOf, ShownRow, Transaction, Work},
};

/// How many facts are read at a time.
const CHUNK: u32 = 200;
/// How many where the first of them will mostly do.
const FEW: u32 = 16;
/// The most that is shown on one page.
const MOST: usize = 100_000;
/// What all of it may say together, in bytes. A few bytes that are pushed can say much, and a page is made in memory.
const MOST_SAID: usize = 64 * 1024 * 1024;
/// How many facts one page looks at, also where its reader may see few of them.
const MOST_LOOKED_AT: usize = 1_000_000;

/// What facts of a format are about.
#[derive(Clone, Copy, Debug)]
pub struct SubjectOf<'a> {
    /// The format.
    pub format: &'a str,
    /// The subject.
    pub subject: &'a str,
}

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
    pub async fn shown_about(&self, grant: &ReachGrant, of: SubjectOf<'_>) -> Result<Vec<ShownRow>> {
        let about = About::of(grant, of, CHUNK);
        self.store().view(ListAbout(about)).await
    }

    /// What of that is found by a pair. It is looked up, however much is shown about the subject.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn shown_with(
        &self,
        grant: &ReachGrant,
        subject: &str,
        Pair { format, name, value }: Pair<'_>,
    ) -> Result<Vec<ShownRow>> {
        let mut about = About::of(grant, SubjectOf { format, subject }, FEW);
        about.wanted.pair = Some((name.to_owned(), value.to_owned()));
        self.store().view(ListAbout(about)).await
    }

    /// The newest that a registry shows about one subject within the caller's reach and that answers. No more is read than
    /// it takes to find it.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn newest_about(
        &self,
        grant: &ReachGrant,
        of: SubjectOf<'_>,
        answers: Answers,
    ) -> Result<Option<ShownRow>> {
        let about = About::of(grant, of, FEW);
        self.store().view(FindNewest { about, answers }).await
    }
}

/// Everything that a registry shows, up to a bound: what comes after is left out.
pub(super) async fn all_shown(work: &mut dyn Work, of: (RegistryId, &str)) -> Result<Listing> {
    meant(work, of, |_| true).await
}

/// What of it is meant. What is not takes no room on the page.
async fn meant(
    work: &mut dyn Work,
    (registry, format): (RegistryId, &str),
    is_meant: impl Fn(&ShownRow) -> bool + Send + Sync,
) -> Result<Listing> {
    let place = work.registry_place(registry).await?.ok_or_else(|| Error::not_found(Subject::Name))?;
    let mut wanted = ShownOf { registry, format: format.to_owned(), pair: None, last: None, most: CHUNK };
    let (mut all, mut room) = (Vec::<ShownRow>::new(), Room::default());
    loop {
        let rows = work.shown(&wanted).await?;
        let is_last = rows.len() < CHUNK as usize;
        wanted.last = rows.last().map(|row| row.cursor.clone());
        if !room.take(&mut all, rows, &is_meant) {
            let RegistryPlace { organisation, registry } = &place;
            tracing::warn!(%organisation, %registry, format, shown = all.len(), "registry shows more than its page holds");
            return Ok(Listing::Shown(place, all));
        }
        if is_last {
            return Ok(Listing::Shown(place, all));
        }
    }
}

/// What a page holds already.
#[derive(Default)]
struct Room {
    looked_at: usize,
    rows: usize,
    bytes: usize,
}

impl Room {
    /// Takes those rows that are meant as long as there is room for them; whether there was for all, and more may come.
    fn take(
        &mut self,
        all: &mut Vec<ShownRow>,
        rows: impl IntoIterator<Item = ShownRow>,
        is_meant: impl Fn(&ShownRow) -> bool,
    ) -> bool {
        for row in rows {
            self.looked_at += 1;
            if self.looked_at > MOST_LOOKED_AT {
                return false;
            }
            if !is_meant(&row) {
                continue;
            }
            self.rows += 1;
            self.bytes += row.attributes.len();
            if self.rows > MOST || self.bytes > MOST_SAID {
                return false;
            }
            all.push(row);
        }
        true
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
        let reaches = |row: &ShownRow| self.grant.reaches(&row.place);
        meant(work, (self.grant.registry(), self.format), reaches).await
    }
}

/// What a registry shows about one subject.
struct About {
    grant: ReachGrant,
    subject: String,
    wanted: ShownOf,
}

impl About {
    fn of(grant: &ReachGrant, SubjectOf { format, subject }: SubjectOf<'_>, most: u32) -> Self {
        let (registry, format) = (grant.registry(), format.to_owned());
        let before = FactCursor { subject: subject.to_owned(), sort_key: Vec::new(), id: 0 };
        let wanted = ShownOf { registry, format, pair: None, last: Some(before), most };
        Self { grant: grant.clone(), subject: subject.to_owned(), wanted }
    }

    fn is_meant(&self, row: &ShownRow) -> bool {
        row.cursor.subject == self.subject && self.grant.reaches(&row.place)
    }

    /// What is wanted after some rows; nothing where they were the last about the subject.
    fn after(&self, wanted: &ShownOf, rows: &[ShownRow]) -> Option<ShownOf> {
        let last = rows.last().filter(|row| row.cursor.subject == self.subject)?;
        let is_last = rows.len() < wanted.most as usize;
        (!is_last).then(|| ShownOf { last: Some(last.cursor.clone()), most: CHUNK, ..wanted.clone() })
    }
}

struct ListAbout(About);

#[async_trait]
impl Transaction for ListAbout {
    type Output = Vec<ShownRow>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<ShownRow>> {
        let Self(about) = self;
        let (mut found, mut room) = (Vec::new(), Room::default());
        let mut wanted = Some(about.wanted.clone());
        while let Some(now) = wanted {
            let rows = work.shown(&now).await?;
            wanted = about.after(&now, &rows);
            if !room.take(&mut found, rows, |row| about.is_meant(row)) {
                break;
            }
        }
        Ok(found)
    }
}

struct FindNewest {
    about: About,
    answers: Answers,
}

#[async_trait]
impl Transaction for FindNewest {
    type Output = Option<ShownRow>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Option<ShownRow>> {
        let Self { about, answers } = self;
        let (mut wanted, mut looked_at) = (Some(about.wanted.clone()), 0);
        while let Some(now) = wanted.filter(|_| looked_at < MOST) {
            let rows = work.shown(&now).await?;
            (wanted, looked_at) = (about.after(&now, &rows), looked_at + rows.len());
            let found = rows.into_iter().find(|row| about.is_meant(row) && answers(row));
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use wharf_core::{Digest, Timestamp};

    use super::*;

    fn row(said: usize) -> ShownRow {
        ShownRow {
            cursor: FactCursor { subject: "app".to_owned(), sort_key: Vec::new(), id: 0 },
            place: "acme/app".parse().unwrap(),
            tag: "1.0.0".parse().unwrap(),
            digest: Digest::sha256([0; 32]),
            created_at: Timestamp::default(),
            attributes: "x".repeat(said),
        }
    }

    #[test]
    fn a_page_ends_where_its_rows_say_too_much() {
        let (mut all, mut room) = (Vec::new(), Room::default());
        assert!(room.take(&mut all, [row(10), row(MOST_SAID - 10)], |_| true));
        assert!(!room.take(&mut all, [row(1), row(1)], |_| true));
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn what_a_reader_does_not_reach_takes_no_room_on_his_page() {
        let (mut all, mut room) = (Vec::new(), Room::default());
        let reached: wharf_core::Place = "acme/web".parse().unwrap();
        let is_reached = |row: &ShownRow| row.place == reached;
        let foreign = row(MOST_SAID / 100);
        assert!(room.take(&mut all, std::iter::repeat_n(foreign, 101), is_reached));
        assert!(room.take(&mut all, std::iter::repeat_n(row(0), MOST), is_reached));
        assert!(room.take(&mut all, [ShownRow { place: reached.clone(), ..row(1) }], is_reached));
        assert_eq!(all.len(), 1);
        room.looked_at = MOST_LOOKED_AT;
        assert!(!room.take(&mut all, [row(0)], is_reached), "nobody has everything looked at");
    }
}
