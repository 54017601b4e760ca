//! The keys a registry believes.

use std::{fmt, str::FromStr};

use wharf_core::{Error, Kind, Result, Timestamp};

use crate::PublicKey;

/// The longest name of a key.
const LONGEST: usize = 64;

/// What a key is called within its registry: letters, digits, `.`, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyName(String);

impl KeyName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let legal = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
        if text.is_empty() || text.len() > LONGEST || !text.bytes().all(legal) {
            let words = format!("the name of a key has up to {LONGEST} letters, digits, '.', '_' and '-'");
            return Err(Error::new(Kind::Invalid, words));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key to be believed.
#[derive(Clone, Debug, PartialEq)]
pub struct NewKey {
    /// Its name, which no other key of the registry has.
    pub name: KeyName,
    /// The key.
    pub key: PublicKey,
    /// Whether clients are told of it first, and no more of the one before.
    pub is_primary: bool,
    /// Until when what is signed by it is taken in.
    pub expires_at: Option<Timestamp>,
}

impl NewKey {
    /// The key as it is believed from a moment on.
    pub fn believed_at(self, created_at: Timestamp) -> RegistryKey {
        let Self { name, key, is_primary, expires_at } = self;
        RegistryKey { name, key, is_primary, created_at, expires_at, revoked_at: None }
    }
}

/// A key that a registry believes, or once did.
#[derive(Clone, Debug, PartialEq)]
pub struct RegistryKey {
    /// Its name.
    pub name: KeyName,
    /// The key.
    pub key: PublicKey,
    /// Whether clients are told of it first.
    pub is_primary: bool,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when what is signed by it is taken in. What was taken in before stays good.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked: since then no signature by it counts, however old.
    pub revoked_at: Option<Timestamp>,
}

impl RegistryKey {
    /// Whether signatures by it count.
    pub const fn is_believed(&self) -> bool {
        self.revoked_at.is_none()
    }

    /// Whether what is signed by it is taken in.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.is_believed() && self.expires_at.is_none_or(|end| now < end)
    }
}
