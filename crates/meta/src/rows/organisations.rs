//! Organisations as such: what an actor may in one, which there are, made and removed.

use async_trait::async_trait;
use wharf_auth::port::{Claim, NewOrganisation, OrganisationRow, Organisations, Refused, Seer, Span};
use wharf_core::{
    AccountId, Actor, Error, OrganisationName, RegistryName, Result, Timestamp,
    audit::AuditRecord,
    gate::{OrganisationId, OrganisationRights, RegistryId},
};

use super::{
    beliefs::end_issuers,
    hooks::removed,
    journal::audit,
    members::JOIN,
    readable::readable_registries,
    rights::standing,
    tenants::{column, ensure_registry, first_id, remove_registry},
};
use crate::{
    database::{Database, Step},
    memory::Holder,
    session::{Row, Session},
};

#[async_trait]
impl Organisations for Database {
    async fn organisation_rights(
        &self,
        actor: &Actor,
        name: &OrganisationName,
    ) -> Result<OrganisationRights> {
        let account = actor.principal().account().zip(actor.principal().version());
        self.read(FindRights { account, name: name.clone() }).await
    }

    async fn organisations(&self, seer: Seer, span: Span) -> Result<Vec<OrganisationRow>> {
        self.read(List { seer, span }).await
    }

    async fn memberships(&self, account: AccountId) -> Result<Vec<OrganisationRow>> {
        self.read(Memberships(account)).await
    }

    async fn organisation(&self, id: OrganisationId) -> Result<Option<Timestamp>> {
        self.read(Find(id)).await
    }

    async fn create_organisation(&self, new: NewOrganisation, record: AuditRecord) -> Result<()> {
        let quota = self.organisation_quota();
        self.write_by(record.warrant.clone(), Create { new, quota, record }).await
    }

    async fn remove_organisation(&self, id: OrganisationId, record: AuditRecord) -> Result<()> {
        self.write_by(record.warrant.clone(), Remove { id, record }).await
    }
}

struct FindRights {
    account: Holder,
    name: OrganisationName,
}

#[async_trait]
impl Step for FindRights {
    type Output = OrganisationRights;

    async fn run(&self, session: &mut dyn Session) -> Result<OrganisationRights> {
        const FIND: &str = "
            SELECT o.id, m.role,
                (SELECT COUNT(*) FROM (SELECT r.id FROM registry r
                    WHERE r.organisation_id = o.id AND r.public = 1 LIMIT 1) AS public)
            FROM organisation o
            LEFT JOIN membership m ON m.organisation_id = o.id AND m.account_id = $1
            WHERE o.name = $2 AND o.removed_at IS NULL";
        let (account, operator) = standing(session, self.account).await?;
        let mut rights = OrganisationRights { operator, ..OrganisationRights::default() };
        let found = session.query_first(FIND, &[account.into(), self.name.as_str().into()]).await?;
        let Some(mut row) = found else { return Ok(rights) };
        rights.organisation = Some(OrganisationId(row.next()?));
        rights.role = row.next::<Option<String>>()?.map(|role| role.parse()).transpose()?;
        rights.open = row.next()?;
        Ok(rights)
    }
}

fn organisation(mut row: Row) -> Result<OrganisationRow> {
    Ok(OrganisationRow {
        name: row.parse(|name: String| name.parse().ok())?,
        role: row.next::<Option<String>>()?.map(|role| role.parse()).transpose()?,
        created_at: Timestamp::from_microseconds(row.next()?),
    })
}

struct List {
    seer: Seer,
    span: Span,
}

#[async_trait]
impl Step for List {
    type Output = Vec<OrganisationRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<OrganisationRow>> {
        const EVERYTHING: &str = "
            SELECT o.name, (SELECT m.role FROM membership m
                WHERE m.organisation_id = o.id AND m.account_id = $1), o.created_at
            FROM organisation o WHERE o.removed_at IS NULL AND o.name > $2 ORDER BY o.name LIMIT $3";
        const SEEN: &str = concat!(
            "WITH readable AS MATERIALIZED (",
            readable_registries!("$1"),
            "),
            seen AS MATERIALIZED (SELECT DISTINCT d.organisation_id FROM readable d)
            SELECT o.name, (SELECT m.role FROM membership m
                WHERE m.organisation_id = o.id AND m.account_id = $1), o.created_at
            FROM seen s JOIN organisation o ON o.id = s.organisation_id
            WHERE o.removed_at IS NULL AND o.name > $2 ORDER BY o.name LIMIT $3"
        );
        let (last, most) = (self.span.last.as_deref().unwrap_or_default(), i64::from(self.span.most));
        let (statement, account) = match self.seer {
            Seer::Everything(account) => (EVERYTHING, Some(account)),
            Seer::Account(account) => (SEEN, account),
        };
        let values = [account.map(|id| id.0).into(), last.into(), most.into()];
        let rows = session.query(statement, &values).await?;
        rows.into_iter().map(organisation).collect()
    }
}

struct Memberships(AccountId);

#[async_trait]
impl Step for Memberships {
    type Output = Vec<OrganisationRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<OrganisationRow>> {
        const LIST: &str = "
            SELECT o.name, m.role, m.created_at FROM membership m JOIN organisation o ON o.id = m.organisation_id
            WHERE m.account_id = $1 ORDER BY o.name LIMIT 1000";
        session.query(LIST, &[self.0.0.into()]).await?.into_iter().map(organisation).collect()
    }
}

