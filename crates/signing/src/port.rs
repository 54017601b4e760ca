//! What needs stored of keys. Each call is one transaction, with its audit line in it.

use async_trait::async_trait;
use wharf_core::{RegistryPlace, Result, Timestamp, audit::AuditRecord};

use crate::{KeyName, NewKey, RegistryKey};

/// What a registry believes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Belief {
    /// Its keys, the primary one first, then in the order in which they were added.
    pub keys: Vec<RegistryKey>,
    /// Whether, as long as it has no key, it takes what nobody signed.
    pub accepts_unverified: bool,
}

/// The keys of registries.
#[async_trait]
pub trait Keys: Send + Sync {
    /// What a registry believes; nothing, where it is not there.
    async fn belief(&self, registry: &RegistryPlace) -> Result<Belief>;
    /// Adds a key. One that is to be primary takes that from the one before.
    ///
    /// # Errors
    /// `NotFound` where the registry is not there; `Exists` where the name is taken or the key is there under another one,
    /// by a revoked key too.
    async fn add_key(&self, registry: &RegistryPlace, key: NewKey, record: AuditRecord) -> Result<()>;
    /// Revokes a key; false where there is none of this name, or it is revoked already.
    async fn revoke_key(
        &self,
        registry: &RegistryPlace,
        name: &KeyName,
        (at, record): (Timestamp, AuditRecord),
    ) -> Result<bool>;
}
