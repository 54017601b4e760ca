//! Invitations to organisations, and how users come by them.

use async_trait::async_trait;
use wharf_auth::port::{
    Bound, InvitationRow, Invitations, Joined, Membership, NewAccount, Refused, SignedUpBy, Span,
};
use wharf_core::{
    AccountId, Error, Result, Role, Timestamp, TokenHash, UserName, audit::AuditRecord, gate::OrganisationId,
};

use super::{
    accounts,
    journal::audit,
    letters::use_promise,
    members::{JOIN, membership},
    tenants::{first_id, hold_organisation},
};
use crate::{
    database::{Database, Step},
    session::{Row, Session},
};

#[async_trait]
impl Invitations for Database {
    async fn invitations(
        &self,
        id: OrganisationId,
        now: Timestamp,
        span: Span,
    ) -> Result<Vec<InvitationRow>> {
        self.read(List { id, now, span }).await
    }

    async fn add_invitation(
        &self,
        organisation: OrganisationId,
        (hash, row): (TokenHash, InvitationRow),
        record: AuditRecord,
    ) -> Result<i64> {
        self.write_by(record.warrant.clone(), Add { organisation, hash, row, record }).await
    }

    async fn remove_invitation(
        &self,
        organisation: OrganisationId,
        invitation: i64,
        record: AuditRecord,
    ) -> Result<bool> {
        self.write_by(record.warrant.clone(), Remove { organisation, invitation, record }).await
    }

    async fn accept_invitation(
        &self,
        hash: TokenHash,
        account: AccountId,
        record: AuditRecord,
    ) -> Result<Option<Joined>> {
        self.write_by(record.warrant.clone(), Accept { hash, account, record }).await
    }

    async fn invites(&self, hash: TokenHash, now: Timestamp) -> Result<bool> {
        self.read(Invites { hash, now }).await
    }

    async fn is_name_taken(&self, name: &UserName) -> Result<bool> {
        self.read(IsNameTaken(name.clone())).await
    }

    async fn sign_up(&self, account: NewAccount, by: SignedUpBy, record: AuditRecord) -> Result<AccountId> {
        self.write_by(record.warrant.clone(), SignUp { account, by, record }).await
    }
}

fn invitation(mut row: Row) -> Result<InvitationRow> {
    Ok(InvitationRow {
        id: row.next()?,
        role: row.parse(|role: String| role.parse().ok())?,
        note: row.next()?,
        invited_by: row.next()?,
        created_at: Timestamp::from_microseconds(row.next()?),
        expires_at: Timestamp::from_microseconds(row.next()?),
    })
}

struct List {
    id: OrganisationId,
    now: Timestamp,
    span: Span,
}

#[async_trait]
impl Step for List {
    type Output = Vec<InvitationRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<InvitationRow>> {
        const LIST: &str = "
            SELECT i.id, i.role, i.note, i.invited_by, i.created_at, i.expires_at FROM invitation i
            WHERE i.organisation_id = $1 AND i.id > $2 AND i.expires_at > $3 ORDER BY i.id LIMIT $4";
        let after = self.span.last.as_deref().and_then(|last| last.parse().ok()).unwrap_or(0_i64);
        let values = [
            self.id.0.into(),
            after.into(),
            self.now.microseconds().into(),
            i64::from(self.span.most).into(),
        ];
        session.query(LIST, &values).await?.into_iter().map(invitation).collect()
    }
}

struct Add {
    organisation: OrganisationId,
    hash: TokenHash,
    row: InvitationRow,
    record: AuditRecord,
}

#[async_trait]
impl Step for Add {
    type Output = i64;

    async fn run(&self, session: &mut dyn Session) -> Result<i64> {
        const COUNT: &str = "SELECT COUNT(*) FROM invitation WHERE organisation_id = $1";
        const INSERT: &str = "
            INSERT INTO invitation (hash, organisation_id, role, note, invited_by, created_at, expires_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            RETURNING id";
        if !hold_organisation(session, self.organisation).await? {
            return Err(Error::not_found(wharf_core::Subject::Name));
        }
        let count = first_id(session.query_first(COUNT, &[self.organisation.0.into()]).await?)?;
        Bound::Invitations.expect_room(count)?;
        let InvitationRow { role, note, invited_by, created_at, expires_at, .. } = &self.row;
        let values = [
            self.hash.0.as_slice().into(),
            self.organisation.0.into(),
            role.word().into(),
            note.as_str().into(),
            invited_by.as_str().into(),
            created_at.microseconds().into(),
            expires_at.microseconds().into(),
        ];
        let id = first_id(session.query_first(INSERT, &values).await?)?;
        let target = self.record.target.as_deref().unwrap_or_default();
        let record = AuditRecord { target: Some(format!("{target} {id} {role}")), ..self.record.clone() };
        audit(session, &record).await.map(|()| id)
    }
}

struct Remove {
    organisation: OrganisationId,
    invitation: i64,
    record: AuditRecord,
}

#[async_trait]
impl Step for Remove {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        const REMOVE: &str = "DELETE FROM invitation WHERE id = $1 AND organisation_id = $2";
        let values = [self.invitation.into(), self.organisation.0.into()];
        let removed = session.execute(REMOVE, &values).await? > 0;
        if removed {
            audit(session, &self.record).await?;
        }
        Ok(removed)
    }
}

