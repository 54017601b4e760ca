//! What brings messages to other machines.

use async_trait::async_trait;
use bytes::Bytes;
use wharf_core::Result;

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

    /// Posts a message once; the status it is answered with. A redirect is an answer, and is not followed.
    ///
    /// # Errors
    /// `Denied` for a place that is closed, once its name was looked up; `Timeout`; `Unavailable`.
    async fn deliver(&self, letter: Letter) -> Result<u16>;
}
