//! A value that cannot be printed, and what seals it.

use crate::Result;

/// Holds a secret: no `Display`, no `Debug` of the value, no `Serialize`, no `==`.
///
/// [`Secret::expose`] is the one way to it, so that a search finds every use.
#[derive(Clone)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a secret.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The secret itself: never log, format or compare it with `==`.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> std::fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Seals what lies at rest under the installation's key, and opens it again.
pub trait Vault: Send + Sync {
    /// Seals for a purpose.
    ///
    /// # Errors
    /// `Internal`.
    fn seal(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>>;
    /// Opens what was sealed for this purpose; `None` when it was not, or not under this key.
    fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Secret<Vec<u8>>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }
}
