//! What is said about what is listed: releases and parts that are yanked, and what becomes of a whole project.
//!
//! It is a row beside the content, never a part of it: no digest changes, no tag moves, so it can be said of a release
//! that no rule lets move. The pages that show it move on in its transaction.

use async_trait::async_trait;
use wharf_core::{
    Digest, Error, Grant, Kind, OrganisationGrant, Result, Subject, Tag, Timestamp,
    action::{Delete, Pull, Push},
    audit::AuditRecord,
    duty::Administer,
    gate::{RegistryId, RepositoryId},
};

use super::{Listings, Pair, reading::all_notices};
use crate::{
    Registry,
    deed::Deed,
    port::{About, Extent, ListedRow, NoticeRow, PageOf, Says, Transaction, Work},
    upload::expect_repository,
};

/// The longest reason, in characters.
const LONGEST_REASON: usize = 512;

/// What becomes of a project (PEP 792).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What it is if nothing else was said.
    Active,
    /// [`Says::Deprecated`].
    Deprecated,
    /// [`Says::Archived`].
    Archived,
    /// [`Says::Quarantined`].
    Quarantined,
}

impl Standing {
    /// What is said about all that is listed; nothing of an active project.
    const fn says(self) -> Option<Says> {
        match self {
            Self::Active => None,
            Self::Deprecated => Some(Says::Deprecated),
            Self::Archived => Some(Says::Archived),
            Self::Quarantined => Some(Says::Quarantined),
        }
    }
}

impl Registry {
    /// Everything that was said about what a format lists in a repository, about all of it first.
    ///
    /// # Errors
    /// `NotFound` where the repository is not there.
    pub async fn notices(&self, grant: &Grant<Pull>) -> Result<Vec<NoticeRow>> {
        let repository = grant.repository().ok_or_else(|| Error::not_found(Subject::Name))?;
        self.store().view(ListNotices { repository, formats: self.listings() }).await
    }

    /// Yanks a release or a part of one: it is shown as such, with the reason, and served as before.
    ///
    /// # Errors
    /// `NotFound` where nothing of that name is listed; `Invalid` for a reason that is too long.
    pub async fn yank(&self, grant: &Grant<Delete>, about: About, reason: Option<String>) -> Result<()> {
        let action = if matches!(about, About::Part(_)) { "part.yank" } else { "release.yank" };
        self.say(grant, Saying { about, says: Some(Says::Yanked), reason, action }).await
    }

    /// Takes that back.
    ///
    /// # Errors
    /// `NotFound` where it was not yanked.
    pub async fn unyank(&self, grant: &Grant<Delete>, about: About) -> Result<()> {
        let action = if matches!(about, About::Part(_)) { "part.unyank" } else { "release.unyank" };
        self.say(grant, Saying { about, says: None, reason: None, action }).await
    }

    /// Says what becomes of everything that is listed in a repository, which only administrators do.
    ///
    /// # Errors
    /// `NotFound` where nothing is listed; `Invalid` as [`Registry::yank`].
    pub async fn set_standing(
        &self,
        duty: &OrganisationGrant<Administer>,
        grant: &Grant<Delete>,
        (standing, reason): (Standing, Option<String>),
    ) -> Result<()> {
        if duty.name() != &grant.place().organisation {
            return Err(Error::internal("a duty of one organisation was shown in another"));
        }
        let says = standing.says();
        self.say(grant, Saying { about: About::All, says, reason, action: "project.status" }).await
    }

    /// Refuses a push into what takes nothing more, before its bytes come.
    ///
    /// # Errors
    /// `Denied` where its project is archived or quarantined.
    pub async fn expect_open(&self, grant: &Grant<Push>, format: &'static str) -> Result<()> {
        let Some(repository) = grant.repository() else { return Ok(()) };
        self.store().view(LookOpen { repository, format }).await
    }

    async fn say(&self, grant: &Grant<Delete>, saying: Saying) -> Result<()> {
        let Some((repository, registry)) = grant.repository().zip(grant.registry()) else {
            return Err(Error::not_found(Subject::Name));
        };
        if let Some(reason) = &saying.reason {
            expect_reason(reason)?;
        }
        let (at, formats, now) = ((registry.id, repository), self.listings(), self.now());
        let format = self.store().commit(Say { grant: grant.clone(), at, saying, formats, now }).await?;
        self.refresh(PageOf { registry: registry.id, repository: Some(repository), format });
        Ok(())
    }
}

fn expect_reason(reason: &str) -> Result<()> {
    if reason.chars().count() <= LONGEST_REASON && !reason.contains(char::is_control) && !reason.is_empty() {
        return Ok(());
    }
    let message = format!("a reason is one line of at most {LONGEST_REASON} characters");
    Err(Error::new(Kind::Invalid, message))
}

/// Whether what a format lists in a repository is hidden.
pub(crate) async fn is_hidden(work: &mut dyn Work, repository: RepositoryId, format: &str) -> Result<bool> {
    let notice = work.notice(repository, format, &About::All).await?;
    Ok(notice.is_some_and(|notice| notice.says == Says::Quarantined))
}

