//! What a transaction changed of what may be remembered.
//!
//! Who may what is safe by itself: every statement that runs is looked at, and one that writes to a table the rights come
//! from makes all rights and accounts forgotten. Content is forgotten by name, which the functions that change it give
//! ([`Content`]); a transaction that changed some and named none makes all content forgotten.
//!
//! Where several processes write, each tells the others in these words, as JSON ([`Written`]). A newer version may say what
//! an older one cannot read: to that one, everything changed.

use serde::{Deserialize, Serialize};
use wharf_core::{Digest, Error, Tag, gate::RepositoryId};

use super::Remembered;

/// The most names that are kept; with more, all content is forgotten.
const MOST: usize = 1024;

/// Content that was changed or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub(crate) enum Content {
    /// Where a tag points to.
    Tag(RepositoryId, Tag),
    /// A manifest of a repository.
    Manifest(RepositoryId, Digest),
    /// A blob's membership of a repository.
    Member(RepositoryId, Digest),
    /// Where a blob lies, for all who hold it.
    Blob(Digest),
}

/// Content as it is written: its kind, its repository – 0 for all of them – and its name.
type Written = (String, i64, String);

impl From<Content> for Written {
    fn from(content: Content) -> Self {
        let (kind, repository, name) = match content {
            Content::Tag(repository, tag) => ("tag", repository.0, tag.to_string()),
            Content::Manifest(repository, digest) => ("manifest", repository.0, digest.to_string()),
            Content::Member(repository, digest) => ("member", repository.0, digest.to_string()),
            Content::Blob(digest) => ("blob", 0, digest.to_string()),
        };
        (kind.to_owned(), repository, name)
    }
}

impl TryFrom<Written> for Content {
    type Error = Error;

    fn try_from((kind, repository, name): Written) -> Result<Self, Error> {
        let repository = RepositoryId(repository);
        match kind.as_str() {
            "tag" => Ok(Self::Tag(repository, name.parse()?)),
            "manifest" => Ok(Self::Manifest(repository, name.parse()?)),
            "member" => Ok(Self::Member(repository, name.parse()?)),
            "blob" => Ok(Self::Blob(name.parse()?)),
            _ => Err(Error::internal("content of a kind that this version does not know")),
        }
    }
}

/// What one or several transactions changed.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Changes {
    rights: bool,
    /// Some content was changed, by a statement that does not say which.
    content: bool,
    named: Vec<Content>,
}

impl Changes {
    /// Everything that may be remembered.
    pub(crate) fn everything() -> Self {
        Self { rights: true, content: true, named: Vec::new() }
    }

    /// Takes note of a statement that writes.
    pub(crate) fn note(&mut self, statement: &str) {
        let mut words = statement.split_ascii_whitespace();
        let verb = words.next().unwrap_or_default();
        let table = if verb == "UPDATE" { words.next() } else { words.nth(1) };
        match (verb, table.unwrap_or_default()) {
            ("SELECT", _) => {}
            // What was not there was not remembered, so that it comes to be changes nothing.
            ("INSERT", "tag") => self.content = true,
            ("INSERT", "membership") => self.rights = true,
            ("INSERT", _) => {}
            ("UPDATE" | "DELETE", "organisation" | "registry" | "account" | "membership" | "api_token") => {
                self.rights = true
            }
            ("UPDATE" | "DELETE", "tag" | "manifest") => self.content = true,
            ("DELETE", "repository") => (self.rights, self.content) = (true, true),
            ("DELETE", "repository_blob") => self.content = true,
            // Of a repository moves its counter, of a blob and its memberships the epoch; a blob that moves is named.
            ("UPDATE" | "DELETE", _) => {}
            _ => (self.rights, self.content) = (true, true),
        }
    }

    /// Takes note of exactly what was changed.
    pub(crate) fn name(&mut self, content: Content) {
        self.named.push(content);
    }

