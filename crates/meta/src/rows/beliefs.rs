//! The issuers that organisations believe, and the rules about what their word is good for: as their admins manage them.

mod admission;
mod believed;
mod ending;
mod sources;

use async_trait::async_trait;
use wharf_auth::{
    issuers::{Issuer, IssuerUrl},
    port::{Admission, Beliefs, Believed, Bound, ClaimRule, IssuerRow, IssuerSource, Refused, Whose},
    workloads::RequiredClaims,
};
use wharf_core::{
    Error, IssuerName, OrganisationName, Principal, Reach, Result, RuleName, Subject, Timestamp, TokenHash,
    Workload, audit::AuditRecord, gate::OrganisationId,
};

pub(super) use self::{admission::spend, ending::end_issuers};
use self::{
    admission::{Admit, FindWorkload, ForgetSpent},
    believed::FindRules,
    ending::{Ended, ForgetIdle},
    sources::{FindSources, forget_unused, keep_source, source_ids},
};
use super::{
    journal::audit,
    tenants::{first_id, hold_organisation},
};
use crate::{
    database::{Database, Step},
    session::{Row, Session},
};

#[async_trait]
impl Beliefs for Database {
    async fn issuers(&self, id: OrganisationId) -> Result<Vec<IssuerRow>> {
        self.read(ListIssuers { id, name: None }).await
    }

    async fn issuer(&self, id: OrganisationId, name: &IssuerName) -> Result<Option<IssuerRow>> {
        Ok(self.read(ListIssuers { id, name: Some(name.clone()) }).await?.pop())
    }

    async fn add_issuer(&self, id: OrganisationId, row: IssuerRow, record: AuditRecord) -> Result<()> {
        self.write_by(record.warrant.clone(), AddIssuer { id, row, record }).await
    }

    async fn remove_issuer(&self, id: OrganisationId, name: IssuerName, record: AuditRecord) -> Result<bool> {
        self.write_by(record.warrant.clone(), RemoveIssuer { id, name, record }).await
    }

    async fn claim_rules(&self, issuer: i64) -> Result<Vec<ClaimRule>> {
        self.read(ListRules(issuer)).await
    }

    async fn add_claim_rule(
        &self,
        (id, issuer): (OrganisationId, i64),
        rule: ClaimRule,
        record: AuditRecord,
    ) -> Result<()> {
        self.write_by(record.warrant.clone(), AddRule { id, issuer, rule, record }).await
    }

    async fn remove_claim_rule(
        &self,
        (id, issuer): (OrganisationId, i64),
        name: RuleName,
        record: AuditRecord,
    ) -> Result<bool> {
        self.write_by(record.warrant.clone(), RemoveRule { of: (id, issuer), name, record }).await
    }

    async fn issuer_sources(
        &self,
        url: &IssuerUrl,
        within: Option<&OrganisationName>,
    ) -> Result<Vec<IssuerSource>> {
        self.read(FindSources { url: url.clone(), within: within.cloned() }).await
    }

    async fn rules_about(&self, source: i64, whose: Whose) -> Result<Vec<Believed>> {
        self.read(FindRules { source, whose }).await
    }

    async fn admit(&self, admission: Admission, records: Vec<AuditRecord>) -> Result<Principal> {
        self.write(Admit { admission, records }).await
    }

    async fn workload(&self, token: TokenHash) -> Result<Option<Workload>> {
        self.read(FindWorkload(token)).await
    }

    async fn forget_ended(&self, now: Timestamp) -> Result<()> {
        self.write(ForgetSpent(now)).await?;
        self.write(ForgetIdle(now)).await
    }
}

fn issuer(row: &mut Row) -> Result<IssuerRow> {
    Ok(IssuerRow {
        id: row.next()?,
        name: row.parse(|name: String| name.parse().ok())?,
        issuer: Issuer {
            url: row.parse(|url: String| url.parse().ok())?,
            keys_url: row.parse(|url: Option<String>| url.map(|url| url.parse()).transpose().ok())?,
            authorities: row.next()?,
        },
        audience: row.next()?,
        created_at: Timestamp::from_microseconds(row.next()?),
    })
}

fn rule(row: &mut Row) -> Result<ClaimRule> {
    Ok(ClaimRule {
        id: row.next()?,
        name: row.parse(|name: String| name.parse().ok())?,
        claims: row.parse(|text: String| RequiredClaims::from_row(&text))?,
        reach: row.parse(|text: String| Reach::from_row(&text))?,
        created_at: Timestamp::from_microseconds(row.next()?),
    })
}

/// The issuers of an organisation, or the one of a name.
struct ListIssuers {
    id: OrganisationId,
    name: Option<IssuerName>,
}

#[async_trait]
impl Step for ListIssuers {
    type Output = Vec<IssuerRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<IssuerRow>> {
        const LIST: &str = "
            SELECT i.id, i.name, s.url, s.keys_url, s.authorities, i.audience, i.created_at
            FROM issuer i JOIN issuer_source s ON s.id = i.source_id
            WHERE i.organisation_id = $1 AND (CAST($2 AS TEXT) IS NULL OR i.name = $2) ORDER BY i.name LIMIT $3";
        let name = self.name.as_ref().map(IssuerName::as_str);
        let values = [self.id.0.into(), name.into(), Bound::Issuers.most().into()];
        session.query(LIST, &values).await?.into_iter().map(|mut row| issuer(&mut row)).collect()
    }
}

struct AddIssuer {
    id: OrganisationId,
    row: IssuerRow,
    record: AuditRecord,
}

