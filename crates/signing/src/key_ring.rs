//! Which keys a registry believes: those its database holds, and those given as files at the start.

use std::sync::Arc;

use wharf_core::{
    Clock, Error, Kind, OrganisationGrant, RegistryName, RegistryPlace, Result, Subject, Timestamp,
    audit::AuditRecord, duty::Administer,
};

use crate::{
    KeyName, Message, NewKey, RegistryKey, Signature,
    port::{Belief, Keys},
};

/// What [`Signing`] works with.
pub struct Parts {
    /// The stored keys.
    pub keys: Arc<dyn Keys>,
    /// Keys that were given at the start, each with its registry.
    pub given: Vec<(RegistryPlace, NewKey)>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Knows what registries believe. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Signing(Arc<Inner>);

struct Inner {
    keys: Arc<dyn Keys>,
    given: Vec<(RegistryPlace, RegistryKey)>,
    clock: Arc<dyn Clock>,
}

impl Signing {
    /// Puts it together.
    pub fn new(parts: Parts) -> Self {
        let Parts { keys, given, clock } = parts;
        let created_at = clock.now();
        let given =
            given.into_iter().map(|(registry, key)| (registry, key.believed_at(created_at))).collect();
        Self(Arc::new(Inner { keys, given, clock }))
    }

    /// What a registry believes now: its own keys first, then those given at the start. Public keys are for everybody
    /// who may read the registry, which the caller has seen to.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn trust(&self, registry: &RegistryPlace) -> Result<Trust> {
        let Belief { mut keys, accepts_unverified } = self.0.keys.belief(registry).await?;
        keys.extend(self.given(registry).cloned());
        Ok(Trust { keys, accepts_unverified, now: self.0.clock.now() })
    }

    /// Lets a registry of the organisation believe a key.
    ///
    /// # Errors
    /// `NotFound` where the registry is not there; `Exists` where the name is taken, or the key is there under another one.
    pub async fn add_key(
        &self,
        grant: &OrganisationGrant<Administer>,
        registry: &RegistryName,
        key: NewKey,
    ) -> Result<RegistryKey> {
        let place = place(grant, registry);
        if let Some(given) = self.given(&place).find(|given| given.name == key.name || given.key == key.key) {
            let words =
                format!("this key or its name is given by the configuration already, as {}", given.name);
            return Err(Error::new(Kind::Exists, words));
        }
        let record = self.record(grant, (registry, &key.name), "key.add");
        let added = key.clone().believed_at(record.at);
        self.0.keys.add_key(&place, key, record).await.map(|()| added)
    }

    /// Ends all belief in a key: nothing it ever signed counts any more.
    ///
    /// # Errors
    /// `NotFound` where there is no such key, or none that is still believed; `Conflict` for one that was given at the
    /// start.
    pub async fn revoke_key(
        &self,
        grant: &OrganisationGrant<Administer>,
        registry: &RegistryName,
        name: &KeyName,
    ) -> Result<()> {
        let place = place(grant, registry);
        if self.given(&place).any(|given| given.name == *name) {
            let words =
                format!("the key {name} is given by the configuration: take it out there and restart");
            return Err(Error::new(Kind::Conflict, words));
        }
        let record = self.record(grant, (registry, name), "key.revoke");
        if self.0.keys.revoke_key(&place, name, (record.at, record)).await? {
            return Ok(());
        }
        Err(Error::new(Kind::NotFound(Subject::Name), format!("the registry believes no key called {name}")))
    }

    /// The keys that were given for a registry at the start.
    fn given<'a>(&'a self, registry: &'a RegistryPlace) -> impl Iterator<Item = &'a RegistryKey> {
        self.0.given.iter().filter(move |(place, _)| place == registry).map(|(_, key)| key)
    }

    fn record(
        &self,
        grant: &OrganisationGrant<Administer>,
        (registry, name): (&RegistryName, &KeyName),
        action: &'static str,
    ) -> AuditRecord {
        AuditRecord {
            organisation: Some(grant.name().clone()),
            target: Some(format!("{}/{registry} {name}", grant.name())),
            ..AuditRecord::by(self.0.clock.now(), grant, action)
        }
    }
}

fn place(grant: &OrganisationGrant<Administer>, registry: &RegistryName) -> RegistryPlace {
    RegistryPlace { organisation: grant.name().clone(), registry: registry.clone() }
}

/// What a registry believes at one moment. The first key is the one its clients are told of first.
#[derive(Clone, Debug)]
pub struct Trust {
    keys: Vec<RegistryKey>,
    accepts_unverified: bool,
    now: Timestamp,
}

/// A signature that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The signature, as clients take it.
    pub signature: Signature,
    /// The id of the key that made it.
    pub key: String,
}

impl Trust {
    /// Every key, revoked ones too.
    pub fn keys(&self) -> &[RegistryKey] {
        &self.keys
    }

    /// The ids of the keys whose signatures count, the first one before the others.
    pub fn believed(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().filter(|key| key.is_believed()).map(|key| key.key.id())
    }

    /// Whether what nobody signed is taken in: no key is configured that could tell, and the registry says so.
    pub fn accepts_unverified(&self) -> bool {
        self.accepts_unverified && !self.keys.iter().any(|key| key.is_usable(self.now))
    }

    /// Holds a signature against every key whose signatures are taken in now.
    ///
    /// # Errors
    /// `Invalid`, in words for whoever signed.
    pub fn verify(&self, message: &Message<'_>, signature: &str) -> Result<Verified> {
        let mut usable = self.keys.iter().filter(|key| key.is_usable(self.now)).peekable();
        if usable.peek().is_none() {
            let words = "the registry has no key to verify a signature by: add one first";
            return Err(Error::new(Kind::Invalid, words));
        }
        let signature = signature.parse()?;
        let verified = |key: &RegistryKey| {
            let signature = key.key.verify(message, &signature)?;
            Some(Verified { signature, key: key.key.id().to_owned() })
        };
        usable.find_map(verified).ok_or_else(|| {
            Error::new(Kind::Invalid, "the signature is by none of the registry's keys, or of another file")
        })
    }
}
