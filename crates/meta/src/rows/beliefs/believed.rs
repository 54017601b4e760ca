//! The rules about what a source says, read once a token of it was found good.

use async_trait::async_trait;
use wharf_auth::port::Believed;
use wharf_core::{OrganisationName, Result};

use super::{MOST_RULES, rule};
use crate::{
    database::Step,
    session::{Row, Session},
};

/// How many rules are read at a time, whoever made them.
const SOME: i64 = 100;

fn believed(mut row: Row) -> Result<Believed> {
    Ok(Believed {
        organisation: row.parse(|name: String| name.parse().ok())?,
        audience: row.next()?,
        rule: rule(&mut row)?,
    })
}

/// Everybody's rules behind one.
pub(super) struct FindRules {
    pub(super) source: i64,
    pub(super) behind: i64,
}

#[async_trait]
impl Step for FindRules {
    type Output = Vec<Believed>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<Believed>> {
        const FIND: &str = "
            SELECT o.name, i.audience, c.id, c.name, c.claims, c.access, c.created_at
            FROM claim_rule c
            JOIN issuer i ON i.id = c.issuer_id
            JOIN organisation o ON o.id = i.organisation_id
            WHERE c.source_id = $1 AND c.id > $2 ORDER BY c.id LIMIT $3";
        let values = [self.source.into(), self.behind.into(), SOME.into()];
        session.query(FIND, &values).await?.into_iter().map(believed).collect()
    }
}

/// All rules of one organisation.
pub(super) struct FindRulesOf {
    pub(super) organisation: OrganisationName,
    pub(super) source: i64,
}

#[async_trait]
impl Step for FindRulesOf {
    type Output = Vec<Believed>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<Believed>> {
        const FIND: &str = "
            SELECT o.name, i.audience, c.id, c.name, c.claims, c.access, c.created_at
            FROM organisation o
            JOIN issuer i ON i.organisation_id = o.id
            JOIN claim_rule c ON c.issuer_id = i.id
            WHERE o.name = $1 AND i.source_id = $2 ORDER BY c.id LIMIT $3";
        let values = [self.organisation.as_str().into(), self.source.into(), MOST_RULES.into()];
        session.query(FIND, &values).await?.into_iter().map(believed).collect()
    }
}
