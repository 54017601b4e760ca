//! What an implementation of the port must keep. The suite panics with the sentence that does not hold.

#![expect(clippy::unwrap_used, reason = "a suite fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a suite acts as a job")]

use k256::{
    ecdsa::SigningKey,
    pkcs8::{EncodePublicKey as _, LineEnding},
};
use sha2::{Digest as _, Sha256};
use wharf_core::{Actor, Kind, RegistryPlace, Timestamp, audit::AuditRecord};

use crate::{NewKey, PublicKey, port::Keys};

const NOW: Timestamp = Timestamp::from_microseconds(1_700_000_000_000_000);

fn record(second: i64) -> AuditRecord {
    AuditRecord::new(NOW.plus_seconds(second), &Actor::job("contract"), "contract")
}

/// A key of its own for each name.
fn new(name: &str) -> NewKey {
    let secret = SigningKey::from_slice(&Sha256::digest(name)).unwrap();
    let pem = secret.verifying_key().to_public_key_pem(LineEnding::LF).unwrap();
    let key = PublicKey::from_pem(&pem).unwrap();
    NewKey { name: name.parse().unwrap(), key, is_primary: false, expires_at: None }
}

/// The suite of [`Keys`], against a store that has this registry, without keys.
pub async fn keys(store: &dyn Keys, registry: &RegistryPlace) {
    let nowhere = RegistryPlace { registry: "nowhere".parse().unwrap(), ..registry.clone() };
    let names = async || {
        let belief = store.belief(registry).await.unwrap();
        belief.keys.into_iter().map(|key| key.name.to_string()).collect::<Vec<_>>()
    };
    assert!(store.belief(&nowhere).await.unwrap().keys.is_empty());
    let missing = store.add_key(&nowhere, new("first"), record(0)).await.unwrap_err();
    assert!(matches!(missing.kind(), Kind::NotFound(_)), "a key of a registry that is not there");

    store.add_key(registry, new("second"), record(0)).await.unwrap();
    store.add_key(registry, new("first"), record(1)).await.unwrap();
    assert_eq!(store.add_key(registry, new("first"), record(1)).await.unwrap_err().kind(), Kind::Exists);
    assert_eq!(names().await, ["second", "first"], "they come in the order in which they were added");
    for name in ["third", "fourth"] {
        let expires_at = Some(NOW.plus_seconds(9));
        let primary = NewKey { is_primary: true, expires_at, ..new(name) };
        store.add_key(registry, primary, record(2)).await.unwrap();
    }
    assert_eq!(names().await, ["fourth", "second", "first", "third"], "the latest primary key comes first");
    let key = store.belief(registry).await.unwrap().keys.swap_remove(0);
    assert_eq!((key.created_at, key.expires_at), (NOW.plus_seconds(2), Some(NOW.plus_seconds(9))));
    assert_eq!(key.key, new("fourth").key);

    for (name, revokes) in [("first", true), ("first", false), ("nobody", false)] {
        let at = (NOW.plus_seconds(3), record(3));
        assert_eq!(store.revoke_key(registry, &name.parse().unwrap(), at).await.unwrap(), revokes, "{name}");
    }
    for (name, key, words) in [
        ("second", "fifth", "the registry has a key called second"),
        ("first", "fifth", "the name first belongs to a revoked key; choose another"),
        ("fifth", "second", "this key is there already, as second"),
        ("fifth", "first", "this key was revoked, as first, and is not believed again"),
    ] {
        let refused = store.add_key(registry, NewKey { key: new(key).key, ..new(name) }, record(4)).await;
        let refused = refused.unwrap_err();
        assert_eq!((refused.kind(), refused.message()), (Kind::Exists, words));
    }
    let keys = store.belief(registry).await.unwrap().keys;
    let revoked: Vec<_> = keys.iter().filter(|key| !key.is_believed()).map(|key| key.name.as_str()).collect();
    assert_eq!(revoked, ["first"], "a revoked key is still shown");
}
