//! The issuers that organisations believe, and the rules about what their word is good for.

mod admission;

use async_trait::async_trait;
use wharf_auth::{
    issuers::{Issuer, IssuerUrl},
    port::{Admission, Beliefs, Believer, ClaimRule, IssuerRow},
    workloads::RequiredClaims,
};
use wharf_core::{
    Error, IssuerName, Kind, OrganisationName, Principal, Reach, Result, RuleName, Subject, Timestamp,
    TokenHash, Workload, audit::AuditRecord, gate::OrganisationId,
};

use self::admission::{Admit, FindWorkload, ForgetSpent, end_workloads};
use super::{
    journal::audit,
    tenants::{first_id, hold_organisation},
};
use crate::{
    database::{Database, Step},
    session::{Row, Session},
};

/// How many issuers an organisation believes, and rules it has for one of them, at most.
const MOST: i64 = 100;
/// How many rules are looked at for one token, the oldest of all organisations.
const MOST_LOOKED_AT: i64 = 5000;

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

    async fn believers(&self, url: &IssuerUrl, within: Option<&OrganisationName>) -> Result<Vec<Believer>> {
        self.read(FindBelievers { url: url.clone(), within: within.cloned() }).await
    }

    async fn admit(&self, admission: Admission, records: Vec<AuditRecord>) -> Result<Principal> {
        self.write(Admit { admission, records }).await
    }

    async fn workload(&self, token: TokenHash) -> Result<Option<Workload>> {
        self.read(FindWorkload(token)).await
    }

    async fn forget_spent(&self, before: Timestamp) -> Result<()> {
        self.write(ForgetSpent(before)).await
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
            SELECT i.id, i.name, i.url, i.keys_url, i.authorities, i.audience, i.created_at FROM issuer i
            WHERE i.organisation_id = $1 AND (CAST($2 AS TEXT) IS NULL OR i.name = $2) ORDER BY i.name LIMIT $3";
        let values = [self.id.0.into(), self.name.as_ref().map(IssuerName::as_str).into(), MOST.into()];
        session.query(LIST, &values).await?.into_iter().map(|mut row| issuer(&mut row)).collect()
    }
}

struct AddIssuer {
    id: OrganisationId,
    row: IssuerRow,
    record: AuditRecord,
}

