//! What lies inside a distribution, read within bounds and never written anywhere.
//!
//! An archive that two readers could read differently is refused, and so is one that unpacks to far more than it is.

mod readings;
mod record;
mod tarball;
mod zip;

use std::io::{BufRead, Seek};

use wharf_registry::format::{BlobReader, Refusal};

pub(crate) use self::readings::Readings;
use self::{tarball::Tarball, zip::Zip};
use crate::{
    filename::{FileName, Kind},
    metadata::Metadata,
};

/// The largest metadata file that is read, in bytes.
const LARGEST_METADATA: u64 = 1024 * 1024;
/// Up to so much nobody minds how well it was packed, in bytes.
const SMALL: u64 = 64 * 1024 * 1024;
/// What is larger must not unpack to more than so many times its size.
const RATIO: u64 = 50;
/// What nothing may unpack to, in bytes, however large it is: all of it is unpacked to see that it is what it says, which
/// takes a core about a second for each 400 MiB.
const LARGEST_UNPACKED: u64 = 16 * 1024 * 1024 * 1024;

/// The metadata of a distribution: the exact bytes, and what they say.
#[derive(Clone, Debug)]
pub(crate) struct Inside {
    /// `METADATA` of a wheel, `PKG-INFO` of a source distribution.
    pub(crate) bytes: Vec<u8>,
    /// What was read of it.
    pub(crate) metadata: Metadata,
}

/// Reads the metadata of a distribution and holds the whole archive to the rules.
pub(crate) fn read(reader: BlobReader, file: &FileName) -> Result<Inside, Refusal> {
    let size = reader.size();
    inside(reader, size, file)
}

/// The same of bytes that lie anywhere.
pub(crate) fn inside(reader: impl BufRead + Seek, size: u64, file: &FileName) -> Result<Inside, Refusal> {
    let bytes = match file.kind {
        Kind::Wheel => wheel_metadata(Zip::open(reader, size)?, file)?,
        Kind::Source => Tarball::read(reader, size, file.folder())?.package_info,
        Kind::SourceZip => source_metadata(Zip::open(reader, size)?, file.folder())?,
    };
    let metadata = Metadata::parse(&bytes)?;
    metadata.expect(file)?;
    Ok(Inside { bytes, metadata })
}

/// `METADATA` of the one `.dist-info` folder, after a look at what else must be there (binary distribution format).
fn wheel_metadata(mut zip: Zip<impl BufRead + Seek>, file: &FileName) -> Result<Vec<u8>, Refusal> {
    let folder = folder_of(&zip, file)?;
    let path = |name: &str| format!("{folder}/{name}");
    for (name, words) in [
        ("WHEEL", "Invalid distribution file. WHEEL not found at"),
        ("RECORD", "Wheel does not contain the required RECORD file at"),
        ("METADATA", "Wheel does not contain the required METADATA file at"),
    ] {
        if !zip.has(&path(name)) {
            return Err(Refusal::new(format!("{words} {}", path(name))));
        }
    }
    let recorded = zip.read(&path("RECORD"), record::LARGEST)?;
    record::expect_complete(&recorded, zip.names())?;
    zip.read(&path("METADATA"), LARGEST_METADATA)
}

fn folder_of<R: BufRead + Seek>(zip: &Zip<R>, file: &FileName) -> Result<String, Refusal> {
    let top = |name: &str| name.split_once('/').map(|(top, _)| top.to_owned());
    let mut folders: Vec<String> =
        zip.names().filter_map(top).filter(|top| top.ends_with(".dist-info")).collect();
    folders.sort_unstable();
    folders.dedup();
    match folders.as_slice() {
        [folder] if file.belongs_to(folder.trim_end_matches(".dist-info")) => Ok(folder.clone()),
        [folder] => Err(Refusal::new(format!("the wheel's folder {folder} is not that of {:?}", file.text))),
        [] => Err(Refusal::new(
            "Wheel does not contain the required METADATA file: it has no .dist-info folder",
        )),
        _ => Err(Refusal::new("the wheel has more than one .dist-info folder")),
    }
}

/// `PKG-INFO` of the one folder at the top.
fn source_metadata(mut zip: Zip<impl BufRead + Seek>, top: &str) -> Result<Vec<u8>, Refusal> {
    let is_other = |name: &str| name.split('/').next() != Some(top);
    if zip.names().any(is_other) {
        let words = "Invalid distribution file: it must have exactly one folder at its top,";
        return Err(Refusal::new(format!("{words} {top:?}")));
    }
    zip.read(&format!("{top}/PKG-INFO"), LARGEST_METADATA)
}

/// Whether a path says the same to every reader, and stays below where it is unpacked.
fn is_clean(path: &str) -> bool {
    let unclean = |part: &str| part.is_empty() || part == "." || part == "..";
    let path = path.strip_suffix('/').unwrap_or(path);
    !path.contains('\\')
        && !path.contains(char::is_control)
        && !path.contains(':')
        && !path.split('/').any(unclean)
}

/// The most bytes that an archive of so many may unpack to.
fn most_unpacked(packed: u64) -> u64 {
    packed.saturating_mul(RATIO).clamp(SMALL, LARGEST_UNPACKED)
}

/// Refuses an archive that unpacks to far more than it is, or to more than any is.
fn expect_no_bomb(unpacked: u64, packed: u64) -> Result<(), Refusal> {
    if unpacked > most_unpacked(packed) {
        return Err(Refusal::new("Invalid distribution file: the compression ratio is too high"));
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
