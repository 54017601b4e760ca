//! The rules about what a source says, read once a token of it was found good.

use async_trait::async_trait;
use wharf_auth::port::{Believed, Bound, Whose};
use wharf_core::Result;

use super::rule;
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

pub(super) struct FindRules {
    pub(super) source: i64,
    pub(super) whose: Whose,
}

#[async_trait]
impl Step for FindRules {
    type Output = Vec<Believed>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<Believed>> {
        const OF_ONE: &str = "
            SELECT o.name, i.audience, c.id, c.name, c.claims, c.access, c.created_at
            FROM organisation o
            JOIN issuer i ON i.organisation_id = o.id
            JOIN claim_rule c ON c.issuer_id = i.id
            WHERE i.source_id = $1 AND o.name = $2 ORDER BY c.id LIMIT $3";
        const OF_ALL: &str = "
            SELECT o.name, i.audience, c.id, c.name, c.claims, c.access, c.created_at
            FROM claim_rule c
            JOIN issuer i ON i.id = c.issuer_id
            JOIN organisation o ON o.id = i.organisation_id
            WHERE c.source_id = $1 AND c.id > $2 ORDER BY c.id LIMIT $3";
        let source = self.source.into();
        let rows = match &self.whose {
            Whose::Organisation(name) => {
                session.query(OF_ONE, &[source, name.as_str().into(), Bound::Rules.most().into()]).await?
            }
            Whose::Everybody { behind } => {
                session.query(OF_ALL, &[source, (*behind).into(), SOME.into()]).await?
            }
        };
        rows.into_iter().map(believed).collect()
    }
}
