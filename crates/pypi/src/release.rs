//! The index of a release: the manifests of its files, as any OCI client can walk it. Derived, and never read back.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, json};
use wharf_core::{MediaType, Result};
use wharf_registry::port::ListedRow;

use crate::{format::File, shape};

/// The index of what is listed, by the names of the files; nothing of nothing.
pub(crate) fn index(listed: &[ListedRow]) -> Result<Option<Bytes>> {
    let mut children = BTreeMap::new();
    let mut about = None;
    for row in listed {
        let file = File::of(row)?;
        about.get_or_insert_with(|| (row.subject.clone(), file.version.clone()));
        children.insert((file.filename.clone(), row.digest.to_string()), child(row, &file)?);
    }
    let Some((project, version)) = about else { return Ok(None) };
    let index = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_INDEX,
        "artifactType": shape::RELEASE,
        "manifests": children.into_values().collect::<Vec<_>>(),
        "annotations": { shape::TITLE: project, "org.opencontainers.image.version": version },
    });
    Ok(Some(index.to_string().into()))
}

fn child(row: &ListedRow, file: &File) -> Result<serde_json::Value> {
    let mut annotations = Map::from_iter([
        (shape::TITLE.to_owned(), file.filename.as_str().into()),
        ("upload-time".to_owned(), row.created_at.written()?.into()),
    ]);
    if let Some(requires_python) = &file.requires_python {
        annotations.insert("requires-python".to_owned(), requires_python.as_str().into());
    }
    Ok(json!({
        "mediaType": row.media_type,
        "digest": row.digest.to_string(),
        "size": row.size,
        "artifactType": shape::DISTRIBUTION,
        "annotations": annotations,
    }))
}
