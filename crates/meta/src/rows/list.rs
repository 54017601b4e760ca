//! Lists as one parameter: an object in JSON, which `json_each` takes apart into keys and values on both databases.
//!
//! So a manifest of ten thousand contents is a handful of statements. What a list is joined with stands behind a CROSS JOIN,
//! which has SQLite read the list first and look the rest up by an index.

use std::collections::BTreeMap;

use serde::Serialize;
use wharf_core::{Digest, Error, ObjectKey, Result, hex};

use crate::session::Row;

/// The digests of a list, as keys.
pub(super) fn digests(digests: &[Digest]) -> Result<String> {
    object(&digests.iter().map(|digest| (hex::encode(&digest.to_row()), 0)).collect::<BTreeMap<_, _>>())
}

/// The keys of objects, as keys. They are in order, so that two who hold their rows wait for one another only once.
pub(super) fn object_keys(keys: &[ObjectKey]) -> Result<String> {
    object(&keys.iter().map(|key| (hex::encode(&key.to_row()), 0)).collect::<BTreeMap<_, _>>())
}

/// A list whose items have names.
pub(super) fn object<K: Ord + Serialize, V: Serialize>(items: &BTreeMap<K, V>) -> Result<String> {
    serde_json::to_string(items).map_err(Error::internal)
}

/// Rows of one key of an object each.
pub(super) fn object_keys_of(rows: Vec<Row>) -> Result<Vec<ObjectKey>> {
    rows.into_iter().map(|mut row| row.parse(|key: Vec<u8>| ObjectKey::from_row(&key))).collect()
}

/// Rows of one digest each.
pub(super) fn digests_of(rows: Vec<Row>) -> Result<Vec<Digest>> {
    rows.into_iter().map(|mut row| row.parse(|digest: Vec<u8>| Digest::from_row(&digest))).collect()
}