    /// Adds what another transaction changed.
    pub(crate) fn add(&mut self, other: Self) {
        self.rights |= other.rights;
        self.content |= other.content && other.named.is_empty();
        self.named.extend(other.named);
        if self.named.len() > MOST {
            (self.content, self.named) = (true, Vec::new());
        }
    }

    /// Whether nothing was changed.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn apply(&self, remembered: &mut Remembered) {
        if self.rights {
            remembered.accounts.clear();
            remembered.tokens.clear();
            remembered.rights.clear();
        }
        if self.content {
            remembered.tags.clear();
            remembered.manifests.clear();
            remembered.members.clear();
            return;
        }
        for content in &self.named {
            match content {
                Content::Tag(repository, tag) => remembered.tags.remove(&(*repository, tag.clone())),
                Content::Manifest(repository, digest) => remembered.manifests.remove(&(*repository, *digest)),
                Content::Member(repository, digest) => remembered.members.remove(&(*repository, *digest)),
                Content::Blob(digest) => remembered.members.retain(|(_, member)| member != digest),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(statement: &str) -> (bool, bool) {
        let mut changes = Changes::default();
        changes.note(statement);
        (changes.rights, changes.content)
    }

    #[test]
    fn whatever_changes_rights_makes_them_forgotten() {
        for statement in [
            "UPDATE account SET version = version + 1",
            "\n    UPDATE registry\n    SET public = 0",
            "INSERT INTO membership (role) VALUES ($1) ON CONFLICT DO UPDATE SET role = $1",
            "DELETE FROM membership WHERE account_id = $1",
            "DELETE FROM api_token WHERE hash = $1",
            "DELETE FROM organisation",
            "DELETE FROM repository WHERE shown = 0",
            "WITH gone AS (SELECT 1) DELETE FROM account",
            "REPLACE INTO account VALUES (1)",
        ] {
            assert!(noted(statement).0, "{statement}");
        }
        for statement in [
            "INSERT INTO account (name) VALUES ($1)",
            "UPDATE repository SET sequence = 1",
            "SELECT name FROM account",
        ] {
            assert_eq!(noted(statement), (false, false), "{statement}");
        }
    }

    #[test]
    fn content_that_nobody_named_is_forgotten_whole() {
        let (repository, tag) = (RepositoryId(1), "v1".parse::<Tag>().unwrap());
        let changed = |named: Option<Content>| {
            let (mut all, mut one) = (Changes::default(), Changes::default());
            one.note("DELETE FROM tag WHERE repository_id = $1");
            named.into_iter().for_each(|named| one.name(named));
            all.add(one);
            all.content
        };
        assert!(changed(None));
        assert!(!changed(Some(Content::Tag(repository, tag.clone()))));
        let mut many = Changes::default();
        for _ in 0..=MOST {
            let mut one = Changes::default();
            one.name(Content::Tag(repository, tag.clone()));
            many.add(one);
        }
        assert!(many.content && many.named.is_empty());
    }

    #[test]
    fn what_is_written_is_read_and_what_a_newer_version_writes_is_not_guessed() {
        let (repository, digest) = (RepositoryId(7), Digest::from_row(&[1; 33]).unwrap());
        let changes = Changes {
            rights: true,
            content: false,
            named: vec![
                Content::Tag(repository, "v1".parse().unwrap()),
                Content::Manifest(repository, digest),
                Content::Member(repository, digest),
                Content::Blob(digest),
            ],
        };
        let written = serde_json::to_string(&changes).unwrap();
        assert_eq!(serde_json::from_str::<Changes>(&written).unwrap(), changes);
        for newer in [
            written.replace("blob", "quota"),
            written.replace("\"rights\"", "\"quotas\":true,\"rights\""),
            written.replace("v1", "not a tag"),
        ] {
            assert!(serde_json::from_str::<Changes>(&newer).is_err(), "{newer}");
        }
    }
}
