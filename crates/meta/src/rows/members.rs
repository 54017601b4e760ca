//! The members of organisations. An organisation that has an admin who can log in keeps one.

use async_trait::async_trait;
use wharf_auth::port::{MemberRow, Members, Membership, Refused, Span};
use wharf_core::{Result, Role, Timestamp, UserName, audit::AuditRecord, gate::OrganisationId};

use super::{journal::audit, tenants::hold_organisation};
use crate::{
    database::{Database, Step},
    session::{Row, Session},
};

/// Gives an account a role in an organisation, whether it had one or not.
pub(super) const JOIN: &str = "
    INSERT INTO membership (organisation_id, account_id, role, created_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (organisation_id, account_id) DO UPDATE SET role = excluded.role";

#[async_trait]
impl Members for Database {
    async fn members(&self, id: OrganisationId, span: Span) -> Result<Vec<MemberRow>> {
        self.read(List { id, span }).await
    }

    async fn member(&self, id: OrganisationId, user: &UserName) -> Result<Option<MemberRow>> {
        self.read(Find { id, user: user.clone() }).await
    }

    async fn set_member(
        &self,
        id: OrganisationId,
        user: UserName,
        role: Role,
        record: AuditRecord,
    ) -> Result<bool> {
        self.write_by(record.warrant.clone(), Change { id, user, role: Some(role), record }).await
    }

    async fn remove_member(&self, id: OrganisationId, user: UserName, record: AuditRecord) -> Result<bool> {
        self.write_by(record.warrant.clone(), Change { id, user, role: None, record }).await
    }
}

fn member(mut row: Row) -> Result<MemberRow> {
    Ok(MemberRow {
        user: row.parse(|name: String| name.parse().ok())?,
        role: row.parse(|role: String| role.parse().ok())?,
        created_at: Timestamp::from_microseconds(row.next()?),
    })
}

/// How somebody belongs: the role, the account if groups gave it, and what lies beneath.
pub(super) fn membership(row: &mut Row) -> Result<Membership> {
    let role = row.parse(|role: String| role.parse().ok())?;
    let by_groups: Option<i64> = row.next()?;
    let beneath = row.parse(|role: Option<String>| role.map(|role| role.parse()).transpose().ok())?;
    Ok(match by_groups {
        Some(_) => Membership::ByGroups { role, beneath },
        None => Membership::ByHand(role),
    })
}

struct List {
    id: OrganisationId,
    span: Span,
}

#[async_trait]
impl Step for List {
    type Output = Vec<MemberRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<MemberRow>> {
        const LIST: &str = "
            SELECT a.name, m.role, m.created_at FROM membership m JOIN account a ON a.id = m.account_id
            WHERE m.organisation_id = $1 AND a.kind = 'user' AND a.name > $2 ORDER BY a.name LIMIT $3";
        let last = self.span.last.as_deref().unwrap_or_default();
        let values = [self.id.0.into(), last.into(), i64::from(self.span.most).into()];
        session.query(LIST, &values).await?.into_iter().map(member).collect()
    }
}

struct Find {
    id: OrganisationId,
    user: UserName,
}

#[async_trait]
impl Step for Find {
    type Output = Option<MemberRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Option<MemberRow>> {
        const FIND: &str = "
            SELECT a.name, m.role, m.created_at FROM membership m JOIN account a ON a.id = m.account_id
            WHERE m.organisation_id = $1 AND a.kind = 'user' AND a.name = $2";
        let values = [self.id.0.into(), self.user.as_str().into()];
        session.query_first(FIND, &values).await?.map(member).transpose()
    }
}

/// Gives a role or takes it.
struct Change {
    id: OrganisationId,
    user: UserName,
    role: Option<Role>,
    record: AuditRecord,
}

impl Change {
    async fn account(&self, session: &mut dyn Session) -> Result<Option<i64>> {
        const FIND: &str = "SELECT id FROM account WHERE name = $1 AND kind = 'user' AND removed_at IS NULL";
        let found = session.query_first(FIND, &[self.user.as_str().into()]).await?;
        found.map(|mut row| row.next()).transpose()
    }

    /// Refuses a change after which an organisation would have lost its last admin who can log in. A robot is none.
    async fn expect_admin(&self, session: &mut dyn Session, account: i64) -> Result<()> {
        macro_rules! admins {
            ($which:literal) => {
                concat!(
                    "SELECT a.id FROM membership m JOIN account a ON a.id = m.account_id
                    WHERE m.organisation_id = $1 AND m.role = 'admin' AND a.kind = 'user' AND a.disabled = 0 AND ",
                    $which
                )
            };
        }
        const OTHERS: &str = admins!("a.id <> $2 LIMIT 1");
        const IS: &str = admins!("a.id = $2");
        let values = [self.id.0.into(), account.into()];
        let stays = self.role == Some(Role::Admin) || session.query_first(IS, &values).await?.is_none();
        if stays || session.query_first(OTHERS, &values).await?.is_some() {
            return Ok(());
        }
        Err(Refused::LastAdmin.into())
    }
}

#[async_trait]
impl Step for Change {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        // Of two admins who end each other at once, one waits here and then sees what the other did.
        const END: &str = "DELETE FROM membership WHERE organisation_id = $1 AND account_id = $2";
        // What is said by hand no group takes back.
        const BY_HAND: &str = "DELETE FROM given_role WHERE organisation_id = $1 AND account_id = $2";
        if !hold_organisation(session, self.id).await? {
            return Ok(false);
        }
        let Some(account) = self.account(session).await? else { return Ok(false) };
        self.expect_admin(session, account).await?;
        let (id, now) = (self.id.0, self.record.at.microseconds());
        let changed = match self.role {
            Some(role) => {
                session.execute(JOIN, &[id.into(), account.into(), role.word().into(), now.into()]).await?
            }
            None => session.execute(END, &[id.into(), account.into()]).await?,
        };
        if changed > 0 {
            session.execute(BY_HAND, &[id.into(), account.into()]).await?;
            audit(session, &self.record).await?;
        }
        Ok(changed > 0)
    }
}
