//! The robots of organisations: accounts that have a role and API tokens, and nothing else.

use async_trait::async_trait;
use wharf_auth::port::{Refused, RobotRow, Robots, Span};
use wharf_core::{
    AccountId, Error, Result, RobotName, Role, Subject, Timestamp, audit::AuditRecord, gate::OrganisationId,
};

use super::{accounts::end_credentials, journal::audit, members::JOIN, tenants::hold_organisation};
use crate::{
    database::{Database, Step},
    session::{Row, Session},
};

#[async_trait]
impl Robots for Database {
    async fn robots(&self, id: OrganisationId, span: Span) -> Result<Vec<RobotRow>> {
        self.read(ListRobots { id, span }).await
    }

    async fn robot(&self, id: OrganisationId, name: &RobotName) -> Result<Option<RobotRow>> {
        self.read(FindRobot { id, name: name.clone() }).await
    }

    async fn create_robot(
        &self,
        id: OrganisationId,
        name: RobotName,
        role: Role,
        record: AuditRecord,
    ) -> Result<RobotRow> {
        self.write_by(record.warrant.clone(), CreateRobot { id, name, role, record }).await
    }

    async fn remove_robot(&self, id: OrganisationId, name: RobotName, record: AuditRecord) -> Result<bool> {
        self.write_by(record.warrant.clone(), RemoveRobot { id, name, record }).await
    }
}

fn robot(mut row: Row) -> Result<RobotRow> {
    Ok(RobotRow {
        account: AccountId(row.next()?),
        version: row.next()?,
        name: row.parse(|name: String| name.parse().ok())?,
        role: row.parse(|role: String| role.parse().ok())?,
        created_at: Timestamp::from_microseconds(row.next()?),
    })
}

struct ListRobots {
    id: OrganisationId,
    span: Span,
}

#[async_trait]
impl Step for ListRobots {
    type Output = Vec<RobotRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<RobotRow>> {
        const LIST: &str = "
            SELECT a.id, a.version, a.name, m.role, a.created_at FROM account a
            JOIN membership m ON m.account_id = a.id AND m.organisation_id = a.organisation_id
            WHERE a.organisation_id = $1 AND a.removed_at IS NULL AND a.name > $2 ORDER BY a.name LIMIT $3";
        let last = self.span.last.as_deref().unwrap_or_default();
        let values = [self.id.0.into(), last.into(), i64::from(self.span.most).into()];
        session.query(LIST, &values).await?.into_iter().map(robot).collect()
    }
}

struct FindRobot {
    id: OrganisationId,
    name: RobotName,
}

#[async_trait]
impl Step for FindRobot {
    type Output = Option<RobotRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Option<RobotRow>> {
        const FIND: &str = "
            SELECT a.id, a.version, a.name, m.role, a.created_at FROM account a
            JOIN membership m ON m.account_id = a.id AND m.organisation_id = a.organisation_id
            WHERE a.organisation_id = $1 AND a.removed_at IS NULL AND a.name = $2";
        let values = [self.id.0.into(), self.name.as_str().into()];
        session.query_first(FIND, &values).await?.map(robot).transpose()
    }
}

struct CreateRobot {
    id: OrganisationId,
    name: RobotName,
    role: Role,
    record: AuditRecord,
}

#[async_trait]
impl Step for CreateRobot {
    type Output = RobotRow;

    async fn run(&self, session: &mut dyn Session) -> Result<RobotRow> {
        // The same organisation may give a robot's name again. The version moves on, so nothing of before comes back.
        const MAKE: &str = "
            INSERT INTO account (name, kind, operator, disabled, version, created_at, organisation_id)
            VALUES ($1, 'robot', 0, 0, 1, $2, $3)
            ON CONFLICT (name) DO UPDATE SET disabled = 0, version = account.version + 1, removed_at = NULL,
                created_at = excluded.created_at
            WHERE account.removed_at IS NOT NULL AND account.organisation_id = excluded.organisation_id
            RETURNING id, version";
        if !hold_organisation(session, self.id).await? {
            return Err(Error::not_found(Subject::Name));
        }
        let now = self.record.at.microseconds();
        let made =
            session.query_first(MAKE, &[self.name.as_str().into(), now.into(), self.id.0.into()]).await?;
        let taken = || Refused::RobotExists(self.name.clone());
        let mut made = made.ok_or_else(taken)?;
        let (account, version): (i64, i64) = (made.next()?, made.next()?);
        let values = [self.id.0.into(), account.into(), self.role.word().into(), now.into()];
        session.execute(JOIN, &values).await?;
        audit(session, &self.record).await?;
        let (account, name, role) = (AccountId(account), self.name.clone(), self.role);
        Ok(RobotRow { account, version, name, role, created_at: self.record.at })
    }
}

struct RemoveRobot {
    id: OrganisationId,
    name: RobotName,
    record: AuditRecord,
}

#[async_trait]
impl Step for RemoveRobot {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        const MARK: &str = "
            UPDATE account SET disabled = 1, version = version + 1, removed_at = $1
            WHERE organisation_id = $2 AND name = $3 AND removed_at IS NULL
            RETURNING id";
        const ROLE: &str = "DELETE FROM membership WHERE account_id = $1";
        let now = self.record.at.microseconds();
        let values = [now.into(), self.id.0.into(), self.name.as_str().into()];
        let Some(mut row) = session.query_first(MARK, &values).await? else { return Ok(false) };
        let account: i64 = row.next()?;
        end_credentials(session, account).await?;
        session.execute(ROLE, &[account.into()]).await?;
        audit(session, &self.record).await.map(|()| true)
    }
}
