//! Where a page of what would go begins.

use std::{fmt, str::FromStr};

use wharf_core::{
    Detail, Digest, Error, Kind, Place, RegistryPlace, Result, Tag, Timestamp, gate::RepositoryId,
};

use super::Expiring;

/// Where a page of what would go ends. Opaque to callers, who hand it back for the next page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiringCursor {
    repository: RepositoryId,
    place: Place,
    last: Last,
}

/// The last one of a page. Tags come before what has none, the latest first; manifests in the order of their digests.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Last {
    Tag { tag: Tag, since: Timestamp },
    Manifest(Digest),
}

impl ExpiringCursor {
    /// The repository of the last one.
    pub(super) const fn repository(&self) -> RepositoryId {
        self.repository
    }

    /// What that repository is called.
    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    /// Whether something comes after the last one. What is in another repository does: pages begin with this one.
    pub(super) fn is_before(&self, row: &Expiring) -> bool {
        match (&self.last, &row.tag) {
            _ if row.repository != self.repository => true,
            (Last::Tag { tag, since }, Some(other)) => (row.since, other) < (*since, tag),
            (Last::Tag { .. }, None) => true,
            (Last::Manifest(_), Some(_)) => false,
            (Last::Manifest(digest), None) => row.digest.to_row() > digest.to_row(),
        }
    }

    /// Refuses one of another registry.
    ///
    /// # Errors
    /// `Invalid`.
    pub(super) fn expect_in(&self, registry: &RegistryPlace) -> Result<()> {
        if self.place.is_in(registry) { Ok(()) } else { Err(made_up()) }
    }
}

impl Expiring {
    /// Where the page ends whose last it is.
    pub fn cursor(&self) -> ExpiringCursor {
        let last = match &self.tag {
            Some(tag) => Last::Tag { tag: tag.clone(), since: self.since },
            None => Last::Manifest(self.digest),
        };
        ExpiringCursor { repository: self.repository, place: self.place.clone(), last }
    }
}

impl fmt::Display for ExpiringCursor {
    /// `row:acme/app:v1:microseconds` of a tag, `row:acme/app@sha256:…` of a manifest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, place, last } = self;
        match last {
            Last::Tag { tag, since } => write!(f, "{}:{place}:{tag}:{}", repository.0, since.microseconds()),
            Last::Manifest(digest) => write!(f, "{}:{place}@{digest}", repository.0),
        }
    }
}

impl FromStr for ExpiringCursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let read = || {
            let (repository, rest) = text.split_once(':')?;
            let (place, last) = match rest.split_once('@') {
                Some((place, digest)) => (place, Last::Manifest(digest.parse().ok()?)),
                None => {
                    let (place, rest) = rest.split_once(':')?;
                    let (tag, since) = rest.split_once(':')?;
                    let since = Timestamp::from_microseconds(since.parse().ok()?);
                    (place, Last::Tag { tag: tag.parse().ok()?, since })
                }
            };
            let repository = RepositoryId(repository.parse().ok()?);
            Some(Self { repository, place: place.parse().ok()?, last })
        };
        read().ok_or_else(made_up)
    }
}

fn made_up() -> Error {
    Error::new(Kind::Invalid, "last must be taken from the Link of the page before").with(Detail::Page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(repository: i64, tag: Option<(&str, i64)>, digit: &str) -> Expiring {
        Expiring {
            repository: RepositoryId(repository),
            place: "acme/team/a/b".parse().unwrap(),
            tag: tag.map(|(tag, _)| tag.parse().unwrap()),
            digest: format!("sha256:{}", digit.repeat(64)).parse().unwrap(),
            since: Timestamp::from_microseconds(tag.map_or(0, |(_, since)| since)),
            rule: "few".parse().unwrap(),
        }
    }

    #[test]
    fn a_cursor_comes_back_as_it_was_printed() {
        for row in [row(7, Some(("v1", -3)), "a"), row(7, None, "a")] {
            let cursor = row.cursor();
            assert_eq!(cursor.to_string().parse::<ExpiringCursor>().unwrap(), cursor);
        }
        for bad in
            ["", "7", "7:acme/app", "7:acme/app:v1", "x:acme/app:v1:3", "7:Acme:v1:3", "7:acme/app@sha256:a"]
        {
            assert!(bad.parse::<ExpiringCursor>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_page_goes_on_behind_the_last_of_the_one_before() {
        let rows = [
            row(7, Some(("b", 9)), "c"),
            row(7, Some(("a", 9)), "b"),
            row(7, Some(("c", 8)), "a"),
            row(7, None, "a"),
            row(7, None, "b"),
            row(3, Some(("z", 10)), "a"),
        ];
        for (last, row) in rows.iter().take(5).enumerate() {
            let cursor = row.cursor();
            let after: Vec<bool> = rows.iter().map(|row| cursor.is_before(row)).collect();
            let right: Vec<bool> = (0..rows.len()).map(|position| position > last).collect();
            assert_eq!(after, right, "after {last}");
        }
    }
}