impl AddIssuer {
    /// Refuses a second name for what is believed already. The organisation is held, so nobody says it in between.
    async fn expect_other(&self, session: &mut dyn Session) -> Result<()> {
        const FIND: &str = "
            SELECT i.name FROM issuer i JOIN issuer_source s ON s.id = i.source_id
            WHERE i.organisation_id = $1 AND s.url = $2 AND COALESCE(s.keys_url, '') = $3";
        let Issuer { url, keys_url, .. } = &self.row.issuer;
        let keys_url = keys_url.as_ref().map_or("", |url| url.as_str());
        let values = [self.id.0.into(), url.as_str().into(), keys_url.into()];
        let Some(mut row) = session.query_first(FIND, &values).await? else { return Ok(()) };
        Err(Refused::IssuerBelieved(row.next()?).into())
    }
}

#[async_trait]
impl Step for AddIssuer {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const COUNT: &str = "SELECT COUNT(*) FROM issuer WHERE organisation_id = $1";
        const INSERT: &str = "
            INSERT INTO issuer (organisation_id, source_id, name, audience, created_at)
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT (organisation_id, name) DO NOTHING";
        if !hold_organisation(session, self.id).await? {
            return Err(Error::not_found(Subject::Name));
        }
        Bound::Issuers.expect_room(first_id(session.query_first(COUNT, &[self.id.0.into()]).await?)?)?;
        self.expect_other(session).await?;
        let IssuerRow { name, issuer, audience, .. } = &self.row;
        let values = [
            self.id.0.into(),
            keep_source(session, issuer).await?.into(),
            name.as_str().into(),
            audience.as_deref().into(),
            self.record.at.microseconds().into(),
        ];
        if session.execute(INSERT, &values).await? == 0 {
            return Err(Refused::IssuerExists(name.clone()).into());
        }
        audit(session, &self.record).await
    }
}

struct RemoveIssuer {
    id: OrganisationId,
    name: IssuerName,
    record: AuditRecord,
}

#[async_trait]
impl Step for RemoveIssuer {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        const FIND: &str = "SELECT id FROM issuer WHERE organisation_id = $1 AND name = $2";
        const REMOVE: &str = "DELETE FROM issuer WHERE id = $1";
        if !hold_organisation(session, self.id).await? {
            return Ok(false);
        }
        let found = session.query_first(FIND, &[self.id.0.into(), self.name.as_str().into()]).await?;
        let Some(mut row) = found else { return Ok(false) };
        let issuer: i64 = row.next()?;
        let ended = Ended { issuer: Some(issuer), ..Ended::all_of(self.id) };
        let sources = source_ids(session, &ended).await?;
        ended.end(session).await?;
        session.execute(REMOVE, &[issuer.into()]).await?;
        forget_unused(session, sources).await?;
        audit(session, &self.record).await.map(|()| true)
    }
}

struct ListRules(i64);

#[async_trait]
impl Step for ListRules {
    type Output = Vec<ClaimRule>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<ClaimRule>> {
        const LIST: &str = "
            SELECT c.id, c.name, c.claims, c.access, c.created_at FROM claim_rule c
            WHERE c.issuer_id = $1 ORDER BY c.name LIMIT $2";
        let rows = session.query(LIST, &[self.0.into(), Bound::Rules.most().into()]).await?;
        rows.into_iter().map(|mut row| rule(&mut row)).collect()
    }
}

struct AddRule {
    id: OrganisationId,
    issuer: i64,
    rule: ClaimRule,
    record: AuditRecord,
}

#[async_trait]
impl Step for AddRule {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const FIND: &str = "SELECT source_id FROM issuer WHERE organisation_id = $1 AND id = $2";
        const COUNT: &str = "
            SELECT COUNT(*) FROM claim_rule c JOIN issuer i ON i.id = c.issuer_id WHERE i.organisation_id = $1";
        const INSERT: &str = "
            INSERT INTO claim_rule (issuer_id, source_id, name, claims, access, created_at)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (issuer_id, name) DO NOTHING";
        let gone = || Error::not_found(Subject::Issuer);
        if !hold_organisation(session, self.id).await? {
            return Err(gone());
        }
        let mut issuer =
            session.query_first(FIND, &[self.id.0.into(), self.issuer.into()]).await?.ok_or_else(gone)?;
        let source: i64 = issuer.next()?;
        Bound::Rules.expect_room(first_id(session.query_first(COUNT, &[self.id.0.into()]).await?)?)?;
        let ClaimRule { name, claims, reach, .. } = &self.rule;
        let (claims, access) = (claims.to_row()?, reach.to_row()?);
        let now = self.record.at.microseconds();
        let values = [
            self.issuer.into(),
            source.into(),
            name.as_str().into(),
            claims.as_str().into(),
            access.as_str().into(),
            now.into(),
        ];
        if session.execute(INSERT, &values).await? == 0 {
            return Err(Refused::RuleExists(name.clone()).into());
        }
        audit(session, &self.record).await
    }
}

struct RemoveRule {
    of: (OrganisationId, i64),
    name: RuleName,
    record: AuditRecord,
}

#[async_trait]
impl Step for RemoveRule {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        const FIND: &str = "
            SELECT c.id FROM claim_rule c JOIN issuer i ON i.id = c.issuer_id
            WHERE i.organisation_id = $1 AND i.id = $2 AND c.name = $3";
        let (id, issuer) = self.of;
        if !hold_organisation(session, id).await? {
            return Ok(false);
        }
        let values = [id.0.into(), issuer.into(), self.name.as_str().into()];
        let Some(mut row) = session.query_first(FIND, &values).await? else { return Ok(false) };
        Ended { issuer: Some(issuer), rule: Some(row.next()?), ..Ended::all_of(id) }.end(session).await?;
        audit(session, &self.record).await.map(|()| true)
    }
}
