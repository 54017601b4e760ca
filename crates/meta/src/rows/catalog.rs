//! Lists across tenants.

use async_trait::async_trait;
use wharf_core::{AccountId, Result};
use wharf_registry::port::Catalog;

use super::SqlWork;

#[async_trait]
impl Catalog for SqlWork<'_> {
    async fn catalog(
        &mut self,
        account: Option<AccountId>,
        everything: bool,
        last: Option<&str>,
        most: u32,
    ) -> Result<Vec<String>> {
        const LIST: &str = "
            SELECT p.path
            FROM repository p JOIN registry r ON r.id = p.registry_id
            WHERE p.path > $1 AND p.shown = 1
                AND (r.public = 1
                    OR EXISTS (SELECT 1 FROM membership m
                        WHERE m.organisation_id = r.organisation_id AND m.account_id = $2)
                    OR EXISTS (SELECT 1 FROM account a WHERE a.id = $2 AND a.operator = 1)
                    OR CAST($3 AS BIGINT) = 1)
            ORDER BY p.path LIMIT $4";
        let account = account.map(|id| id.0);
        let values =
            [last.unwrap_or_default().into(), account.into(), everything.into(), i64::from(most).into()];
        let rows = self.0.query(LIST, &values).await?;
        rows.into_iter().map(|mut row| row.next()).collect()
    }
}
