//! A file in the user's home that holds what is nobody else's business: written so that a reader sees the old one or the
//! new one, whole, and nobody but its owner sees either.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

/// Puts a file of these bytes, and a line end, in the place of an older one. A link that stood there keeps pointing.
#[expect(clippy::disallowed_methods, reason = "the file lies in the user's home")]
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let fresh = folder.join(format!(".{name}.{}", std::process::id()));
    let written = write(&fresh, bytes).and_then(|()| fs::rename(&fresh, &path));
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    written
}

#[expect(clippy::disallowed_methods, reason = "the file lies in the user's home")]
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    writeln!(file)?;
    file.sync_all()
}
