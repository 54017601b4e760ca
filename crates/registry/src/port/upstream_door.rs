//! The way to upstreams.

use async_trait::async_trait;
use wharf_core::{ByteStream, Result, Upstream};

/// What is asked of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamAsk {
    /// Where: below the upstream's address, or where it said that something lies.
    pub url: String,
    /// The media types that are taken.
    pub accept: &'static str,
    /// The entity tag of what is known already.
    pub known: Option<String>,
    /// The most bytes that are taken.
    pub most: u64,
}

/// What the upstream said.
pub enum UpstreamAnswer {
    /// It has no such thing.
    Missing,
    /// What is known still stands.
    Unchanged,
    /// Here it is.
    Found(UpstreamBody),
}

/// Something on its way from an upstream.
pub struct UpstreamBody {
    /// Where it came from in the end.
    pub url: String,
    /// Its media type, as the upstream writes it.
    pub media_type: String,
    /// Its entity tag.
    pub etag: Option<String>,
    /// How many bytes it has, if the upstream says so.
    pub length: Option<u64>,
    /// The bytes as they come; nobody vouches for them. They break off after as many as were asked for.
    pub body: ByteStream,
}

/// The way to upstreams. The login of an upstream goes to the origin of its address, and to no other.
#[async_trait]
pub trait UpstreamDoor: Send + Sync {
    /// Asks an upstream.
    ///
    /// # Errors
    /// `Denied` for a place that is closed to everybody, and for every answer that is none of the three; `Timeout` and
    /// `Unavailable` where nobody answers.
    async fn ask(&self, upstream: &Upstream, ask: UpstreamAsk) -> Result<UpstreamAnswer>;
}