#[async_trait]
impl Step for AddIssuer {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const COUNT: &str = "SELECT COUNT(*) FROM issuer WHERE organisation_id = $1";
        const INSERT: &str = "
            INSERT INTO issuer (organisation_id, name, url, keys_url, authorities, audience, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (organisation_id, name) DO NOTHING";
        if !hold_organisation(session, self.id).await? {
            return Err(Error::not_found(Subject::Name));
        }
        expect_room(session, COUNT, self.id.0).await?;
        let IssuerRow { name, issuer: Issuer { url, keys_url, authorities }, audience, .. } = &self.row;
        let values = [
            self.id.0.into(),
            name.as_str().into(),
            url.as_str().into(),
            keys_url.as_ref().map(|url| url.as_str()).into(),
            authorities.as_deref().into(),
            audience.as_deref().into(),
            self.record.at.microseconds().into(),
        ];
        if session.execute(INSERT, &values).await? == 0 {
            return Err(Error::new(Kind::Exists, format!("there is an issuer called {name} already")));
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
        if !hold_organisation(session, self.id).await? {
            return Ok(false);
        }
        let found = session.query_first(FIND, &[self.id.0.into(), self.name.as_str().into()]).await?;
        let Some(mut row) = found else { return Ok(false) };
        end_issuer(session, row.next()?, self.record.at).await?;
        audit(session, &self.record).await.map(|()| true)
    }
}

/// Removes every issuer of an organisation, with all that it gave.
pub(super) async fn end_issuers(session: &mut dyn Session, id: OrganisationId, now: Timestamp) -> Result<()> {
    const LIST: &str = "SELECT id FROM issuer WHERE organisation_id = $1 ORDER BY id";
    for mut row in session.query(LIST, &[id.0.into()]).await? {
        end_issuer(session, row.next()?, now).await?;
    }
    Ok(())
}

async fn end_issuer(session: &mut dyn Session, issuer: i64, now: Timestamp) -> Result<()> {
    const RULES: &str = "SELECT id FROM claim_rule WHERE issuer_id = $1 ORDER BY id";
    const REMOVE: &str = "DELETE FROM issuer WHERE id = $1";
    for mut row in session.query(RULES, &[issuer.into()]).await? {
        end_rule(session, row.next()?, now).await?;
    }
    session.execute(REMOVE, &[issuer.into()]).await.map(drop)
}

async fn end_rule(session: &mut dyn Session, rule: i64, now: Timestamp) -> Result<()> {
    // Held first, so that a job that is being let in by it is, and then put out again.
    const HOLD: &str = "UPDATE claim_rule SET name = name WHERE id = $1";
    const REMOVE: &str = "DELETE FROM claim_rule WHERE id = $1";
    session.execute(HOLD, &[rule.into()]).await?;
    end_workloads(session, rule, now).await?;
    session.execute(REMOVE, &[rule.into()]).await.map(drop)
}

struct ListRules(i64);

#[async_trait]
impl Step for ListRules {
    type Output = Vec<ClaimRule>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<ClaimRule>> {
        const LIST: &str = "
            SELECT c.id, c.name, c.claims, c.access, c.created_at FROM claim_rule c
            WHERE c.issuer_id = $1 ORDER BY c.name LIMIT $2";
        let rows = session.query(LIST, &[self.0.into(), MOST.into()]).await?;
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
        const FIND: &str = "SELECT id FROM issuer WHERE organisation_id = $1 AND id = $2";
        const COUNT: &str = "SELECT COUNT(*) FROM claim_rule WHERE issuer_id = $1";
        const INSERT: &str = "
            INSERT INTO claim_rule (issuer_id, name, claims, access, created_at) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (issuer_id, name) DO NOTHING";
        if !hold_organisation(session, self.id).await?
            || session.query_first(FIND, &[self.id.0.into(), self.issuer.into()]).await?.is_none()
        {
            return Err(Error::not_found(Subject::Issuer));
        }
        expect_room(session, COUNT, self.issuer).await?;
        let ClaimRule { name, claims, reach, .. } = &self.rule;
        let (claims, access) = (claims.to_row()?, reach.to_row()?);
        let now = self.record.at.microseconds();
        let values = [
            self.issuer.into(),
            name.as_str().into(),
            claims.as_str().into(),
            access.as_str().into(),
            now.into(),
        ];
        if session.execute(INSERT, &values).await? == 0 {
            return Err(Error::new(Kind::Exists, format!("there is a rule called {name} already")));
        }
        audit(session, &self.record).await
    }
}

/// Refuses one more of what there is enough of.
async fn expect_room(session: &mut dyn Session, count: &'static str, of: i64) -> Result<()> {
    if first_id(session.query_first(count, &[of.into()]).await?)? < MOST {
        return Ok(());
    }
    Err(Error::new(Kind::Conflict, format!("there are {MOST} already, remove some")))
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
        end_rule(session, row.next()?, self.record.at).await?;
        audit(session, &self.record).await.map(|()| true)
    }
}

struct FindBelievers {
    url: IssuerUrl,
    within: Option<OrganisationName>,
}

#[async_trait]
impl Step for FindBelievers {
    type Output = Vec<Believer>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<Believer>> {
        const FIND: &str = "
            SELECT o.name, i.id, i.name, i.url, i.keys_url, i.authorities, i.audience, i.created_at,
                c.id, c.name, c.claims, c.access, c.created_at
            FROM issuer i
            JOIN organisation o ON o.id = i.organisation_id
            JOIN claim_rule c ON c.issuer_id = i.id
            WHERE i.url = $1 AND (CAST($2 AS TEXT) IS NULL OR o.name = $2) ORDER BY i.id, c.id LIMIT $3";
        let within = self.within.as_ref().map(OrganisationName::as_str);
        let values = [self.url.as_str().into(), within.into(), MOST_LOOKED_AT.into()];
        let mut believers: Vec<Believer> = Vec::new();
        for mut row in session.query(FIND, &values).await? {
            let organisation = row.parse(|name: String| name.parse().ok())?;
            let (issuer, rule) = (issuer(&mut row)?, rule(&mut row)?);
            match believers.last_mut().filter(|believer| believer.issuer.id == issuer.id) {
                Some(believer) => believer.rules.push(rule),
                None => believers.push(Believer { organisation, issuer, rules: vec![rule] }),
            }
        }
        Ok(believers)
    }
}
