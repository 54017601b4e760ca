//! Walking through a packaged chart, entry by entry: what it inflates to, how many entries it has and how they are named has
//! bounds, and what two readers could take for two things is refused.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use tar::{Entry, EntryType, PaxExtensions};
use wharf_registry::format::Refusal;

/// The most bytes an archive may inflate to.
const LARGEST: u64 = 100 * 1024 * 1024;
/// The longest extended header that is read, in bytes.
pub(super) const LONGEST_HEADER: u64 = 64 * 1024;
/// The most entries.
const MOST_ENTRIES: usize = 20_000;

/// An entry of a packaged chart that is read as it comes.
pub(super) type Inflated<'a, R> = Entry<'a, Bounded<MultiGzDecoder<R>>>;

/// Shows every file to a visitor, by its name as it stands there.
pub(super) fn walk<R: Read>(
    packaged: R,
    mut visit: impl FnMut(&[u8], &mut Inflated<'_, R>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let inflated = Bounded { inner: MultiGzDecoder::new(packaged), left: LARGEST };
    let (mut archive, mut long_name) = (tar::Archive::new(inflated), None);
    // Raw, for the library reads a long name into memory however long it is.
    for (number, entry) in archive.entries().map_err(broken)?.raw(true).enumerate() {
        let mut entry = entry.map_err(broken)?;
        if number >= MOST_ENTRIES {
            return Err(Refusal::new(format!("the packaged chart has more than {MOST_ENTRIES} entries")));
        }
        match entry.header().entry_type() {
            EntryType::GNULongName | EntryType::XHeader if long_name.is_some() => {
                return Err(Refusal::new("the packaged chart names a file twice"));
            }
            EntryType::GNULongName | EntryType::XHeader => long_name = Some(extended_name(&mut entry)?),
            EntryType::XGlobalHeader => expect_comment(&mut entry)?,
            EntryType::Directory => long_name = None,
            EntryType::Regular => {
                let header_name = entry.path_bytes().into_owned();
                visit(&long_name.take().flatten().unwrap_or(header_name), &mut entry)?;
            }
            _ => {
                return Err(Refusal::new("the packaged chart holds something that is no file and no folder"));
            }
        }
    }
    Ok(())
}

pub(super) fn broken(error: io::Error) -> Refusal {
    Refusal::new(format!("the packaged chart cannot be read: {error}"))
}

/// The name an extended header gives the entry after it, if it gives one.
fn extended_name<R: Read>(entry: &mut Entry<'_, R>) -> Result<Option<Vec<u8>>, Refusal> {
    let bytes = read_header(entry)?;
    if entry.header().entry_type() == EntryType::GNULongName {
        return Ok(Some(bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()));
    }
    let mut name = None;
    for extension in PaxExtensions::new(&bytes) {
        let extension = extension?;
        match extension.key_bytes() {
            b"path" => name = Some(extension.value_bytes().to_vec()),
            b"size" => return Err(Refusal::new("the packaged chart gives the size of a file twice")),
            key if key.starts_with(b"GNU.sparse") => {
                return Err(Refusal::new("the packaged chart holds a file with holes"));
            }
            _ => {}
        }
    }
    Ok(name)
}

/// A header for all files may say where they come from, and nothing that changes them.
fn expect_comment<R: Read>(entry: &mut Entry<'_, R>) -> Result<(), Refusal> {
    let bytes = read_header(entry)?;
    for extension in PaxExtensions::new(&bytes) {
        if extension?.key_bytes() != b"comment" {
            return Err(Refusal::new("the packaged chart holds a header that changes every file"));
        }
    }
    Ok(())
}

fn read_header<R: Read>(entry: &mut Entry<'_, R>) -> Result<Vec<u8>, Refusal> {
    if entry.size() > LONGEST_HEADER {
        return Err(Refusal::new("the packaged chart holds a name that is too long"));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A reader that fails when more comes out than may.
pub(super) struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(length as u64)
            .ok_or_else(|| io::Error::other("it inflates to more than 100 MiB"))?;
        Ok(length)
    }
}
