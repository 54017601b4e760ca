//! Invitations: an admin promises a role to whoever comes with a text that is shown once.
//!
//! It is for one use and ends by itself; until then any admin sees it and can take it back. It belongs to the
//! organisation, as its robots do, and so outlives the role of who made it.

use wharf_core::{
    Actor, Error, Kind, OrganisationGrant, Principal, Result, Role, Secret, SelfGrant, Subject, TokenHash,
    audit::AuditRecord, duty::Administer,
};

use crate::{
    Auth,
    port::{InvitationRow, Joined, Span},
    secret_text::{generate, hash_of},
};

/// What the text of an invitation begins with.
const PREFIX: &str = "wharf_invitation_";
/// The longest that one may live, in days.
const MOST_DAYS: u32 = 90;
/// How long one lives, in days, unless it is said.
const DAYS: u32 = 7;
/// The longest note, in bytes.
const LONGEST_NOTE: usize = 200;
const DAY: i64 = 24 * 3600;
/// What wrong invitations of one client are counted under.
const INVITATIONS: &str = "invitations";

/// An invitation to be made.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// The role that is promised.
    pub role: Role,
    /// Whom it is for, in words of the inviter.
    pub note: String,
    /// After how many days it ends; none: seven.
    pub days: Option<u32>,
}

/// An invitation that was just made.
#[derive(Debug)]
pub struct CreatedInvitation {
    /// What whoever is invited shows. It is told this once.
    pub text: Secret<String>,
    /// Its row.
    pub row: InvitationRow,
}

impl Auth {
    /// Invitations to an organisation that have not ended.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn invitations(
        &self,
        grant: &OrganisationGrant<Administer>,
        span: Span,
    ) -> Result<Vec<InvitationRow>> {
        self.0.invitations.invitations(grant.organisation(), self.0.clock.now(), span).await
    }

    /// Makes an invitation.
    ///
    /// # Errors
    /// `Invalid`; `Conflict` where the organisation has as many as it may.
    pub async fn invite(
        &self,
        grant: &OrganisationGrant<Administer>,
        new: NewInvitation,
    ) -> Result<CreatedInvitation> {
        let NewInvitation { role, note, days } = new;
        let days = days.unwrap_or(DAYS);
        if !(1..=MOST_DAYS).contains(&days) {
            return Err(Error::new(Kind::Invalid, format!("an invitation lives for 1 to {MOST_DAYS} days")));
        }
        if note.len() > LONGEST_NOTE || note.contains(char::is_control) {
            let message = format!("a note has {LONGEST_NOTE} bytes at most and no control characters");
            return Err(Error::new(Kind::Invalid, message));
        }
        let target = Some(grant.name().to_string());
        let record = self.organisation_record(grant, "invitation.create", (grant.name(), target));
        let invited_by = grant.actor().principal().name().to_owned();
        let (created_at, expires_at) = (record.at, record.at.plus_seconds(i64::from(days) * DAY));
        let (text, hash) = generate(PREFIX, self.0.entropy.as_ref());
        let row = InvitationRow { id: 0, role, note, invited_by, created_at, expires_at };
        let id = self.0.invitations.add_invitation(grant.organisation(), (hash, row.clone()), record).await?;
        Ok(CreatedInvitation { text, row: InvitationRow { id, ..row } })
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable`.
    pub async fn remove_invitation(&self, grant: &OrganisationGrant<Administer>, id: i64) -> Result<()> {
        let target = format!("{} {id}", grant.name());
        let record = self.organisation_record(grant, "invitation.delete", (grant.name(), Some(target)));
        let removed = self.0.invitations.remove_invitation(grant.organisation(), id, record).await?;
        if removed { Ok(()) } else { Err(Error::not_found(Subject::Invitation)) }
    }

    /// Has the caller belong to where an invitation leads. Who has more there already keeps it.
    ///
    /// # Errors
    /// `Denied` to a robot, to a narrowed credential, and for an invitation that is none, was used or has ended;
    /// `RateLimited` after many of those.
    pub async fn accept_invitation(&self, grant: SelfGrant, text: &Secret<String>) -> Result<Joined> {
        let grant = grant.whole()?;
        let actor = grant.actor();
        if !matches!(actor.principal(), Principal::User { .. }) {
            return Err(Error::new(Kind::Denied, "an invitation is for a user"));
        }
        let now = self.0.clock.now();
        self.0.tries.expect_room(INVITATIONS, actor.address(), now)?;
        let hash = hash_of(PREFIX, text.expose()).ok_or_else(|| self.refused_invitation(actor))?;
        let record = AuditRecord::by(now, &grant, "invitation.accept");
        let record = AuditRecord { target: Some(actor.principal().name().to_owned()), ..record };
        let joined = self.0.invitations.accept_invitation(hash, grant.account(), record).await?;
        joined.ok_or_else(|| self.refused_invitation(actor))
    }

    /// The hash of an invitation that somebody signs up with, and that holds now.
    ///
    /// # Errors
    /// `Denied` where it is none, was used or has ended; `RateLimited` after many of those.
    pub(crate) async fn open_invitation(&self, text: &Secret<String>, nobody: &Actor) -> Result<TokenHash> {
        let now = self.0.clock.now();
        self.0.tries.expect_room(INVITATIONS, nobody.address(), now)?;
        let hash = hash_of(PREFIX, text.expose()).ok_or_else(|| self.refused_invitation(nobody))?;
        let invites = self.0.invitations.invites(hash, now).await?;
        if invites { Ok(hash) } else { Err(self.refused_invitation(nobody)) }
    }

    fn refused_invitation(&self, actor: &Actor) -> Error {
        self.0.tries.count(INVITATIONS, actor.address(), self.0.clock.now());
        self.note_wrong(actor, "invitation.refused");
        Error::new(Kind::Denied, "the invitation is wrong, was used or has ended")
    }
}
