//! What was said about what is listed: that a part is yanked, that a project takes nothing more.

use async_trait::async_trait;
use wharf_core::{Result, Tag, Timestamp, gate::RepositoryId};

/// What something is said about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// All that is listed in the repository.
    All,
    /// A release, by its tag.
    Release(Tag),
    /// A part of a release, by the name it is found by.
    Part(String),
}

impl About {
    /// Its word in rows.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Release(_) => "release",
            Self::Part(_) => "part",
        }
    }

    /// Its name among those of its word.
    pub fn name(&self) -> &str {
        match self {
            Self::All => "",
            Self::Release(tag) => tag.as_str(),
            Self::Part(name) => name,
        }
    }

    /// What a row is about.
    pub fn of_row(word: &str, name: &str) -> Option<Self> {
        match word {
            "all" => Some(Self::All),
            "release" => name.parse().ok().map(Self::Release),
            "part" => Some(Self::Part(name.to_owned())),
            _ => None,
        }
    }
}

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// Nobody should begin to use it; who names it exactly still gets it (PEP 592).
    Yanked,
    /// It is still made, but should not be used (this and the next ones: PEP 792).
    Deprecated,
    /// It takes nothing more.
    Archived,
    /// It takes nothing more and shows nothing: it may do harm.
    Quarantined,
}

impl Says {
    const ALL: [Self; 4] = [Self::Yanked, Self::Deprecated, Self::Archived, Self::Quarantined];

    /// Its word in rows and in lists.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yanked => "yanked",
            Self::Deprecated => "deprecated",
            Self::Archived => "archived",
            Self::Quarantined => "quarantined",
        }
    }

    /// What a word says.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|says| says.word() == word)
    }
}

/// Something that was said, as its row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeRow {
    /// About what.
    pub about: About,
    /// What.
    pub says: Says,
    /// Why, if that was told.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
    /// The name of who said it.
    pub by: String,
}

/// What was said about what is listed in a repository. It goes by the repository's name and its registry, so it stands also
/// while there is no such repository.
#[async_trait]
pub trait Notices {
    /// What was said, by the words of what it is about, and of one word in the order of names; after what was said about
    /// something, at most `most`.
    async fn notices(
        &mut self,
        repository: RepositoryId,
        format: &str,
        (last, most): (Option<&About>, u32),
    ) -> Result<Vec<NoticeRow>>;
    /// What was said about something.
    async fn notice(
        &mut self,
        repository: RepositoryId,
        format: &str,
        about: &About,
    ) -> Result<Option<NoticeRow>>;
    /// Says something, in the place of what was said about the same before.
    async fn set_notice(&mut self, repository: RepositoryId, format: &str, notice: &NoticeRow) -> Result<()>;
    /// Takes back what was said about something; false if nothing was.
    async fn remove_notice(&mut self, repository: RepositoryId, format: &str, about: &About) -> Result<bool>;
}
