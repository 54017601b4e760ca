//! A folder of installed plugins, as memflow's own clients lay it out: each file beside its metadata.
//!
//! A file gets its name when it is whole and on the disk, so that whoever looks finds the old one or the new one.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use serde_json::json;
use wharf_core::{Error, Kind, Result};
use wharf_memflow::{descriptor::Descriptor, file_name};
use wharf_signing::Signature;

use super::candidate::{Candidate, PluginFile};

/// A folder of plugins.
pub(super) struct Folder(PathBuf);

/// What is kept beside a plugin.
pub(super) struct Beside<'a> {
    pub(super) signature: &'a Signature,
    pub(super) created_at: &'a str,
}

#[expect(clippy::disallowed_methods, reason = "the user names this folder")]
impl Folder {
    /// The folder at a path, made where it is not there.
    ///
    /// # Errors
    /// `Invalid` where it cannot be made.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let failed =
            |error| Error::new(Kind::Invalid, format!("{} cannot be made", path.display())).because(error);
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(path)
            .map_err(|error: io::Error| failed(error))?;
        Ok(Self(path.to_owned()))
    }

    /// Every plugin in it that can be read, one after the other.
    ///
    /// # Errors
    /// `Invalid` where it cannot be looked into.
    pub(super) fn plugins(&self) -> Result<impl Iterator<Item = Candidate>> {
        let files = PluginFile::all(std::slice::from_ref(&self.0))?;
        Ok(files.into_iter().filter_map(|file| file.read().ok().flatten()))
    }

    /// What lies under the name that a plugin would get, if it is that.
    pub(super) fn find(&self, descriptor: &Descriptor, plugin: &wharf_core::Digest) -> Option<Candidate> {
        let paths = [self.0.join(file_name(descriptor, plugin))];
        let found = PluginFile::all(&paths).ok()?.first()?.read().ok()??;
        (found.digest == *plugin).then_some(found)
    }

    /// Installs a plugin under the name that memflow's clients give it.
    ///
    /// # Errors
    /// `Invalid` where the folder takes nothing.
    pub(super) fn install(
        &self,
        descriptor: &Descriptor,
        plugin: &Candidate,
        beside: &Beside<'_>,
    ) -> Result<()> {
        let path = self.0.join(file_name(descriptor, &plugin.digest));
        let metadata = json!({
            "digest": plugin.digest.hex(),
            "signature": beside.signature.to_string(),
            "created_at": beside.created_at,
            "descriptors": plugin.descriptors,
        });
        let metadata = serde_json::to_vec_pretty(&metadata).map_err(Error::internal)?;
        let failed =
            |error| Error::new(Kind::Invalid, format!("{} cannot be written", path.display())).because(error);
        self.put(&path.with_extension("meta"), &metadata).map_err(failed)?;
        self.put(&path, &plugin.bytes).map_err(failed)
    }

    /// The signature that lies beside a file.
    pub(super) fn signature_beside(file: &Path) -> Option<String> {
        let metadata = fs::read(file.with_extension("meta")).ok()?;
        let metadata: serde_json::Value = serde_json::from_slice(&metadata).ok()?;
        metadata.get("signature")?.as_str().map(str::to_owned)
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let fresh = self.0.join(format!(".{name}.{}", std::process::id()));
        let written = write(&fresh, bytes).and_then(|()| fs::rename(&fresh, path));
        if written.is_err() {
            let _ = fs::remove_file(&fresh);
        }
        written.and_then(|()| File::open(&self.0)?.sync_all())
    }
}

#[expect(clippy::disallowed_methods, reason = "the user names this folder")]
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
