//! A build without traces: asking for them is refused.

use tracing_subscriber::layer::Identity;
use wharf_core::{Error, Kind, Result};

/// Traces that there are none of.
pub(crate) enum Traces {}

impl Traces {
    /// Refuses an endpoint.
    pub(crate) fn begin(endpoint: Option<&str>) -> Result<Option<Self>> {
        match endpoint {
            None => Ok(None),
            Some(_) => {
                Err(Error::new(Kind::Unsupported, "this build has no traces: traces_endpoint must be empty"))
            }
        }
    }

    /// The layer that does nothing.
    pub(crate) const fn layer(&self) -> Identity {
        match *self {}
    }

    /// Ends nothing.
    pub(crate) async fn end(self) {
        match self {}
    }
}
