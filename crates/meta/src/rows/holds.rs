//! Holds on the bytes that the collector would remove.

use async_trait::async_trait;
use wharf_core::Result;
use wharf_registry::port::Holds;

use super::SqlWork;

#[async_trait]
impl Holds for SqlWork<'_> {
    async fn hold_objects(&mut self, holder: &str, seconds: i64) -> Result<()> {
        const FORGET: &str =
            "DELETE FROM collection_hold WHERE until_at <= (SELECT c.time FROM collection_clock c)";
        const HOLD: &str = "
            INSERT INTO collection_hold (holder, until_at)
            SELECT $1, c.time + $2 FROM collection_clock c WHERE c.id = 1
            ON CONFLICT (holder) DO UPDATE SET until_at = excluded.until_at";
        self.session.execute(FORGET, &[]).await?;
        let microseconds = seconds.saturating_mul(1_000_000);
        self.session.execute(HOLD, &[holder.into(), microseconds.into()]).await.map(drop)
    }

    async fn release_objects(&mut self, holder: &str) -> Result<bool> {
        const RELEASE: &str = "
            DELETE FROM collection_hold
            WHERE holder = $1 AND until_at > (SELECT c.time FROM collection_clock c)";
        Ok(self.session.execute(RELEASE, &[holder.into()]).await? > 0)
    }
}