struct Accept {
    hash: TokenHash,
    account: AccountId,
    record: AuditRecord,
}

impl Accept {
    /// Has the account belong to an organisation; the role that it has then.
    async fn join(
        &self,
        session: &mut dyn Session,
        organisation: OrganisationId,
        promised: Role,
    ) -> Result<Role> {
        const BEFORE: &str = "
            SELECT m.role, g.account_id, g.beneath FROM membership m
            LEFT JOIN given_role g ON g.organisation_id = m.organisation_id AND g.account_id = m.account_id
            WHERE m.organisation_id = $1 AND m.account_id = $2";
        const BENEATH: &str =
            "UPDATE given_role SET beneath = $1 WHERE organisation_id = $2 AND account_id = $3";
        const BY_HAND: &str = "DELETE FROM given_role WHERE organisation_id = $1 AND account_id = $2";
        let (of, account) = (organisation.0.into(), self.account.0.into());
        let found = session.query_first(BEFORE, &[of, account]).await?;
        let before = found.map(|mut row| membership(&mut row)).transpose()?;
        let after = Membership::invited(before, promised);
        match after {
            Membership::ByGroups { beneath, .. } => {
                session.execute(BENEATH, &[beneath.map(Role::word).into(), of, account]).await?;
            }
            Membership::ByHand(role) => {
                let now = self.record.at.microseconds();
                session.execute(JOIN, &[of, account, role.word().into(), now.into()]).await?;
                session.execute(BY_HAND, &[of, account]).await?;
            }
        }
        Ok(after.role())
    }
}

#[async_trait]
impl Step for Accept {
    type Output = Option<Joined>;

    async fn run(&self, session: &mut dyn Session) -> Result<Option<Joined>> {
        const TAKE: &str = "
            DELETE FROM invitation WHERE hash = $1 AND expires_at > $2 RETURNING organisation_id, role";
        const NAME: &str = "SELECT name FROM organisation WHERE id = $1 AND removed_at IS NULL";
        let now = self.record.at.microseconds();
        let taken = session.query_first(TAKE, &[self.hash.0.as_slice().into(), now.into()]).await?;
        let Some(mut row) = taken else { return Ok(None) };
        let organisation = OrganisationId(row.next()?);
        let promised: Role = row.parse(|role: String| role.parse().ok())?;
        if !hold_organisation(session, organisation).await? {
            return Ok(None);
        }
        let role = self.join(session, organisation, promised).await?;
        let Some(mut row) = session.query_first(NAME, &[organisation.0.into()]).await? else {
            return Ok(None);
        };
        let organisation = row.parse(|name: String| name.parse().ok())?;
        let joined = Joined { organisation, role };
        let target = self.record.target.as_deref().unwrap_or_default();
        let record = AuditRecord {
            organisation: Some(joined.organisation.clone()),
            target: Some(format!("{target} {role}")),
            ..self.record.clone()
        };
        audit(session, &record).await.map(|()| Some(joined))
    }
}

struct Invites {
    hash: TokenHash,
    now: Timestamp,
}

#[async_trait]
impl Step for Invites {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        const FIND: &str = "SELECT i.id FROM invitation i WHERE i.hash = $1 AND i.expires_at > $2";
        let values = [self.hash.0.as_slice().into(), self.now.microseconds().into()];
        Ok(session.query_first(FIND, &values).await?.is_some())
    }
}

struct IsNameTaken(UserName);

#[async_trait]
impl Step for IsNameTaken {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        const TAKEN: &str = "
            SELECT o.id FROM organisation o WHERE o.name = $1 UNION ALL SELECT a.id FROM account a WHERE a.name = $1
            LIMIT 1";
        Ok(session.query_first(TAKEN, &[self.0.as_str().into()]).await?.is_some())
    }
}

struct SignUp {
    account: NewAccount,
    by: SignedUpBy,
    record: AuditRecord,
}

#[async_trait]
impl Step for SignUp {
    type Output = AccountId;

    async fn run(&self, session: &mut dyn Session) -> Result<AccountId> {
        let name = &self.account.name;
        if IsNameTaken(name.clone()).run(session).await? {
            return Err(Refused::NameTaken(name.to_string()).into());
        }
        if let Some(hash) = self.by.promise
            && !use_promise(session, hash, self.record.at).await?
        {
            return Err(Refused::LinkEnded.into());
        }
        let (account, record) = (self.account.clone(), self.record.clone());
        // It belongs to nothing that would be made for it.
        let id = accounts::Create { account, quota: None, record }.run(session).await?;
        if let Some(hash) = self.by.invitation {
            let record = AuditRecord { action: "invitation.accept", ..self.record.clone() };
            let joined = Accept { hash, account: id, record }.run(session).await?;
            joined.ok_or(Refused::InvitationEnded)?;
        }
        Ok(id)
    }
}
