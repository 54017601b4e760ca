//! A request that works on an upload says so in its row, now and then: the lock that it holds is known to this node
//! alone, and another one would take an upload for stale whose one request takes longer than uploads may lie.

use std::{convert::Infallible, pin::pin, time::Duration};

use futures_util::future::{Either, select};
use wharf_core::UploadId;

use super::rows::TouchUpload;
use crate::Registry;

/// So often within the time that an upload may lie: a few may be lost before anybody takes it for stale.
const TOUCHES: u32 = 4;

impl Registry {
    /// Runs work on an upload, and lets its row show that it goes on.
    pub(super) async fn touching<T>(&self, id: UploadId, work: impl Future<Output = T>) -> T {
        match select(pin!(work), pin!(self.touch(id))).await {
            Either::Left((done, _)) => done,
            Either::Right((never, _)) => match never {},
        }
    }

    async fn touch(&self, id: UploadId) -> Infallible {
        let expiry = u64::try_from(self.settings().upload_expiry).unwrap_or_default();
        let pause = (Duration::from_secs(expiry) / TOUCHES).max(Duration::from_millis(100));
        loop {
            tokio::time::sleep(pause).await;
            if let Err(error) = self.store().commit(TouchUpload { id, now: self.now() }).await {
                tracing::warn!(upload = %id, ?error, "upload could not be touched");
            }
        }
    }
}
