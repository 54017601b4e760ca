//! The key that signs the heads of the audit log: Ed25519, made once, sealed in the database.
//!
//! It is verified by the half that opens from the sealed one, never by one that lies in the clear: who can write to the
//! database cannot put another key in its place.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use wharf_core::{Entropy, Error, Result, audit::HeadSigner};

use crate::{port::Keys, seal::Sealer};

/// What it is sealed for, and where it is kept.
const NAME: &str = "audit_key";

pub(crate) struct AuditKey(Ed25519KeyPair);

impl AuditKey {
    /// Opens the key, made where there is none.
    pub(crate) async fn open(keys: &dyn Keys, sealer: &Sealer, entropy: &dyn Entropy) -> Result<Self> {
        let seed: [u8; 32] = entropy.bytes();
        let kept = keys.keep(NAME, sealer.seal(entropy, NAME, &seed)?).await?;
        let seed = sealer.open(NAME, &kept);
        let seed = seed.ok_or_else(|| Error::internal("the key of the audit log does not open"))?;
        Ed25519KeyPair::from_seed_unchecked(seed.expose()).map(Self).map_err(Error::internal)
    }
}

impl HeadSigner for AuditKey {
    fn sign(&self, text: &[u8]) -> Result<Vec<u8>> {
        Ok(self.0.sign(text).as_ref().to_vec())
    }

    fn verifies(&self, text: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0.public_key()).verify(text, signature).is_ok()
    }

    fn public_key(&self) -> Vec<u8> {
        self.0.public_key().as_ref().to_vec()
    }
}
