//! The readers of what strangers send, as the fuzz targets call them: without a registry around.

use std::io::Cursor;

use crate::{archive as archives, filename::FileName, metadata::Metadata};

/// The exact metadata in a distribution of this name; nothing of what is refused.
pub fn archive(name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let file = FileName::parse(name).ok()?;
    archives::inside(Cursor::new(bytes), bytes.len() as u64, &file).ok().map(|inside| inside.bytes)
}

/// The fields of a metadata file by their names in the form, in order; nothing of what is refused.
pub fn metadata(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    Metadata::parse(bytes).ok().map(Metadata::into_fields)
}

/// What a file is of.
#[derive(Debug)]
pub struct NamedFile {
    /// The project, in its normal form.
    pub project: String,
    /// The version, in its normal form.
    pub version: String,
}

/// What a file is of, by its name in its normal form.
pub fn filename(text: &str) -> Option<NamedFile> {
    let file = FileName::parse(text).ok()?;
    file.expect_normal().ok()?;
    Some(NamedFile { project: file.project.to_string(), version: file.version.to_string() })
}
