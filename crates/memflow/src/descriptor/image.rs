//! What the three formats have in common: bytes at addresses, exported symbols, and pointers that the loader would fill
//! in.

use std::collections::{BTreeMap, BTreeSet};

use object::{Endian as _, Endianness};
use wharf_registry::format::Refusal;

use super::{Architecture, FileType, MOST_DESCRIPTORS, PluginKind};

/// The most segments: what lies at an address is looked for in one after the other.
const MOST_SEGMENTS: usize = 256;
/// No descriptor is longer than this, in bytes.
const LONGEST_DESCRIPTOR: u64 = 0x60;
/// The longest symbol of a plugin, in bytes.
pub(super) const LONGEST_SYMBOL: usize = 256;
/// What a plugin's symbols begin with.
const PREFIXES: [(&str, PluginKind); 2] =
    [("MEMFLOW_CONNECTOR_", PluginKind::Connector), ("MEMFLOW_OS_", PluginKind::Os)];

/// A file as the loader would lay it out, as far as plugins need it.
pub(super) struct Image<'a> {
    pub(super) file_type: FileType,
    pub(super) architecture: Architecture,
    pub(super) width: Width,
    pub(super) endian: Endianness,
    pub(super) segments: Vec<Segment<'a>>,
    pub(super) exports: Vec<Export>,
    /// What the loader writes, by address: pointers whose place in the file holds something else.
    pub(super) relocated: BTreeMap<u64, u64>,
}

/// How many bytes a pointer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Four,
    Eight,
}

impl Width {
    pub(super) const fn bytes(self) -> u64 {
        match self {
            Self::Four => 4,
            Self::Eight => 8,
        }
    }
}

/// Bytes of the file at an address; what the loader fills with zeros is not among them.
pub(super) struct Segment<'a> {
    pub(super) address: u64,
    pub(super) bytes: &'a [u8],
}

/// A symbol that announces a plugin.
pub(super) struct Export {
    pub(super) name: String,
    pub(super) kind: PluginKind,
    pub(super) address: u64,
}

impl Export {
    /// The export of a symbol, if it announces a plugin. The bytes may go on after the symbol's end, which is a zero;
    /// nobody looks further than the longest symbol.
    pub(super) fn of(symbol: &[u8], address: u64) -> Option<Self> {
        let kind = PREFIXES.iter().find(|(prefix, _)| symbol.starts_with(prefix.as_bytes()))?.1;
        let symbol = symbol.get(..LONGEST_SYMBOL).unwrap_or(symbol);
        let name = symbol.split(|byte| *byte == 0).next()?;
        Some(Self { name: str::from_utf8(name).ok()?.to_owned(), kind, address })
    }
}

/// Where descriptors lie. Files have millions of pointers, and most are none of theirs.
pub(super) struct Slots(BTreeSet<u64>);

impl Slots {
    pub(super) fn of(exports: &[Export]) -> Self {
        Self(exports.iter().map(|export| export.address).collect())
    }

    /// Whether an address lies in a descriptor.
    pub(super) fn hold(&self, address: u64) -> bool {
        self.0.range(..=address).next_back().is_some_and(|start| address - start < LONGEST_DESCRIPTOR)
    }
}

/// Adds a segment, and refuses a file of more than any linker makes.
pub(super) fn lay<'a>(segments: &mut Vec<Segment<'a>>, segment: Segment<'a>) -> Result<(), Refusal> {
    segments.push(segment);
    if segments.len() > MOST_SEGMENTS {
        return Err(Refusal::new(format!("the file has more than {MOST_SEGMENTS} segments")));
    }
    Ok(())
}

/// Refuses a file as soon as it exports more plugins than any does.
pub(super) fn push(exports: &mut Vec<Export>, export: Option<Export>) -> Result<(), Refusal> {
    exports.extend(export);
    if exports.len() > MOST_DESCRIPTORS {
        return Err(Refusal::new(format!("the file holds more than {MOST_DESCRIPTORS} plugins")));
    }
    Ok(())
}

impl<'a> Image<'a> {
    /// The bytes from an address on, to the end of its segment.
    pub(super) fn behind(&self, address: u64) -> Option<&'a [u8]> {
        behind(&self.segments, address)
    }

    /// A 32-bit number.
    pub(super) fn number(&self, address: u64) -> Option<u32> {
        let bytes = *self.behind(address)?.first_chunk()?;
        Some(self.endian.read_u32(bytes))
    }

    /// A pointer or a length, as the loader leaves it.
    pub(super) fn word(&self, address: u64) -> Option<u64> {
        if let Some(value) = self.relocated.get(&address) {
            return Some(*value);
        }
        match self.width {
            Width::Four => self.number(address).map(u64::from),
            Width::Eight => {
                let bytes = *self.behind(address)?.first_chunk()?;
                Some(self.endian.read_u64(bytes))
            }
        }
    }
}

/// The bytes from an address on, to the end of its segment.
pub(super) fn behind<'a>(segments: &[Segment<'a>], address: u64) -> Option<&'a [u8]> {
    segments.iter().find_map(|segment| {
        #[cfg(test)]
        super::hostile::count();
        let offset = usize::try_from(address.checked_sub(segment.address)?).ok()?;
        segment.bytes.get(offset..).filter(|rest| !rest.is_empty())
    })
}
