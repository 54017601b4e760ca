//! A file that may be a plugin: its bytes, its digest, and what it says of itself.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use wharf_core::{Algorithm, Digest, Error, Kind, Result};
use wharf_hash::digest;
use wharf_memflow::{
    LARGEST,
    descriptor::{self, Descriptor},
};

use crate::output::printable;

/// A plugin's file, read whole.
pub(super) struct Candidate {
    pub(super) bytes: Bytes,
    pub(super) digest: Digest,
    pub(super) descriptors: Vec<Descriptor>,
}

/// A file that was found where the user said.
pub(super) struct PluginFile {
    pub(super) path: PathBuf,
    /// Whether the user named it itself, and not its folder.
    pub(super) by: By,
}

/// How a file was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Name,
    Folder,
}

impl Candidate {
    /// Reads what the bytes of a file say.
    ///
    /// # Errors
    /// `Invalid` for what is no plugin, in words.
    pub(super) fn of(bytes: Bytes) -> Result<Self> {
        let descriptors = descriptor::read(&bytes)?;
        Ok(Self { digest: digest(Algorithm::Sha256, &bytes), bytes, descriptors })
    }

    /// What it holds, for people.
    pub(super) fn described(&self) -> String {
        let described: Vec<String> = self.descriptors.iter().map(described).collect();
        described.join(", ")
    }
}

/// A plugin in a line: its name, its version and what it is for.
pub(super) fn described(descriptor: &Descriptor) -> String {
    let Descriptor { name, version, file_type, architecture, .. } = descriptor;
    let architecture = architecture.word().unwrap_or("another processor");
    printable(&format!("{name} {version} ({} {architecture})", file_type.word()))
}

impl PluginFile {
    /// The files that the user means: those named, and those right in the folders that are named, in order. What begins
    /// with a dot is nobody's plugin.
    ///
    /// # Errors
    /// `Invalid` where one cannot be looked at.
    #[expect(clippy::disallowed_methods, reason = "the user names these files")]
    pub(super) fn all(paths: &[PathBuf]) -> Result<Vec<Self>> {
        let mut found = Vec::new();
        for path in paths {
            let unreadable = |error| cannot_be_read(path, error);
            if !std::fs::metadata(path).map_err(unreadable)?.is_dir() {
                found.push(Self { path: path.clone(), by: By::Name });
                continue;
            }
            let mut inside = Vec::new();
            for entry in std::fs::read_dir(path).map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                let hidden = entry.file_name().to_string_lossy().starts_with('.');
                if !hidden && std::fs::metadata(entry.path()).is_ok_and(|known| known.is_file()) {
                    inside.push(entry.path());
                }
            }
            inside.sort();
            found.extend(inside.into_iter().map(|path| Self { path, by: By::Folder }));
        }
        Ok(found)
    }

    /// Reads it; nothing, if it only lies in a folder and is not of a kind that plugins are of.
    ///
    /// # Errors
    /// `Invalid` for what is no plugin, and `TooLarge`.
    pub(super) fn read(&self) -> Result<Option<Candidate>> {
        let bytes = read(&self.path)?;
        if self.by == By::Folder && !descriptor::is_binary(&bytes) {
            return Ok(None);
        }
        Candidate::of(bytes).map(Some)
    }
}

/// A whole file, if a plugin may be as large.
#[expect(clippy::disallowed_methods, reason = "the user names these files")]
fn read(path: &Path) -> Result<Bytes> {
    let unreadable = |error| cannot_be_read(path, error);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(LARGEST as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > LARGEST {
        return Err(Error::new(Kind::TooLarge, format!("it has more than {} MiB", LARGEST >> 20)));
    }
    Ok(bytes.into())
}

fn cannot_be_read(path: &Path, error: std::io::Error) -> Error {
    Error::new(Kind::Invalid, format!("{} cannot be read", path.display())).because(error)
}
