//! The providers of the platform's users, what their groups mean, and who came by them.

mod arrival;

use async_trait::async_trait;
use wharf_auth::{
    issuers::Issuer,
    port::{Arrival, BrowserFlow, Exchange, GroupRole, ProviderRow, Providers, Refused},
};
use wharf_core::{
    AccountId, Error, OrganisationName, ProviderName, Result, Subject, Timestamp, audit::AuditRecord,
};

use self::arrival::Arrive;
use super::{accounts::end_credentials, journal::audit};
use crate::{
    database::{Database, Step},
    session::{Row, Session},
};

/// How many providers there are at most.
const MOST: i64 = 100;

#[async_trait]
impl Providers for Database {
    async fn providers(&self) -> Result<Vec<ProviderRow>> {
        self.read(List::All).await
    }

    async fn exchanging(&self) -> Result<Option<ProviderRow>> {
        Ok(self.read(List::Exchanging).await?.pop())
    }

    async fn browsed(&self) -> Result<Vec<ProviderName>> {
        self.read(Browsed).await
    }

    async fn browsed_at(&self, name: &ProviderName) -> Result<Option<ProviderRow>> {
        Ok(self.read(List::BrowsedAt(name.clone())).await?.pop())
    }

    async fn add_provider(&self, row: ProviderRow, record: AuditRecord) -> Result<()> {
        self.write_by(record.warrant.clone(), Add { row, record }).await
    }

    async fn set_groups(
        &self,
        name: ProviderName,
        groups: Vec<GroupRole>,
        record: AuditRecord,
    ) -> Result<bool> {
        self.write_by(record.warrant.clone(), SetGroups { name, groups, record }).await
    }

    async fn remove_provider(&self, name: ProviderName, record: AuditRecord) -> Result<bool> {
        self.write_by(record.warrant.clone(), Remove { name, record }).await
    }

    async fn arrive(&self, arrival: Arrival, record: AuditRecord) -> Result<AccountId> {
        self.write(Arrive { arrival, record }).await
    }
}

fn provider(mut row: Row) -> Result<ProviderRow> {
    Ok(ProviderRow {
        id: row.next()?,
        name: row.parse(|name: String| name.parse().ok())?,
        issuer: Issuer {
            url: row.parse(|url: String| url.parse().ok())?,
            keys_url: row.parse(|url: Option<String>| url.map(|url| url.parse()).transpose().ok())?,
            authorities: row.next()?,
        },
        client_id: row.next()?,
        client_secret: row.next()?,
        exchange: row.parse(|word: String| word.parse().ok())?,
        endpoint: row.parse(|url: Option<String>| url.map(|url| url.parse()).transpose().ok())?,
        browser: row.parse(|word: String| word.parse().ok())?,
        scope: row.next()?,
        user_claim: row.next()?,
        groups_claim: row.next()?,
        groups: Vec::new(),
        created_at: Timestamp::from_microseconds(row.next()?),
    })
}

/// Which providers are looked for.
enum List {
    All,
    /// That which passwords are shown to.
    Exchanging,
    /// That of this name, if browsers log in there.
    BrowsedAt(ProviderName),
}

