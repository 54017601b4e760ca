//! Whose signatures count: the keys that were given, else those pinned for the registry. What a registry says of its own
//! signatures proves nothing.

use std::path::Path;

use wharf_core::{Error, Kind, Result};
use wharf_signing::{Message, PublicKey, SecretKey, Signature};

use super::{
    arguments::{Belief, Pinning},
    pins::Pins,
    registry::PluginRegistry,
};
use crate::output::remark;

/// The largest key that is read, in bytes.
const LARGEST: usize = 16 * 1024;

/// The keys that are believed.
pub(super) struct Keys(Vec<PublicKey>);

impl Keys {
    /// The keys for a registry. Where they are to be kept for the next time, and none are given, those that the registry
    /// itself names are: whoever does that trusts it once, and sees whom.
    ///
    /// # Errors
    /// `Invalid` for what is no key, and where there is none to believe.
    pub(super) async fn of_registry(belief: &Belief, registry: &PluginRegistry) -> Result<Self> {
        let given = Self::given(belief)?;
        match (belief.pinning, given.0.is_empty()) {
            (Pinning::Keep, false) => Ok(given),
            (Pinning::Keep, true) => Self::pinned(&registry.name),
            (Pinning::Pin, false) => given.pin(&registry.name),
            (Pinning::Pin, true) => Self::named_by(registry).await?.pin(&registry.name),
        }
    }

    /// The keys that were given, for files of no registry.
    ///
    /// # Errors
    /// `Invalid` for what is no key, and where none is given.
    pub(super) fn alone(belief: &Belief) -> Result<Self> {
        let given = Self::given(belief)?;
        if given.0.is_empty() || belief.pinning == Pinning::Pin {
            let words = "without --registry say by which --public-key, and keep none by --pin";
            return Err(Error::new(Kind::Invalid, words));
        }
        Ok(given)
    }

    /// The first of these signatures that one of the keys made of a file.
    ///
    /// # Errors
    /// `Invalid`, where none did.
    pub(super) fn verify<'a>(
        &self,
        bytes: &[u8],
        signatures: impl Iterator<Item = &'a str>,
    ) -> Result<Signature> {
        let message = Message::new(bytes);
        let signatures = signatures.filter_map(|text| text.parse::<Signature>().ok());
        let by_any = |signature: Signature| self.0.iter().find_map(|key| key.verify(&message, &signature));
        signatures.into_iter().find_map(by_any).ok_or_else(|| {
            Error::new(Kind::Invalid, "it has no signature by a key that is believed, or was changed since")
        })
    }

    fn given(belief: &Belief) -> Result<Self> {
        belief.keys.iter().map(|path| PublicKey::from_pem(&read(path)?)).collect::<Result<_>>().map(Self)
    }

    fn pinned(registry: &str) -> Result<Self> {
        let pins = Pins::read()?;
        let keys =
            pins.of(registry).iter().map(|pem| PublicKey::from_pem(pem)).collect::<Result<Vec<_>>>()?;
        if keys.is_empty() {
            let words = format!(
                "no key is known that signs for {registry}: say --public-key, or --pin to believe those it names now"
            );
            return Err(Error::new(Kind::Invalid, words));
        }
        Ok(Self(keys))
    }

    async fn named_by(registry: &PluginRegistry) -> Result<Self> {
        let mut keys = Vec::new();
        for named in registry.keys().await? {
            let key = PublicKey::from_pem(&named.pem)?;
            // Standard output is the report's.
            let (id, algorithm) = (key.id(), key.algorithm().word());
            remark(&format!("{} names the key {}, {id} of {algorithm}", registry.name, named.name));
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(Error::new(Kind::Invalid, format!("{} names no key to believe", registry.name)));
        }
        Ok(Self(keys))
    }

    fn pin(self, registry: &str) -> Result<Self> {
        Pins::read()?.pin(registry, self.0.iter().map(|key| key.pem().to_owned()).collect())?;
        Ok(self)
    }
}

/// The key to sign with.
///
/// # Errors
/// `Invalid` for what is none.
pub(super) fn secret(path: &Path) -> Result<SecretKey> {
    SecretKey::from_pem(&read(path)?)
}

#[expect(clippy::disallowed_methods, reason = "the user names this file")]
fn read(path: &Path) -> Result<String> {
    let unreadable =
        |error| Error::new(Kind::Invalid, format!("{} cannot be read", path.display())).because(error);
    let bytes = std::fs::read(path).map_err(|error: std::io::Error| unreadable(error))?;
    let text = String::from_utf8(bytes).ok().filter(|text| text.len() <= LARGEST);
    text.ok_or_else(|| Error::new(Kind::Invalid, format!("{} holds no key in PEM", path.display())))
}
