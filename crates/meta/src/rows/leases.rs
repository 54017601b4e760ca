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
            WHERE lease.holder = excluded.holder OR lease.until_at <= $4 OR lease.until_at > $5";
        let (until, now) = (claim.until.microseconds(), now.microseconds());
        // Clocks may differ by as much as a lease is long, and no more.
        let furthest = until.saturating_add(until.saturating_sub(now));
        let values = [
            claim.name.as_ref().into(),
            claim.holder.as_str().into(),
            until.into(),
            now.into(),
            furthest.into(),
        ];
        Ok(self.session.execute(TAKE, &values).await? == 1)
    }

    async fn end_lease(&mut self, claim: &LeaseClaim) -> Result<()> {
        const END: &str = "DELETE FROM lease WHERE name = $1 AND holder = $2";
        let values = [claim.name.as_ref().into(), claim.holder.as_str().into()];
        self.session.execute(END, &values).await.map(drop)
    }

    async fn forget_leases(&mut self, before: Timestamp) -> Result<u64> {
        const FORGET: &str = "DELETE FROM lease WHERE until_at < $1";
        self.session.execute(FORGET, &[before.microseconds().into()]).await
    }
}