/// Refuses that something is added where it was said that nothing comes any more.
pub(crate) async fn expect_open(work: &mut dyn Work, repository: RepositoryId, format: &str) -> Result<()> {
    let closed = |notice: &NoticeRow| matches!(notice.says, Says::Archived | Says::Quarantined);
    let Some(notice) = work.notice(repository, format, &About::All).await?.filter(closed) else {
        return Ok(());
    };
    let reason = notice.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let message = format!("the project is {} and takes nothing more{reason}", notice.says.word());
    Err(Error::new(Kind::Denied, message))
}

struct LookOpen {
    repository: RepositoryId,
    format: &'static str,
}

#[async_trait]
impl Transaction for LookOpen {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        expect_open(work, self.repository, self.format).await
    }
}

struct ListNotices {
    repository: RepositoryId,
    formats: Listings,
}

#[async_trait]
impl Transaction for ListNotices {
    type Output = Vec<NoticeRow>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<NoticeRow>> {
        let mut all = Vec::new();
        for format in self.formats.listing() {
            all.extend(all_notices(work, (self.repository, format.name())).await?);
        }
        Ok(all)
    }
}

/// What is to be said about what, or that nothing is any more.
struct Saying {
    about: About,
    says: Option<Says>,
    reason: Option<String>,
    action: &'static str,
}

/// Says something or takes it back, moves the page on and tells the log; of which format it was.
struct Say {
    grant: Grant<Delete>,
    at: (RegistryId, RepositoryId),
    saying: Saying,
    formats: Listings,
    now: Timestamp,
}

#[async_trait]
impl Transaction for Say {
    type Output = &'static str;

    async fn run(&self, work: &mut dyn Work) -> Result<&'static str> {
        let (_, repository) = self.at;
        expect_repository(work, repository).await?;
        for format in self.formats.listing() {
            let name = format.name();
            let (about, part) = (&self.saying.about, format.part());
            let listed = find(work, self.at, (name, part, about)).await?;
            let is_done = match self.saying.says {
                // What something was said about may be gone, and another word be said of it.
                Some(_) if listed.is_none() && work.notice(repository, name, about).await?.is_none() => false,
                Some(says) => work.set_notice(repository, name, &self.notice(says)).await.map(|()| true)?,
                None => work.remove_notice(repository, name, about).await? || self.is_active(&listed),
            };
            if is_done {
                if let Some(row) = work.first_listed(repository, name, None).await? {
                    work.move_page(repository, name, &row.subject).await?;
                }
                self.tell(work, listed.map(|row| row.digest)).await?;
                return Ok(name);
            }
        }
        Err(Error::new(
            Kind::NotFound(Subject::Name),
            "nothing of that name is listed here, or was said about it",
        ))
    }
}

impl Say {
    /// Whether a project is said to be active that is.
    fn is_active(&self, listed: &Option<ListedRow>) -> bool {
        self.saying.about == About::All && listed.is_some()
    }

    fn notice(&self, says: Says) -> NoticeRow {
        let Saying { about, reason, .. } = &self.saying;
        let by = self.grant.actor().principal().name().to_owned();
        NoticeRow { about: about.clone(), says, reason: reason.clone(), at: self.now, by }
    }

    async fn tell(&self, work: &mut dyn Work, part: Option<Digest>) -> Result<()> {
        let Saying { about, says, reason, action } = &self.saying;
        let word = match about {
            About::All => says.map_or("active", Says::word),
            About::Release(_) | About::Part(_) => about.name(),
        };
        let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        work.audit(&AuditRecord {
            place: Some(self.grant.place().clone()),
            target: Some(format!("{word}{reason}")),
            ..AuditRecord::new(self.now, self.grant.actor(), action)
        })
        .await?;
        let deed = Deed::of(&self.grant, self.now, action);
        let deed = match (about, &part) {
            (About::Release(tag), _) => deed.to_tag(tag),
            (About::Part(_), Some(digest)) => deed.to(digest),
            _ => deed,
        };
        deed.publish(work, self.at.1).await
    }
}

/// The first thing that is listed of what something is said about.
pub(crate) async fn find(
    work: &mut dyn Work,
    at: (RegistryId, RepositoryId),
    (format, part, about): (&str, Option<&str>, &About),
) -> Result<Option<ListedRow>> {
    match (about, part) {
        (About::All, _) => work.first_listed(at.1, format, None).await,
        (About::Release(tag), _) => work.first_listed(at.1, format, Some(tag)).await,
        (About::Part(value), Some(name)) => work.find_listed(at, &Pair { format, name, value }).await,
        (About::Part(_), None) => Ok(None),
    }
}

impl Listings {
    /// The release that a name stands for, as the first format reads it that lists releases.
    pub(crate) fn release(&self, name: &str) -> Option<Tag> {
        self.listing().find_map(|format| format.release_named(name))
    }
}
