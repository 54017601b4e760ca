//! What every sample holds: the descriptors and their texts, at some address.

use super::Plugin;

/// Bytes, put together one number after the other, little end first.
#[derive(Default)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Bytes {
    pub(super) fn u16(&mut self, value: u16) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    /// As many bytes as a pointer has.
    pub(super) fn word(&mut self, wide: bool, value: u64) -> &mut Self {
        if wide { self.u64(value) } else { self.u32(u32::try_from(value).unwrap()) }
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Zeros up to a length.
    pub(super) fn pad_to(&mut self, length: usize) -> &mut Self {
        assert!(self.0.len() <= length, "{} bytes do not fit into {length}", self.0.len());
        self.0.resize(length, 0);
        self
    }

    /// So many zeros.
    pub(super) fn skip(&mut self, length: usize) -> &mut Self {
        self.raw(&vec![0; length])
    }

    /// Zeros up to a multiple.
    pub(super) fn align(&mut self, multiple: usize) -> &mut Self {
        self.pad_to(self.0.len().next_multiple_of(multiple))
    }

    pub(super) fn set_word(&mut self, wide: bool, offset: usize, value: u64) {
        let mut bytes = Self::default();
        bytes.word(wide, value);
        self.0[offset..offset + bytes.0.len()].copy_from_slice(&bytes.0);
    }
}

/// Descriptors and texts.
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    /// The symbols with the offsets of their descriptors, plugins in the order of their bytes.
    pub(super) symbols: Vec<(String, usize)>,
    /// Where pointers lie, and to which offset they lead.
    pub(super) pointers: Vec<(usize, usize)>,
}

impl Content {
    /// The pointers are yet to be written.
    pub(super) fn of(plugins: &[Plugin], wide: bool) -> Self {
        let width = if wide { 8 } else { 4 };
        let mut bytes = Bytes::default();
        let (mut symbols, mut texts, mut pointers) = (Vec::new(), Vec::new(), Vec::new());
        for plugin in plugins {
            bytes.align(8);
            let start = bytes.0.len();
            symbols.push((plugin.symbol(), start));
            bytes.u32(plugin.plugin_version.cast_unsigned()).u32(0).word(wide, 0).word(wide, 0);
            for text in [&plugin.name[..], plugin.version.as_bytes(), plugin.description.as_bytes()] {
                texts.push((bytes.0.len(), text.to_vec()));
                bytes.word(wide, 0).word(wide, text.len() as u64);
            }
            bytes.pad_to(start + 8 + 11 * width);
        }
        for (slot, text) in texts {
            // A text ends where its length says, and the next one follows at once.
            pointers.push((slot, bytes.0.len()));
            bytes.raw(&text);
        }
        bytes.align(8);
        symbols.sort();
        Self { bytes: bytes.0, symbols, pointers }
    }

    /// With so many symbols more that announce nothing.
    pub(super) fn among(mut self, others: usize) -> Self {
        self.symbols.extend((0..others).map(|number| (format!("other_symbol_{number:07}"), 0)));
        self
    }
}
