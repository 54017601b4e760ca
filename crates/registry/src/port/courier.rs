//! What brings messages to other machines.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use wharf_core::Result;

/// How long a delivery takes at most, with the look-up of the receiver's name. Nobody begins one who may not send for as long.
pub const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);

/// A message to be posted.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Where to.
    pub url: String,
    /// Headers beside those of every request.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
}

/// Brings messages where the operator lets them go.
#[async_trait]
pub trait Courier: Send + Sync {
    /// Refuses an address that nothing will be brought to, as far as that can be seen in it.
    ///
    /// # Errors
    /// `Invalid` for what is no address; `Denied` for one that is closed.
    fn expect_open(&self, url: &str) -> Result<()>;

    /// Posts a message once; the status it is answered with. A redirect is an answer, and is not followed. It is over, one way
    /// or another, after [`DELIVERY_TIMEOUT`].
    ///
    /// # Errors
    /// `Denied` for a place that is closed, once its name was looked up; `Timeout`; `Unavailable`.
    async fn deliver(&self, letter: Letter) -> Result<u16>;
}
