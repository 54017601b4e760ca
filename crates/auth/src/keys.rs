//! The ring of keys that sign bearer tokens: P-256, sealed in the database, rotated, shared by all nodes.

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use wharf_core::{Entropy, Error, Kind, Result, Timestamp};

use crate::{
    TOKEN_LIFETIME,
    port::{KeyRow, Keys},
    seal::Sealer,
};

/// A key signs for so long, in seconds.
const SIGNS_FOR: i64 = 30 * 24 * 3600;
/// What keys are sealed for.
const PURPOSE: &str = "signing_key";
/// The value that tells the right sealing key from a wrong one.
const CHECK: &str = "sealing_check";

/// A key, ready for use.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) encoding: EncodingKey,
    pub(crate) decoding: DecodingKey,
    created_at: Timestamp,
}

pub(crate) struct KeyRing {
    store: Arc<dyn Keys>,
    sealer: Sealer,
    entropy: Arc<dyn Entropy>,
    /// Newest first.
    keys: RwLock<Vec<Arc<Key>>>,
    asked: Mutex<Option<Instant>>,
}

impl KeyRing {
    pub(crate) async fn open(
        store: Arc<dyn Keys>,
        sealer: Sealer,
        entropy: Arc<dyn Entropy>,
        now: Timestamp,
    ) -> Result<Self> {
        let ring = Self { store, sealer, entropy, keys: RwLock::default(), asked: Mutex::default() };
        ring.check_sealing_key().await?;
        ring.tend(now).await?;
        Ok(ring)
    }

    /// Refuses a sealing key other than the one this database was first opened with.
    async fn check_sealing_key(&self) -> Result<()> {
        let mine = self.sealer.seal(self.entropy.as_ref(), CHECK, CHECK.as_bytes())?;
        let kept = self.store.keep(CHECK, mine).await?;
        if self.sealer.open(CHECK, &kept).is_some() {
            return Ok(());
        }
        let message = "the secret key is not the one this database was sealed with: give the old one";
        Err(Error::new(Kind::Invalid, message))
    }

    /// Reads the ring again, adds a key if the newest is old, forgets those that are of no use.
    pub(crate) async fn tend(&self, now: Timestamp) -> Result<()> {
        self.reload().await?;
        let fresh = self.newest().is_some_and(|key| key.created_at > now.plus_seconds(-SIGNS_FOR));
        if !fresh {
            self.store.add(self.generate(now)?).await?;
            self.reload().await?;
        }
        self.store.remove_before(now.plus_seconds(-SIGNS_FOR - 2 * TOKEN_LIFETIME - 3600)).await
    }

    /// What seals with the key that the ring's own are sealed with.
    pub(crate) const fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// The key to sign with.
    pub(crate) fn newest(&self) -> Option<Arc<Key>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).first().cloned()
    }

    /// The key of an id; asks the database when another node may have made it.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<Arc<Key>>> {
        if let Some(key) = self.known(id) {
            return Ok(Some(key));
        }
        // Only an id of ours costs a read: 22 characters of base64url.
        if id.len() != 22 || BASE64_URL_SAFE_NO_PAD.decode(id).is_err() {
            return Ok(None);
        }
        if self.may_ask() {
            self.reload().await?;
        }
        Ok(self.known(id))
    }

    /// Whether a second has passed since the database was last asked for an id nobody knows.
    fn may_ask(&self) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let may = asked.is_none_or(|asked| asked.elapsed() >= Duration::from_secs(1));
        if may {
            *asked = Some(Instant::now());
        }
        may
    }

    fn known(&self, id: &str) -> Option<Arc<Key>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.iter().find(|key| key.id == id).cloned()
    }

    async fn reload(&self) -> Result<()> {
        let rows = self.store.keys().await?;
        let keys = rows.into_iter().map(|row| self.unseal(row)).collect::<Result<_>>()?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    fn unseal(&self, row: KeyRow) -> Result<Arc<Key>> {
        let KeyRow { id, public, sealed, created_at } = row;
        let private = self
            .sealer
            .open(PURPOSE, &sealed)
            .ok_or_else(|| Error::internal("a signing key does not open under the secret key"))?;
        let encoding = EncodingKey::from_ec_der(private.expose());
        Ok(Arc::new(Key { id, encoding, decoding: DecodingKey::from_ec_der(&public), created_at }))
    }

    fn generate(&self, now: Timestamp) -> Result<KeyRow> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(Error::internal)?;
        let private = pair.to_pkcs8v1().map_err(Error::internal)?;
        let id: [u8; 16] = self.entropy.bytes();
        Ok(KeyRow {
            id: BASE64_URL_SAFE_NO_PAD.encode(id),
            public: pair.public_key().as_ref().to_vec(),
            sealed: self.sealer.seal(self.entropy.as_ref(), PURPOSE, private.as_ref())?,
            created_at: now,
        })
    }
}
