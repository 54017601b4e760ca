//! Who believes an issuer, and what its word is good for there: read once a token of it was found good.

use async_trait::async_trait;
use wharf_auth::port::{Addressee, Believer};
use wharf_core::{OrganisationName, Result};

use super::{issuer, rule};
use crate::{database::Step, session::Session};

/// How many rules are looked at for one token, the oldest of all organisations.
const MOST: i64 = 5000;

pub(super) struct FindBelievers {
    pub(super) source: i64,
    pub(super) addressee: Addressee,
    pub(super) within: Option<OrganisationName>,
}

#[async_trait]
impl Step for FindBelievers {
    type Output = Vec<Believer>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<Believer>> {
        match &self.addressee {
            Addressee::Wharf => self.found(session, None).await,
            Addressee::Others(audiences) => {
                let mut believers = Vec::new();
                for audience in audiences {
                    believers.extend(self.found(session, Some(audience)).await?);
                }
                Ok(believers)
            }
        }
    }
}

impl FindBelievers {
    /// Those who chose an audience, if one is named.
    async fn found(&self, session: &mut dyn Session, audience: Option<&String>) -> Result<Vec<Believer>> {
        const FIND: &str = "
            SELECT o.name, i.id, i.name, s.url, s.keys_url, s.authorities, i.audience, i.created_at,
                c.id, c.name, c.claims, c.access, c.created_at
            FROM issuer i
            JOIN issuer_source s ON s.id = i.source_id
            JOIN organisation o ON o.id = i.organisation_id
            JOIN claim_rule c ON c.issuer_id = i.id
            WHERE i.source_id = $1 AND (CAST($2 AS TEXT) IS NULL OR i.audience = $2)
                AND (CAST($3 AS TEXT) IS NULL OR o.name = $3)
            ORDER BY i.id, c.id LIMIT $4";
        let within = self.within.as_ref().map(OrganisationName::as_str);
        let values = [self.source.into(), audience.map(String::as_str).into(), within.into(), MOST.into()];
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
