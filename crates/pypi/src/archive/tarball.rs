//! A source distribution: a gzipped tar with one folder at its top (PEP 625, PEP 721).

use std::io::{self, Read};

use flate2::read::GzDecoder;
use tar::{EntryType, PaxExtensions};
use wharf_registry::format::Refusal;

use super::{LARGEST_METADATA, RATIO, SMALL, is_clean};

/// The longest extended header that is read, in bytes.
const LONGEST_HEADER: u64 = 64 * 1024;
/// The most entries.
const MOST_ENTRIES: usize = 200_000;

/// What matters of a source distribution.
#[derive(Debug)]
pub(super) struct Tarball {
    /// `PKG-INFO` of the folder at its top.
    pub(super) package_info: Vec<u8>,
}

impl Tarball {
    /// Reads a source distribution of so many bytes.
    pub(super) fn read(packed: impl Read, size: u64) -> Result<Self, Refusal> {
        let most = SMALL.max(size.saturating_mul(RATIO));
        let mut archive = tar::Archive::new(Bounded { inner: GzDecoder::new(packed), left: most });
        let mut found = Found::default();
        // Raw, for the library reads a long name into memory however long it is.
        for (number, entry) in archive.entries().map_err(broken)?.raw(true).enumerate() {
            if number >= MOST_ENTRIES {
                return Err(invalid(&format!("it has more than {MOST_ENTRIES} entries")));
            }
            found.take(&mut entry.map_err(broken)?)?;
        }
        let package_info = found.package_info.ok_or_else(|| invalid("it has no PKG-INFO in its folder"))?;
        Ok(Self { package_info })
    }
}

/// What was found so far.
#[derive(Default)]
struct Found {
    top: Option<String>,
    package_info: Option<Vec<u8>>,
    /// The name an extended header gave the next entry.
    long_name: Option<Vec<u8>>,
}

impl Found {
    fn take<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>) -> Result<(), Refusal> {
        match entry.header().entry_type() {
            EntryType::GNULongName => {
                let bytes = read_header(entry)?;
                self.long_name = bytes.split(|byte| *byte == 0).next().map(<[u8]>::to_vec);
                Ok(())
            }
            EntryType::XHeader => self.extend(&read_header(entry)?),
            EntryType::GNULongLink | EntryType::XGlobalHeader => read_header(entry).map(drop),
            EntryType::Regular | EntryType::Directory | EntryType::Symlink | EntryType::Link => {
                let header_name = entry.path_bytes().into_owned();
                let name = self.long_name.take().unwrap_or(header_name);
                self.enter(&name, entry)
            }
            _ => Err(invalid("it holds something that is no file, no folder and no link")),
        }
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        for extension in PaxExtensions::new(bytes) {
            let extension = extension?;
            match extension.key_bytes() {
                b"path" => self.long_name = Some(extension.value_bytes().to_vec()),
                b"size" => return Err(invalid("it gives the size of a file twice")),
                key if key.starts_with(b"GNU.sparse") => return Err(invalid("it holds a file with holes")),
                _ => {}
            }
        }
        Ok(())
    }

    fn enter<R: Read>(&mut self, name: &[u8], entry: &mut tar::Entry<'_, R>) -> Result<(), Refusal> {
        let Some(name) = std::str::from_utf8(name).ok().filter(|name| is_clean(name)) else {
            let shown = String::from_utf8_lossy(name);
            return Err(invalid(&format!("it holds a file called {shown:?}")));
        };
        let (top, rest) = name.split_once('/').unwrap_or((name, ""));
        if self.top.get_or_insert_with(|| top.to_owned()) != top {
            return Err(invalid("it must have exactly one folder at its top"));
        }
        if rest != "PKG-INFO" {
            return Ok(());
        }
        if entry.header().entry_type() != EntryType::Regular || self.package_info.is_some() {
            return Err(invalid("it holds PKG-INFO twice, or as a link"));
        }
        if entry.size() > LARGEST_METADATA {
            return Err(invalid("PKG-INFO is larger than 1 MiB"));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(broken)?;
        self.package_info = Some(bytes);
        Ok(())
    }
}

fn read_header<R: Read>(entry: &mut tar::Entry<'_, R>) -> Result<Vec<u8>, Refusal> {
    if entry.size() > LONGEST_HEADER {
        return Err(invalid("it holds a name that is too long"));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(broken)?;
    Ok(bytes)
}

fn invalid(words: &str) -> Refusal {
    Refusal::new(format!("Invalid distribution file: {words}"))
}

fn broken(error: io::Error) -> Refusal {
    invalid(&format!("it cannot be read: {error}"))
}

/// A reader that fails when more comes out than may.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        let more = || io::Error::other("the compression ratio is too high");
        self.left = self.left.checked_sub(length as u64).ok_or_else(more)?;
        Ok(length)
    }
}
