//! The keys whose signatures a registry believes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_core::{RegistryPlace, Result, duty::Administer};
use wharf_signing::{KeyName, NewKey as KeyToBelieve, PublicKey, RegistryKey};

use crate::{
    call::Call,
    input::{Body, Wish},
    output::{Created, Done, Listed},
    route::{Route, delete, get, post},
    time::{read, written},
};

pub(crate) fn routes() -> Vec<Route> {
    const KEYS: &str = "/orgs/{org}/registries/{registry}/keys";
    vec![
        get(KEYS, "List the keys that the registry believes, and those it once did", list),
        post(KEYS, "Let the registry believe a key", create),
        delete(
            "/orgs/{org}/registries/{registry}/keys/{key}",
            "Revoke a key: no signature by it counts",
            revoke,
        ),
    ]
}

/// A key that a registry believes, or once did.
#[derive(Serialize, ToSchema)]
pub(crate) struct Key {
    /// Its name within the registry.
    name: String,
    /// What signatures name it by.
    id: String,
    /// What kind of key it is.
    algorithm: KeyAlgorithm,
    /// The public key.
    pem: String,
    /// Whether clients are told of it first.
    primary: bool,
    /// Since when it is believed.
    created_at: String,
    /// Until when what is signed by it is taken in; what was taken in before stays good.
    expires_at: Option<String>,
    /// When it was revoked.
    revoked_at: Option<String>,
}

/// A kind of key.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KeyAlgorithm {
    /// ECDSA on secp256k1.
    Secp256k1,
    /// ECDSA on P-256.
    P256,
    /// Ed25519.
    Ed25519,
}

impl From<wharf_signing::KeyAlgorithm> for KeyAlgorithm {
    fn from(algorithm: wharf_signing::KeyAlgorithm) -> Self {
        match algorithm {
            wharf_signing::KeyAlgorithm::Secp256k1 => Self::Secp256k1,
            wharf_signing::KeyAlgorithm::P256 => Self::P256,
            wharf_signing::KeyAlgorithm::Ed25519 => Self::Ed25519,
        }
    }
}

/// A key to be believed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    /// Its name within the registry: up to 64 letters, digits, `.`, `_` and `-`.
    name: String,
    /// The public key in PEM: secp256k1, P-256 or Ed25519.
    pem: String,
    /// Whether clients are told of it first, and no more of the one before.
    #[serde(default)]
    primary: bool,
    /// Until when what is signed by it is taken in; for ever if not said.
    expires_at: Option<String>,
}

async fn list(call: Call, wish: Wish) -> Result<Listed<Key>> {
    let place = call.registry()?;
    call.face.registry.grant_registry(&call.actor, &place).await?;
    let trust = call.face.signing.trust(&place).await?;
    let mut keys: Vec<&RegistryKey> = trust.keys().iter().collect();
    keys.sort_by(|one, other| one.name.cmp(&other.name));
    let after =
        keys.into_iter().filter(|key| wish.last.as_deref().is_none_or(|last| key.name.as_str() > last));
    let items = after.take(wish.limit.get() + 1).map(of).collect::<Result<_>>()?;
    Ok(Listed::of(items, &wish, &call.path, |key| key.name.clone()))
}

async fn create(call: Call, Body(new): Body<NewKey>) -> Result<Created<Key>> {
    let RegistryPlace { organisation, registry } = call.registry()?;
    let grant = call.face.auth.grant_organisation::<Administer>(&call.actor, &organisation).await?;
    let name: KeyName = new.name.parse()?;
    let expires_at = new.expires_at.as_deref().map(read).transpose()?;
    let key = PublicKey::from_pem(&new.pem)?;
    let key = KeyToBelieve { name: name.clone(), key, is_primary: new.primary, expires_at };
    let added = call.face.signing.add_key(&grant, &registry, key).await?;
    let location = format!("/api/v1/orgs/{organisation}/registries/{registry}/keys/{name}");
    Ok(Created { location, thing: of(&added)? })
}

async fn revoke(call: Call, (): ()) -> Result<Done> {
    let RegistryPlace { organisation, registry } = call.registry()?;
    let grant = call.face.auth.grant_organisation::<Administer>(&call.actor, &organisation).await?;
    call.face.signing.revoke_key(&grant, &registry, &call.parameter("key")?).await.map(|()| Done)
}

fn of(key: &RegistryKey) -> Result<Key> {
    Ok(Key {
        name: key.name.to_string(),
        id: key.key.id().to_owned(),
        algorithm: key.key.algorithm().into(),
        pem: key.key.pem().to_owned(),
        primary: key.is_primary,
        created_at: written(key.created_at)?,
        expires_at: key.expires_at.map(written).transpose()?,
        revoked_at: key.revoked_at.map(written).transpose()?,
    })
}
