//! What needs stored of keys. Each call is one transaction, with its audit line in it.

use async_trait::async_trait;
use wharf_core::{Error, Kind, RegistryPlace, Result, Timestamp, audit::AuditRecord};

use crate::{KeyName, NewKey, RegistryKey};

/// What a registry believes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Belief {
    /// Its keys, the primary one first, then in the order in which they were added.
    pub keys: Vec<RegistryKey>,
    /// Whether, as long as it has no key, it takes what nobody signed.
    pub accepts_unverified: bool,
}

/// A key that stands in the way of a new one: it has its name, or is the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What it is called.
    pub name: KeyName,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

impl Standing {
    /// The refusal of a key of this name.
    pub fn refusal(&self, name: &KeyName) -> Error {
        let Self { name: other, revoked_at } = self;
        let words = match (other == name, revoked_at) {
            (true, None) => format!("the registry has a key called {name}"),
            (true, Some(_)) => format!("the name {name} belongs to a revoked key; choose another"),
            (false, None) => format!("this key is there already, as {other}"),
            (false, Some(_)) => format!("this key was revoked, as {other}, and is not believed again"),
        };
        Error::new(Kind::Exists, words)
    }
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