struct Find(OrganisationId);

#[async_trait]
impl Step for Find {
    type Output = Option<Timestamp>;

    async fn run(&self, session: &mut dyn Session) -> Result<Option<Timestamp>> {
        const FIND: &str = "SELECT created_at FROM organisation WHERE id = $1 AND removed_at IS NULL";
        let found = session.query_first(FIND, &[self.0.0.into()]).await?;
        found.map(|mut row| row.next().map(Timestamp::from_microseconds)).transpose()
    }
}

/// Makes an organisation.
pub(super) struct Create {
    pub(super) new: NewOrganisation,
    /// How much it may store, in bytes.
    pub(super) quota: Option<u64>,
    pub(super) record: AuditRecord,
}

impl Create {
    /// Makes the row, or takes up one that was removed, where the claim allows it; its id.
    async fn make(&self, session: &mut dyn Session) -> Result<Option<Row>> {
        const INSERT: &str = "
            INSERT INTO organisation (name, settings, quota_bytes, created_at) VALUES ($1, '{}', $2, $3)
            ON CONFLICT (name) DO NOTHING
            RETURNING id";
        const REVIVE: &str = "
            UPDATE organisation SET removed_at = NULL, settings = '{}', quota_bytes = $1, created_at = $2
            WHERE name = $3 AND removed_at IS NOT NULL
            RETURNING id";
        const LOGIN: &str = "SELECT id FROM account WHERE name = $1";
        let (name, now) = (self.new.name.as_str(), self.record.at.microseconds());
        let quota = column(self.quota);
        if self.new.claim == Claim::Any
            && let Some(row) = session.query_first(REVIVE, &[quota.into(), now.into(), name.into()]).await?
        {
            return Ok(Some(row));
        }
        if self.new.claim == Claim::Free
            && let Some(mut row) = session.query_first(LOGIN, &[name.into()]).await?
            && Some(AccountId(row.next()?)) != self.new.admin
        {
            return Ok(None);
        }
        session.query_first(INSERT, &[name.into(), quota.into(), now.into()]).await
    }
}

#[async_trait]
impl Step for Create {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        let taken = || Refused::NameTaken(self.new.name.to_string());
        let row = self.make(session).await?.ok_or_else(taken)?;
        let (id, now) = (first_id(Some(row))?, self.record.at);
        ensure_registry(session, id, &RegistryName::main(), now).await?;
        if let Some(admin) = self.new.admin {
            let values = [id.into(), admin.0.into(), "admin".into(), now.microseconds().into()];
            session.execute(JOIN, &values).await?;
        }
        audit(session, &self.record).await
    }
}

struct Remove {
    id: OrganisationId,
    record: AuditRecord,
}

#[async_trait]
impl Step for Remove {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        // Marked first: on PostgreSQL the row is held, so that nothing new comes to belong to it meanwhile.
        const MARK: &str = "UPDATE organisation SET removed_at = $1 WHERE id = $2 AND removed_at IS NULL";
        const HOLDS: &str = "
            SELECT r.name FROM registry r WHERE r.organisation_id = $1
                AND EXISTS (SELECT 1 FROM repository p WHERE p.registry_id = r.id)
            ORDER BY r.name LIMIT 1";
        const ROBOTS: &str = "
            UPDATE account SET disabled = 1, version = version + 1, removed_at = $1
            WHERE organisation_id = $2 AND removed_at IS NULL";
        const USES: &str = "
            DELETE FROM api_token_use WHERE token_id IN
                (SELECT t.id FROM api_token t JOIN account a ON a.id = t.account_id WHERE a.organisation_id = $1)";
        const TOKENS: &str = "
            DELETE FROM api_token WHERE account_id IN (SELECT a.id FROM account a WHERE a.organisation_id = $1)";
        const MEMBERS: &str = "DELETE FROM membership WHERE organisation_id = $1";
        const GIVEN: &str = "DELETE FROM given_role WHERE organisation_id = $1";
        const GROUPS: &str = "DELETE FROM group_role WHERE organisation_id = $1";
        const INVITATIONS: &str = "DELETE FROM invitation WHERE organisation_id = $1";
        const WEBHOOKS: &str =
            concat!(removed!("$1", "$2"), " WHERE organisation_id = $3 AND removed_at IS NULL");
        const REGISTRIES: &str = "SELECT r.id FROM registry r WHERE r.organisation_id = $1 ORDER BY r.id";
        let (id, now) = (self.id.0, self.record.at.microseconds());
        if session.execute(MARK, &[now.into(), id.into()]).await? == 0 {
            return Err(Error::not_found(wharf_core::Subject::Name));
        }
        if let Some(mut row) = session.query_first(HOLDS, &[id.into()]).await? {
            let registry = row.parse(|name: String| name.parse().ok())?;
            return Err(Refused::RegistryHolds(Some(registry)).into());
        }
        end_issuers(session, self.id).await?;
        session.execute(ROBOTS, &[now.into(), id.into()]).await?;
        for statement in [USES, TOKENS, MEMBERS, GIVEN, GROUPS, INVITATIONS] {
            session.execute(statement, &[id.into()]).await?;
        }
        let no_secret: &[u8] = &[];
        session.execute(WEBHOOKS, &[now.into(), no_secret.into(), id.into()]).await?;
        for mut row in session.query(REGISTRIES, &[id.into()]).await? {
            remove_registry(session, RegistryId(row.next()?)).await?;
        }
        audit(session, &self.record).await
    }
}
