//! Where the content of registries comes from that are not hosted, and what their upstreams said.

use async_trait::async_trait;
use bytes::Bytes;
use wharf_core::{Guard, RegistryKind, RegistryName, Result, Timestamp, Upstream, gate::RegistryId};

/// What a proxy fetches from, and what it or a virtual registry does not let through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceRow {
    /// The upstream of a proxy.
    pub upstream: Option<Upstream>,
    /// What is not let through.
    pub guard: Guard,
}

/// A member of a virtual registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its row.
    pub id: RegistryId,
    /// Its name in the organisation.
    pub name: RegistryName,
    /// Where its own content comes from.
    pub kind: RegistryKind,
}

/// How what an upstream said stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedState {
    /// The entity tag it came with.
    pub etag: Option<String>,
    /// When it was last found to stand.
    pub checked_at: Timestamp,
    /// Moves when it was found to have changed.
    pub version: i64,
}

/// What an upstream said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The entity tag it came with.
    pub etag: Option<String>,
    /// What is kept of it.
    pub payload: Bytes,
}

/// Sources of registries.
#[async_trait]
pub trait Sources {
    /// What is set about where a registry has its content from; nothing where nothing is.
    async fn source(&mut self, registry: RegistryId) -> Result<SourceRow>;
    /// The members of a virtual registry, in the order in which they are asked.
    async fn members_of(&mut self, registry: RegistryId) -> Result<Vec<Member>>;
    /// How something stands that the upstream of a registry said.
    async fn fetched(&mut self, registry: RegistryId, name: &str) -> Result<Option<FetchedState>>;
    /// What it is.
    async fn fetched_payload(&mut self, registry: RegistryId, name: &str) -> Result<Option<Bytes>>;
    /// Keeps what the upstream said now.
    async fn keep_fetched(&mut self, of: (RegistryId, &str), fetched: &Fetched, now: Timestamp)
    -> Result<()>;
    /// Notes that it still stands.
    async fn touch_fetched(&mut self, of: (RegistryId, &str), now: Timestamp) -> Result<()>;
    /// Forgets what the upstream says no more.
    async fn forget_fetched(&mut self, registry: RegistryId, name: &str) -> Result<()>;
    /// How many bytes are kept of what the upstream of a registry said.
    async fn fetched_bytes(&mut self, registry: RegistryId) -> Result<u64>;
    /// Of what the upstream of a registry said, what was found to stand longest ago: up to so many names.
    async fn oldest_fetched(&mut self, registry: RegistryId, most: u32) -> Result<Vec<String>>;
}