#[async_trait]
impl Step for List {
    type Output = Vec<ProviderRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<ProviderRow>> {
        const LIST: &str = "
            SELECT p.id, p.name, p.url, p.keys_url, p.authorities, p.client_id, p.client_secret, p.exchange,
                p.endpoint, p.browser, p.scope, p.user_claim, p.groups_claim, p.created_at
            FROM provider p
            WHERE (CAST($1 AS TEXT) IS NULL OR p.exchange <> $1)
                AND (CAST($2 AS TEXT) IS NULL OR (p.name = $2 AND p.browser = $3))
            ORDER BY p.name LIMIT $4";
        const GROUPS: &str = "
            SELECT g.group_name, o.name, g.role FROM group_role g JOIN organisation o ON o.id = g.organisation_id
            WHERE g.provider_id = $1 ORDER BY g.group_name, o.name";
        let (other_than, name) = match self {
            Self::All => (None, None),
            Self::Exchanging => (Some(Exchange::Off.word()), None),
            Self::BrowsedAt(name) => (None, Some(name.as_str())),
        };
        let values = [other_than.into(), name.into(), BrowserFlow::Code.word().into(), MOST.into()];
        let rows = session.query(LIST, &values).await?;
        let mut providers: Vec<ProviderRow> = rows.into_iter().map(provider).collect::<Result<_>>()?;
        for provider in &mut providers {
            let groups = session.query(GROUPS, &[provider.id.into()]).await?;
            provider.groups = groups.into_iter().map(group).collect::<Result<_>>()?;
        }
        Ok(providers)
    }
}

struct Browsed;

#[async_trait]
impl Step for Browsed {
    type Output = Vec<ProviderName>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<ProviderName>> {
        const LIST: &str = "SELECT p.name FROM provider p WHERE p.browser = $1 ORDER BY p.name LIMIT $2";
        let rows = session.query(LIST, &[BrowserFlow::Code.word().into(), MOST.into()]).await?;
        rows.into_iter().map(|mut row| row.parse(|name: String| name.parse().ok())).collect()
    }
}

fn group(mut row: Row) -> Result<GroupRole> {
    Ok(GroupRole {
        group: row.next()?,
        organisation: row.parse(|name: String| name.parse().ok())?,
        role: row.parse(|role: String| role.parse().ok())?,
    })
}

struct Add {
    row: ProviderRow,
    record: AuditRecord,
}

#[async_trait]
impl Step for Add {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const OTHER: &str = "SELECT name FROM provider WHERE is_asked = 1";
        const INSERT: &str = "
            INSERT INTO provider (name, url, keys_url, authorities, client_id, client_secret, exchange, is_asked,
                endpoint, browser, scope, user_claim, groups_claim, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (name) DO NOTHING RETURNING id";
        let row = &self.row;
        let values = [
            row.name.as_str().into(),
            row.issuer.url.as_str().into(),
            row.issuer.keys_url.as_ref().map(|url| url.as_str()).into(),
            row.issuer.authorities.as_deref().into(),
            row.client_id.as_str().into(),
            row.client_secret.as_deref().into(),
            row.exchange.word().into(),
            (row.exchange != Exchange::Off).then_some(1).into(),
            row.endpoint.as_ref().map(|url| url.as_str()).into(),
            row.browser.word().into(),
            row.scope.as_str().into(),
            row.user_claim.as_str().into(),
            row.groups_claim.as_str().into(),
            self.record.at.microseconds().into(),
        ];
        if row.exchange != Exchange::Off
            && let Some(mut other) = session.query_first(OTHER, &[]).await?
        {
            return Err(Refused::PasswordsShown(other.next()?).into());
        }
        let taken = || Refused::ProviderExists(row.name.clone());
        let mut made = session.query_first(INSERT, &values).await?.ok_or_else(taken)?;
        put_groups(session, made.next()?, &row.groups).await?;
        audit(session, &self.record).await
    }
}

async fn put_groups(session: &mut dyn Session, provider: i64, groups: &[GroupRole]) -> Result<()> {
    const INSERT: &str = "
        INSERT INTO group_role (provider_id, group_name, organisation_id, role) VALUES ($1, $2, $3, $4)";
    for GroupRole { group, organisation, role } in groups {
        let gone = || Error::not_found(Subject::Name);
        let organisation = hold_organisation(session, organisation).await?.ok_or_else(gone)?;
        let values = [provider.into(), group.as_str().into(), organisation.into(), role.word().into()];
        session.execute(INSERT, &values).await?;
    }
    Ok(())
}

