//! Where what issuers say is read: each once, whoever believes it, so that a token of an issuer that ten thousand
//! organisations believe costs no more than one that a single one does.

use async_trait::async_trait;
use wharf_auth::{
    issuers::{Issuer, IssuerUrl},
    port::{Bound, IssuerSource},
};
use wharf_core::{OrganisationName, Result, gate::OrganisationId};

use super::ending::Ended;
use crate::{
    database::Step,
    rows::tenants::first_id,
    session::{Row, Session},
};

/// How many of those who believe a source are told: it is read on behalf of one of them.
const MOST_BELIEVERS: i64 = 5;

/// The source of an issuer, made if nobody believes it yet; held, so that it does not go with another who does.
pub(super) async fn keep_source(session: &mut dyn Session, issuer: &Issuer) -> Result<i64> {
    const KEEP: &str = "
        INSERT INTO issuer_source (fingerprint, url, keys_url, authorities) VALUES ($1, $2, $3, $4)
        ON CONFLICT (fingerprint) DO UPDATE SET url = excluded.url RETURNING id";
    let fingerprint = issuer.fingerprint();
    let values = [
        fingerprint.as_slice().into(),
        issuer.url.as_str().into(),
        issuer.keys_url.as_ref().map(|url| url.as_str()).into(),
        issuer.authorities.as_deref().into(),
    ];
    first_id(session.query_first(KEEP, &values).await?)
}

/// The sources of issuers that are about to go.
pub(super) async fn source_ids(session: &mut dyn Session, of: &Ended) -> Result<Vec<i64>> {
    const LIST: &str = "
        SELECT DISTINCT i.source_id FROM issuer i
        WHERE i.organisation_id = $1 AND (CAST($2 AS BIGINT) IS NULL OR i.id = $2) ORDER BY i.source_id";
    let rows = session.query(LIST, &[of.organisation.0.into(), of.issuer.into()]).await?;
    rows.into_iter().map(|mut row| row.next()).collect()
}

/// Forgets those of these that nobody believes any more.
pub(super) async fn forget_unused(session: &mut dyn Session, sources: Vec<i64>) -> Result<()> {
    // Held first: who comes to believe it meanwhile has done so, or waits.
    const HOLD: &str = "UPDATE issuer_source SET url = url WHERE id = $1";
    const FORGET: &str = "
        DELETE FROM issuer_source WHERE id = $1
            AND NOT EXISTS (SELECT 1 FROM issuer i WHERE i.source_id = issuer_source.id)";
    for source in sources {
        for statement in [HOLD, FORGET] {
            session.execute(statement, &[source.into()]).await?;
        }
    }
    Ok(())
}

/// The sources of an issuer that somebody believes; those that one organisation does, if it is named.
pub(super) struct FindSources {
    pub(super) url: IssuerUrl,
    pub(super) within: Option<OrganisationName>,
}

#[async_trait]
impl Step for FindSources {
    type Output = Vec<IssuerSource>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<IssuerSource>> {
        match &self.within {
            Some(organisation) => self.of_one(session, organisation).await,
            None => self.of_all(session).await,
        }
    }
}

impl FindSources {
    async fn of_one(
        &self,
        session: &mut dyn Session,
        organisation: &OrganisationName,
    ) -> Result<Vec<IssuerSource>> {
        const FIND: &str = "
            SELECT s.id, s.url, s.keys_url, s.authorities, o.id
            FROM organisation o
            JOIN issuer i ON i.organisation_id = o.id
            JOIN issuer_source s ON s.id = i.source_id
            WHERE s.url = $1 AND o.name = $2 ORDER BY s.id LIMIT $3";
        let values = [self.url.as_str().into(), organisation.as_str().into(), Bound::Issuers.most().into()];
        let mut sources = Vec::new();
        for mut row in session.query(FIND, &values).await? {
            let mut source = source(&mut row)?;
            let itself = OrganisationId(row.next()?);
            source.organisations = believers(session, source.id).await?;
            // It has room of its own, whatever the older ones do with theirs.
            if !source.organisations.contains(&itself) {
                source.organisations.push(itself);
            }
            sources.push(source);
        }
        Ok(sources)
    }

    async fn of_all(&self, session: &mut dyn Session) -> Result<Vec<IssuerSource>> {
        const PLAIN: &str = "
            SELECT s.id, s.url, s.keys_url, s.authorities FROM issuer_source s WHERE s.fingerprint = $1";
        const OTHERS: &str = "
            SELECT s.id, s.url, s.keys_url, s.authorities FROM issuer_source s
            WHERE s.url = $1 AND s.fingerprint <> $2 ORDER BY s.id LIMIT $3";
        let plain = Issuer { url: self.url.clone(), keys_url: None, authorities: None }.fingerprint();
        let plain = plain.as_slice().into();
        let mut rows = session.query(PLAIN, &[plain]).await?;
        let values = [self.url.as_str().into(), plain, Bound::Issuers.most().into()];
        rows.extend(session.query(OTHERS, &values).await?);
        let mut sources = Vec::new();
        for mut row in rows {
            let mut source = source(&mut row)?;
            source.organisations = believers(session, source.id).await?;
            sources.push(source);
        }
        Ok(sources)
    }
}

/// Who believes a source, the oldest few.
async fn believers(session: &mut dyn Session, source: i64) -> Result<Vec<OrganisationId>> {
    const FIND: &str = "SELECT i.organisation_id FROM issuer i WHERE i.source_id = $1 ORDER BY i.id LIMIT $2";
    let rows = session.query(FIND, &[source.into(), MOST_BELIEVERS.into()]).await?;
    rows.into_iter().map(|mut row| row.next().map(OrganisationId)).collect()
}

fn source(row: &mut Row) -> Result<IssuerSource> {
    Ok(IssuerSource {
        id: row.next()?,
        issuer: Issuer {
            url: row.parse(|url: String| url.parse().ok())?,
            keys_url: row.parse(|url: Option<String>| url.map(|url| url.parse()).transpose().ok())?,
            authorities: row.next()?,
        },
        organisations: Vec::new(),
    })
}
