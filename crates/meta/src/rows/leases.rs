//! What only one node does at a time.

use async_trait::async_trait;
use wharf_core::{Result, Timestamp};
use wharf_registry::port::{LeaseClaim, Leases};

use super::SqlWork;

#[async_trait]
impl Leases for SqlWork<'_> {
    async fn take_lease(&mut self, claim: &LeaseClaim, now: Timestamp) -> Result<bool> {
        const TAKE: &str = "
            INSERT INTO lease (name, holder, until_at) VALUES ($1, $2, $3)
            ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until_at = excluded.until_at
            WHERE lease.holder = excluded.holder OR lease.until_at <= $4";
        let values = [
            claim.name.into(),
            claim.holder.as_str().into(),
            claim.until.microseconds().into(),
            now.microseconds().into(),
        ];
        Ok(self.0.execute(TAKE, &values).await? == 1)
    }
}