/// An organisation's row, held so that it does not go meanwhile.
async fn hold_organisation(session: &mut dyn Session, name: &OrganisationName) -> Result<Option<i64>> {
    const HOLD: &str = "
        UPDATE organisation SET settings = settings WHERE name = $1 AND removed_at IS NULL RETURNING id";
    let found = session.query_first(HOLD, &[name.as_str().into()]).await?;
    found.map(|mut row| row.next()).transpose()
}

struct SetGroups {
    name: ProviderName,
    groups: Vec<GroupRole>,
    record: AuditRecord,
}

#[async_trait]
impl Step for SetGroups {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        const CLEAR: &str = "DELETE FROM group_role WHERE provider_id = $1";
        let Some(provider) = hold(session, &self.name).await? else { return Ok(false) };
        session.execute(CLEAR, &[provider.into()]).await?;
        put_groups(session, provider, &self.groups).await?;
        audit(session, &self.record).await.map(|()| true)
    }
}

/// A provider's row, held until the transaction ends.
async fn hold(session: &mut dyn Session, name: &ProviderName) -> Result<Option<i64>> {
    const HOLD: &str = "UPDATE provider SET name = name WHERE name = $1 RETURNING id";
    let found = session.query_first(HOLD, &[name.as_str().into()]).await?;
    found.map(|mut row| row.next()).transpose()
}

struct Remove {
    name: ProviderName,
    record: AuditRecord,
}

#[async_trait]
impl Step for Remove {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        const WHO: &str = "SELECT account_id FROM outsider WHERE provider_id = $1 ORDER BY account_id";
        const MOVE: &str = "UPDATE account SET version = version + 1 WHERE id = $1";
        // Kept, so that who may not log in does not come back when the provider is added again.
        const LEAVE: &str = "UPDATE outsider SET provider_id = NULL WHERE provider_id = $1";
        const GROUPS: &str = "DELETE FROM group_role WHERE provider_id = $1";
        const REMOVE: &str = "DELETE FROM provider WHERE id = $1";
        let Some(provider) = hold(session, &self.name).await? else { return Ok(false) };
        for mut row in session.query(WHO, &[provider.into()]).await? {
            let account: i64 = row.next()?;
            session.execute(MOVE, &[account.into()]).await?;
            end_credentials(session, account).await?;
            forget_given_roles(session, account).await?;
        }
        for statement in [LEAVE, GROUPS, REMOVE] {
            session.execute(statement, &[provider.into()]).await?;
        }
        audit(session, &self.record).await.map(|()| true)
    }
}

/// Takes from an account what a provider's groups gave it, and that it came by one.
pub(super) async fn forget_outsider(session: &mut dyn Session, account: i64) -> Result<()> {
    const WHO: &str = "DELETE FROM outsider WHERE account_id = $1";
    forget_given_roles(session, account).await?;
    session.execute(WHO, &[account.into()]).await.map(drop)
}

/// Takes from an account what a provider's groups gave it. Whose it is there, it stays.
pub(super) async fn forget_given_roles(session: &mut dyn Session, account: i64) -> Result<()> {
    const BENEATH: &str = "
        UPDATE membership SET role = (SELECT g.beneath FROM given_role g
            WHERE g.account_id = membership.account_id AND g.organisation_id = membership.organisation_id)
        WHERE account_id = $1 AND organisation_id IN
            (SELECT g.organisation_id FROM given_role g WHERE g.account_id = $1 AND g.beneath IS NOT NULL)";
    const ROLES: &str = "
        DELETE FROM membership WHERE account_id = $1 AND organisation_id IN
            (SELECT g.organisation_id FROM given_role g WHERE g.account_id = $1 AND g.beneath IS NULL)";
    const GIVEN: &str = "DELETE FROM given_role WHERE account_id = $1";
    for statement in [BENEATH, ROLES, GIVEN] {
        session.execute(statement, &[account.into()]).await?;
    }
    Ok(())
}
