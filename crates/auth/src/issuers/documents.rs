//! What judging tokens needs of other machines: small documents, fetched from just the place that is named.

use async_trait::async_trait;
use wharf_core::Result;

/// A document that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where it is.
    pub url: String,
    /// Authorities in PEM that are believed over TLS beside those of the system.
    pub authorities: Option<String>,
}

/// Fetches documents of issuers.
#[async_trait]
pub trait Documents: Send + Sync {
    /// The document, if it is there and has at most so many bytes. No redirect is followed, and the answer is there within
    /// seconds or not at all.
    ///
    /// # Errors
    /// `Denied` for a place that is closed; `TooLarge`; `Timeout`; `Unavailable`.
    async fn fetch(&self, wanted: Wanted, most: usize) -> Result<Vec<u8>>;

    /// Refuses what can be seen to be closed: a private address, or one without TLS, that the operator did not name.
    ///
    /// # Errors
    /// `Denied`; `Invalid`.
    fn expect_open(&self, wanted: &Wanted) -> Result<()>;
}
