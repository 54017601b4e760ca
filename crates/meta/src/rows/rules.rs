//! What organisations set about their registries.

use async_trait::async_trait;
use wharf_core::{
    Result, Timestamp,
    gate::{RegistryId, RepositoryId},
};
use wharf_registry::port::{RuleKind, RuleRow, Rules};

use super::SqlWork;
use crate::session::Row;

fn rule(mut row: Row) -> Result<RuleRow> {
    Ok(RuleRow { name: row.next()?, body: row.next()? })
}

#[async_trait]
impl Rules for SqlWork<'_> {
    async fn rules(&mut self, registry: RegistryId, kind: RuleKind) -> Result<Vec<RuleRow>> {
        const LIST: &str = "SELECT name, body FROM rule WHERE registry_id = $1 AND kind = $2 ORDER BY name";
        let rows = self.session.query(LIST, &[registry.0.into(), kind.word().into()]).await?;
        rows.into_iter().map(rule).collect()
    }

    async fn rules_over(&mut self, repository: RepositoryId, kind: RuleKind) -> Result<Vec<RuleRow>> {
        const LIST: &str = "
            SELECT u.name, u.body FROM repository p JOIN rule u ON u.registry_id = p.registry_id
            WHERE p.id = $1 AND u.kind = $2 ORDER BY u.name";
        let rows = self.session.query(LIST, &[repository.0.into(), kind.word().into()]).await?;
        rows.into_iter().map(rule).collect()
    }

    async fn set_rule(
        &mut self,
        registry: RegistryId,
        kind: RuleKind,
        rule: &RuleRow,
        now: Timestamp,
    ) -> Result<bool> {
        const SET: &str = "
            UPDATE rule SET body = $1, updated_at = $2 WHERE registry_id = $3 AND kind = $4 AND name = $5";
        const ADD: &str = "
            INSERT INTO rule (body, updated_at, registry_id, kind, name) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (registry_id, kind, name) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at";
        let values = [
            rule.body.as_str().into(),
            now.microseconds().into(),
            registry.0.into(),
            kind.word().into(),
            rule.name.as_str().into(),
        ];
        if self.session.execute(SET, &values).await? > 0 {
            return Ok(false);
        }
        self.session.execute(ADD, &values).await.map(|_| true)
    }

    async fn remove_rule(&mut self, registry: RegistryId, kind: RuleKind, name: &str) -> Result<bool> {
        const REMOVE: &str = "DELETE FROM rule WHERE registry_id = $1 AND kind = $2 AND name = $3";
        Ok(self.session.execute(REMOVE, &[registry.0.into(), kind.word().into(), name.into()]).await? > 0)
    }
}
