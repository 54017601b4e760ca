//! What a format lists, read to its end some rows at a time: no statement answers with more than it was asked for.
//!
//! Whoever reads one list in several statements does so in one transaction, and sees one moment.

use wharf_core::{
    Result, Tag,
    gate::{RegistryId, RepositoryId},
};

use crate::port::{About, ListedOf, ListedRow, NoticeRow, Work};

/// How many rows are read at a time.
const STEP: u32 = 500;

fn is_last<T>(rows: &[T]) -> bool {
    rows.len() < STEP as usize
}

/// What is listed of a format, in one release or in all of the repository, the oldest first.
pub(super) async fn all_listed(
    work: &mut dyn Work,
    (repository, format): (RepositoryId, &str),
    release: Option<&Tag>,
) -> Result<Vec<ListedRow>> {
    let mut all: Vec<ListedRow> = Vec::new();
    loop {
        let rows =
            work.listed(ListedOf { repository, format, release, last: all.last(), most: STEP }).await?;
        let is_end = is_last(&rows);
        all.extend(rows);
        if is_end {
            break;
        }
    }
    // They come release by release.
    all.sort_by_key(|row| row.id);
    Ok(all)
}

/// What was read of manifests that stand beside it, as JSON, the oldest first.
pub(super) async fn all_beside(
    work: &mut dyn Work,
    (repository, format): (RepositoryId, &str),
) -> Result<Vec<String>> {
    let (mut all, mut last) = (Vec::new(), 0);
    loop {
        let rows = work.beside(repository, format, (last, STEP)).await?;
        let is_end = is_last(&rows);
        last = rows.last().map_or(last, |row| row.id);
        all.extend(rows.into_iter().map(|row| row.attributes));
        if is_end {
            return Ok(all);
        }
    }
}

/// The subjects of which a format lists anything in a registry, in byte order.
pub(super) async fn all_subjects(
    work: &mut dyn Work,
    (registry, format): (RegistryId, &str),
) -> Result<Vec<String>> {
    let mut all: Vec<String> = Vec::new();
    loop {
        let last = all.last().map(String::as_str).unwrap_or_default();
        let rows = work.listed_subjects(registry, format, (last, STEP)).await?;
        let is_end = is_last(&rows);
        all.extend(rows);
        if is_end {
            return Ok(all);
        }
    }
}

/// Everything that was said about what a format lists: about all first, then about releases and parts, each in the order of
/// names.
pub(super) async fn all_notices(
    work: &mut dyn Work,
    (repository, format): (RepositoryId, &str),
) -> Result<Vec<NoticeRow>> {
    let mut all: Vec<NoticeRow> = Vec::new();
    loop {
        let last = all.last().map(|notice| &notice.about);
        let rows = work.notices(repository, format, (last, STEP)).await?;
        let is_end = is_last(&rows);
        all.extend(rows);
        if is_end {
            break;
        }
    }
    all.sort_by_key(|notice| match notice.about {
        About::All => 0,
        About::Release(_) => 1,
        About::Part(_) => 2,
    });
    Ok(all)
}
