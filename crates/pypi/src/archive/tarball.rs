//! A source distribution: a gzipped tar with one folder at its top (PEP 625, PEP 721).

mod tree;

use std::{
    io::{self, BufRead, Read},
    mem::take,
};

use flate2::bufread::GzDecoder;
use tar::{EntryType, PaxExtensions};
use wharf_registry::format::Refusal;

use self::tree::{Node, Tree};
use super::{LARGEST_METADATA, most_unpacked};

/// The longest extended header that is read, in bytes.
const LONGEST_HEADER: u64 = 64 * 1024;
/// Where the beginning of a long name stands in a header.
const PREFIX: usize = 345;
/// The most entries.
const MOST_ENTRIES: usize = 200_000;

/// What matters of a source distribution.
#[derive(Debug)]
pub(super) struct Tarball {
    /// `PKG-INFO` of the folder at its top.
    pub(super) package_info: Vec<u8>,
}

impl Tarball {
    /// Reads a source distribution of so many bytes, whose folder is called so.
    pub(super) fn read(packed: impl BufRead, size: u64, top: &str) -> Result<Self, Refusal> {
        let bounded = Bounded { inner: GzDecoder::new(packed), left: most_unpacked(size) };
        let mut archive = tar::Archive::new(bounded);
        let mut found = Contents::new(top);
        // Raw, for the library reads a long name into memory however long it is.
        for (number, entry) in archive.entries().map_err(broken)?.raw(true).enumerate() {
            if number >= MOST_ENTRIES {
                return Err(invalid(&format!("it has more than {MOST_ENTRIES} entries")));
            }
            found.take(&mut entry.map_err(broken)?)?;
        }
        expect_end(archive.into_inner())?;
        found.tree.expect_whole()?;
        let package_info = found.package_info.ok_or_else(|| invalid("it has no PKG-INFO in its folder"))?;
        Ok(Self { package_info })
    }
}

/// Refuses what another reader would find behind the end: more entries, or another gzip stream.
fn expect_end(mut rest: Bounded<GzDecoder<impl BufRead>>) -> Result<(), Refusal> {
    let mut buffer = [0; 8 * 1024];
    loop {
        let length = rest.read(&mut buffer).map_err(broken)?;
        if length == 0 {
            break;
        }
        if buffer.iter().take(length).any(|byte| *byte != 0) {
            return Err(invalid("it holds something behind its end"));
        }
    }
    let mut packed = rest.inner.into_inner();
    match packed.fill_buf().map_err(broken)? {
        [] => Ok(()),
        _ => Err(invalid("it holds something behind its end")),
    }
}

/// What was found so far.
struct Contents<'a> {
    top: &'a str,
    tree: Tree<'a>,
    package_info: Option<Vec<u8>>,
    next: Extended,
}

/// What extended headers say of the next entry.
#[derive(Default)]
struct Extended {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
}

impl<'a> Contents<'a> {
    fn new(top: &'a str) -> Self {
        Self { top, tree: Tree::new(top), package_info: None, next: Extended::default() }
    }

    fn take<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>) -> Result<(), Refusal> {
        match entry.header().entry_type() {
            EntryType::GNULongName => set(&mut self.next.name, text(&read_header(entry)?)),
            EntryType::GNULongLink => set(&mut self.next.target, text(&read_header(entry)?)),
            EntryType::XHeader => self.extend(&read_header(entry)?),
            EntryType::XGlobalHeader => expect_harmless(&read_header(entry)?),
            EntryType::Regular | EntryType::Directory | EntryType::Symlink | EntryType::Link => {
                expect_plain(entry)?;
                self.enter(entry)
            }
            _ => Err(invalid("it holds something that is no file, no folder and no link")),
        }
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        for extension in PaxExtensions::new(bytes) {
            let extension = extension?;
            match extension.key_bytes() {
                b"path" => set(&mut self.next.name, extension.value_bytes())?,
                b"linkpath" => set(&mut self.next.target, extension.value_bytes())?,
                key => expect_known_size(key)?,
            }
        }
        Ok(())
    }

    fn enter<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>) -> Result<(), Refusal> {
        let Extended { name, target } = take(&mut self.next);
        let name = name.unwrap_or_else(|| entry.path_bytes().into_owned());
        let name = utf8(&name)?;
        let target = target.or_else(|| entry.link_name_bytes().map(|target| target.into_owned()));
        let target = utf8(target.as_deref().unwrap_or_default())?;
        let kind = entry.header().entry_type();
        let node = match kind {
            EntryType::Directory => Node::Folder,
            EntryType::Symlink => Node::Link(target),
            EntryType::Link => Node::Same(target),
            _ => Node::File,
        };
        self.tree.add(name, node)?;
        if name.strip_prefix(self.top) != Some("/PKG-INFO") {
            return Ok(());
        }
        if kind != EntryType::Regular {
            return Err(invalid("its PKG-INFO is no file"));
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

/// Refuses a header that readers take in different ways: where bytes follow what is no file, and where the old format
/// has the beginning of a name that only the newer one knows.
fn expect_plain<R: Read>(entry: &tar::Entry<'_, R>) -> Result<(), Refusal> {
    let header = entry.header();
    let prefix = header.as_bytes().get(PREFIX).is_some_and(|byte| *byte != 0);
    if prefix && header.as_ustar().is_none() {
        return Err(invalid("it holds a name in two parts in a header that has one"));
    }
    if header.entry_type() != EntryType::Regular && entry.size() != 0 {
        return Err(invalid("it holds a folder or a link with bytes of its own"));
    }
    Ok(())
}

/// Refuses headers for all entries behind them that name or size these.
fn expect_harmless(bytes: &[u8]) -> Result<(), Refusal> {
    for extension in PaxExtensions::new(bytes) {
        match extension?.key_bytes() {
            b"path" | b"linkpath" => return Err(invalid("it gives many files one name")),
            key => expect_known_size(key)?,
        }
    }
    Ok(())
}

fn expect_known_size(key: &[u8]) -> Result<(), Refusal> {
    match key {
        b"size" => Err(invalid("it gives the size of a file twice")),
        key if key.starts_with(b"GNU.sparse") => Err(invalid("it holds a file with holes")),
        _ => Ok(()),
    }
}

/// Keeps what one extended header says; another one that says it too is refused.
fn set(field: &mut Option<Vec<u8>>, value: &[u8]) -> Result<(), Refusal> {
    match field.replace(value.to_vec()) {
        None => Ok(()),
        Some(_) => Err(invalid("it names a file twice")),
    }
}

/// The text before the first NUL.
fn text(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn utf8(bytes: &[u8]) -> Result<&str, Refusal> {
    let shown = || format!("it holds a file called {:?}", String::from_utf8_lossy(bytes));
    std::str::from_utf8(bytes).map_err(|_| invalid(&shown()))
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
