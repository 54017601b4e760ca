//! A variant: one descriptor of one file, as a registry lists it, with the signature its clients are told of.

use std::collections::HashMap;

use serde::Serialize;
use wharf_core::{Actor, Digest, Error, Reference, Result, Timestamp, action::Pull};
use wharf_registry::{Referrer, Registry, port::FactRow};
use wharf_signing::Trust;

use crate::{
    artifact::{KEY_ANNOTATION, SIGNATURE},
    descriptor::Descriptor,
    plugins::text,
};

/// The most signatures of a plugin that are looked at, beside its first.
const MOST_SIGNATURES: usize = 32;

/// One descriptor of one file.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    pub(crate) row: FactRow,
    pub(crate) file: Digest,
    pub(crate) size: u64,
    pub(crate) descriptor: Descriptor,
}

/// A signature, and the id of the key that made it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Signed {
    pub(crate) key: String,
    pub(crate) signature: String,
}

/// A signature, and whether it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CheckedSignature {
    pub(crate) signature: String,
    pub(crate) verified: bool,
}

impl Variant {
    /// Reads what was found of a plugin.
    pub(crate) fn of(row: FactRow) -> Result<Self> {
        let attribute = |name: &str| row.attributes.get(name).cloned().unwrap_or_default();
        let descriptor = serde_json::from_value(attribute("descriptor")).map_err(Error::internal)?;
        let file = attribute("file");
        let digest = file.get("digest").and_then(|digest| digest.as_str()?.parse().ok());
        let size = file.get("size").and_then(serde_json::Value::as_u64);
        let (file, size) =
            digest.zip(size).ok_or_else(|| Error::internal("a plugin was stored without its file"))?;
        Ok(Self { row, file, size, descriptor })
    }

    pub(crate) const fn created_at(&self) -> Timestamp {
        self.row.created_at
    }

    /// The signature that clients are told of: the one by the first key that is believed and signed. One by a key that
    /// was revoked is shown to nobody.
    pub(crate) async fn signature(
        &self,
        registry: &Registry,
        actor: &Actor,
        trust: &Trust,
    ) -> Result<CheckedSignature> {
        let (own, by) = self.own();
        match (by, trust.believed().next()) {
            (Some(by), Some(first)) if by == first => {
                return Ok(CheckedSignature { signature: own, verified: true });
            }
            (None, None) => return Ok(CheckedSignature { signature: own, verified: false }),
            _ => {}
        }
        Ok(self.shown(&self.signatures(registry, actor, trust).await?))
    }

    /// What clients are told, of all signatures.
    pub(crate) fn shown(&self, signatures: &[Signed]) -> CheckedSignature {
        let (own, by) = self.own();
        match (signatures.first(), by) {
            (Some(first), _) => CheckedSignature { signature: first.signature.clone(), verified: true },
            (None, None) => CheckedSignature { signature: own, verified: false },
            (None, Some(_)) => CheckedSignature::default(),
        }
    }

    /// Every signature by a key that is believed, in the order of the keys.
    pub(crate) async fn signatures(
        &self,
        registry: &Registry,
        actor: &Actor,
        trust: &Trust,
    ) -> Result<Vec<Signed>> {
        let keys: Vec<&str> = trust.believed().collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let (own, by) = self.own();
        let mut known = self.others(registry, actor, &keys).await?;
        known.extend(by.map(|by| Signed { key: by.to_owned(), signature: own }));
        Ok(keys.iter().filter_map(|key| known.iter().find(|signed| signed.key == *key).cloned()).collect())
    }

    /// The signature that it brought, and the key that made it, where somebody could tell.
    fn own(&self) -> (String, Option<&str>) {
        let (own, by) = (text(&self.row.attributes, "signature"), text(&self.row.attributes, "key"));
        (own.unwrap_or_default().to_owned(), by)
    }

    /// The signatures that came later, by the ids of their keys. Only those that were read when they came: what a list of
    /// referrers says of them anybody could have written.
    async fn others(&self, registry: &Registry, actor: &Actor, keys: &[&str]) -> Result<Vec<Signed>> {
        let grant = registry.grant::<Pull>(actor, &self.row.place).await?;
        let page = registry.referrers(&grant, self.row.digest, Some(SIGNATURE.to_owned()), None).await?;
        let mut found = Vec::new();
        let may_count =
            |referrer: &&Referrer| by_key(referrer).is_some_and(|key| keys.contains(&key.as_str()));
        for referrer in page.entries.iter().filter(may_count).take(MOST_SIGNATURES) {
            for fact in registry.facts_of(&grant, &Reference::Digest(referrer.digest)).await? {
                let is_ours = fact.cursor.subject == self.file.hex();
                let read = text(&fact.attributes, "key").zip(text(&fact.attributes, "signature"));
                let signed =
                    |(key, text): (&str, &str)| Signed { key: key.to_owned(), signature: text.to_owned() };
                found.extend(read.filter(|_| is_ours).map(signed));
            }
        }
        Ok(found)
    }
}

/// By whose key a signature says that it is.
fn by_key(referrer: &Referrer) -> Option<String> {
    let annotations = referrer.annotations.as_ref()?;
    let mut annotations: HashMap<String, String> = serde_json::from_str(annotations.get()).ok()?;
    annotations.remove(KEY_ANNOTATION)
}
