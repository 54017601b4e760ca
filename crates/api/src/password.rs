//! Passwords as a body brings them: read, and never written or printed again.

use serde::{Deserialize, Deserializer};
use wharf_core::Secret;

/// A password in a body.
#[derive(Debug)]
pub(crate) struct Password(Secret<String>);

impl From<Password> for Secret<String> {
    fn from(password: Password) -> Self {
        password.0
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::new(text)))
    }
}
