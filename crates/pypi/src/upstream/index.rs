//! The page of a project as an upstream shows it: the files, with what the upstream says of them.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wharf_core::{Error, Kind, Result, Timestamp};
use wharf_registry::upstream::Arrived;

use crate::{
    filename::FileName,
    name::ProjectName,
    simple_page::{self, Listed},
};

/// The files of a project, in the upstream's order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Index {
    pub(super) files: Vec<Listed>,
}

/// A moment in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(i64);

impl Moment {
    pub(crate) const fn of(at: Timestamp) -> Self {
        Self(at.seconds())
    }
}

impl Index {
    /// Reads a page in whatever form it came. What is beyond the bounds of a page is left out, and so are files without a SHA-256.
    ///
    /// # Errors
    /// `Unavailable` for what is no page.
    pub(super) fn read(arrived: &Arrived) -> Result<Self> {
        let wrong = |error| {
            let words = "the upstream answered with what is no page of a project";
            Error::new(Kind::Unavailable, words).because(error)
        };
        Ok(Self { files: simple_page::project(arrived).map_err(wrong)?.files })
    }

    /// What is kept of it.
    pub(super) fn keep(&self) -> Result<Bytes> {
        serde_json::to_vec(self).map(Bytes::from).map_err(Error::internal)
    }

    /// What was kept.
    pub(super) fn kept(payload: &[u8]) -> Result<Self> {
        serde_json::from_slice(payload).map_err(Error::internal)
    }

    /// The files that are of a project and that installers know, each name once.
    pub(super) fn of(mut self, project: &ProjectName) -> Self {
        let mut seen = std::collections::HashSet::new();
        self.files.retain(|file| {
            let is_own = FileName::parse(&file.filename).is_ok_and(|name| name.project == *project);
            is_own && seen.insert(file.filename.clone())
        });
        self
    }

    /// The files that are older than so many days, and until when no other is. One whose age nobody tells is as new.
    pub(super) fn cooled(mut self, days: u16, now: Moment) -> (Self, Option<Moment>) {
        if days == 0 {
            return (self, None);
        }
        let rest = i64::from(days) * 24 * 3600;
        let shown_from = |file: &Listed| {
            let published: jiff::Timestamp = file.uploaded.as_deref()?.parse().ok()?;
            Some(Moment(published.as_second().saturating_add(rest)))
        };
        let until = self.files.iter().filter_map(shown_from).filter(|from| *from > now).min();
        self.files.retain(|file| shown_from(file).is_some_and(|from| from <= now));
        (self, until)
    }

    /// A file by its name.
    pub(super) fn find(&self, filename: &str) -> Option<&Listed> {
        self.files.iter().find(|file| file.filename == filename)
    }

    /// How many bytes it takes in memory.
    pub(super) fn weight(&self) -> usize {
        self.files.iter().map(Listed::weight).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_hidden_until_it_is_old_enough() {
        let at = |uploaded: &str| Listed { uploaded: Some(uploaded.to_owned()), ..Listed::default() };
        let files = vec![at("2026-01-01T00:00:00Z"), at("2026-01-05T00:00:00Z"), Listed::default()];
        let second = |text: &str| Moment(text.parse::<jiff::Timestamp>().unwrap().as_second());
        let cooled = |days| Index { files: files.clone() }.cooled(days, second("2026-01-09T00:00:00Z"));
        assert_eq!(cooled(0).0.files.len(), 3);
        let (index, until) = cooled(7);
        assert_eq!((index.files.len(), until), (1, Some(second("2026-01-12T00:00:00Z"))));
    }

    #[test]
    fn what_is_no_page_is_no_answer_and_strangers_on_a_page_are_not_shown() {
        let arrived = Arrived {
            url: "https://index.example/simple/foo/".to_owned(),
            media_type: "image/png".to_owned(),
            bytes: "x".into(),
        };
        assert_eq!(Index::read(&arrived).unwrap_err().kind(), Kind::Unavailable);
        let named = |filename: &str| Listed { filename: filename.to_owned(), ..Listed::default() };
        let files = ["foo-1.0.tar.gz", "bar-1.0.tar.gz", "foo-1.0.tar.gz", "foo-1.0.exe"].map(named).to_vec();
        assert_eq!(Index { files }.of(&"foo".parse().unwrap()).files.len(), 1);
    }

    #[test]
    fn what_was_kept_is_what_was_read() {
        let yanked = |reason: &str| Listed { yanked: Some(reason.to_owned()), ..Listed::default() };
        let index = Index { files: vec![Listed { size: Some(7), ..yanked("") }, yanked("why")] };
        assert_eq!(Index::kept(&index.keep().unwrap()).unwrap(), index);
    }
}
