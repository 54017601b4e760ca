//! A dynamic library of one segment, and universal files (`mach-o/loader.h`, `mach-o/fat.h`, `mach-o/fixup-chains.h`).

use super::{
    Plugin, Pointers,
    content::{Bytes, Content},
    is_wide,
};
use crate::descriptor::Architecture;

/// Room for the header and the load commands.
const CONTENT: usize = 0x200;
/// The distance of links in a chain is counted in so many bytes.
const STRIDE: usize = 4;

pub(super) fn file(architecture: Architecture, pointers: Pointers, plugins: &[Plugin]) -> Vec<u8> {
    let wide = is_wide(architecture);
    assert!(wide || pointers == Pointers::Plain, "the chains of narrow files are others");
    // Files of 64 bits leave the first 4 GiB empty.
    let base: u64 = if wide { 0x1_0000_0000 } else { 0x4000 };
    let content = Content::of(plugins, wide);
    let mut out = Bytes::default();
    out.pad_to(CONTENT).raw(&content.bytes);
    for (number, (slot, target)) in content.pointers.iter().enumerate() {
        let value = match pointers {
            Pointers::Plain => base + (CONTENT + target) as u64,
            Pointers::Chained => {
                let next = content.pointers.get(number + 1).map_or(0, |(next, _)| (next - slot) / STRIDE);
                (CONTENT + target) as u64 | (next as u64) << 51
            }
        };
        out.set_word(wide, CONTENT + slot, value);
    }
    let trie = out.0.len();
    out.raw(&self::trie(&content)).align(8);
    let chains = out.0.len();
    if pointers == Pointers::Chained {
        let first = content.pointers.first().map_or(0xffff, |(slot, _)| CONTENT + slot);
        out.raw(&self::chains(first));
    }
    let size = out.0.len();
    let mut commands = segment(wide, base, size);
    let number = |value: usize| u32::try_from(value).unwrap();
    match pointers {
        Pointers::Plain => {
            // LC_DYLD_INFO_ONLY: of five parts only the last.
            commands.u32(0x8000_0022).u32(48).skip(32);
            commands.u32(number(trie)).u32(number(chains - trie));
        }
        Pointers::Chained => {
            commands.u32(0x8000_0033).u32(16).u32(number(trie)).u32(number(chains - trie));
            commands.u32(0x8000_0034).u32(16).u32(number(chains)).u32(number(size - chains));
        }
    }
    let count = if pointers == Pointers::Plain { 2 } else { 3 };
    let mut head = Bytes::default();
    head.u32(if wide { 0xfeed_facf } else { 0xfeed_face }).u32(processor(architecture)).u32(0).u32(6);
    head.u32(count).u32(number(commands.0.len())).u32(0);
    head.raw(if wide { &[0; 4] } else { &[] }).raw(&commands.0).pad_to(CONTENT);
    out.0[..CONTENT].copy_from_slice(&head.0);
    out.0
}

/// The load command of `__TEXT`, which holds the whole file.
fn segment(wide: bool, base: u64, size: usize) -> Bytes {
    let mut out = Bytes::default();
    out.u32(if wide { 0x19 } else { 0x1 }).u32(if wide { 72 } else { 56 }).raw(b"__TEXT").pad_to(24);
    for value in [base, size as u64, 0, size as u64] {
        out.word(wide, value);
    }
    out.u32(5).u32(5).u32(0).u32(0);
    out
}

/// A root with one edge to each symbol.
fn trie(content: &Content) -> Vec<u8> {
    let mut edges = Vec::new();
    // All nodes and edges have known lengths, for their numbers are written with three bytes.
    let first = 2 + content.symbols.iter().map(|(name, _)| name.len() + 2 + 3).sum::<usize>();
    let mut leaves = Vec::new();
    for (name, offset) in &content.symbols {
        edges.extend([b"_", name.as_bytes(), &[0], &long(first + leaves.len())].concat());
        leaves.extend([&[4, 0][..], &long(CONTENT + offset), &[0]].concat());
    }
    [&[0, u8::try_from(content.symbols.len()).unwrap()][..], &edges, &leaves].concat()
}

/// LEB128 in three bytes.
fn long(value: usize) -> [u8; 3] {
    let bits = |shift: u32| u8::try_from(value >> shift & 0x7f).unwrap();
    [bits(0) | 0x80, bits(7) | 0x80, bits(14)]
}

/// One chain through the one page, from its first link on; 0xffff stands for none.
fn chains(first: usize) -> Vec<u8> {
    let mut out = Bytes::default();
    out.u32(0).u32(32).u32(72).u32(72).u32(0).u32(1).u32(0).pad_to(32);
    // One segment, described 8 bytes after here.
    out.u32(1).u32(8);
    // 64-bit pointers that count from the file's first address.
    out.u32(24).u16(0x4000).u16(6).u64(0).u32(0).u16(1).u16(u16::try_from(first).unwrap()).pad_to(72);
    out.0
}

const fn processor(architecture: Architecture) -> u32 {
    match architecture {
        Architecture::X86 => 7,
        Architecture::X86_64 => 0x0100_0007,
        Architecture::Arm => 12,
        Architecture::Arm64 => 0x0100_000c,
        Architecture::Unknown(number) => number,
    }
}

pub(super) fn universal(slices: &[Vec<u8>]) -> Vec<u8> {
    const ALIGNMENT: usize = 0x1000;
    let mut head = vec![0xca, 0xfe, 0xba, 0xbe];
    head.extend(u32::try_from(slices.len()).unwrap().to_be_bytes());
    let mut out = Bytes::default();
    for slice in slices {
        out.align(ALIGNMENT);
        let processor = u32::from_le_bytes(slice[4..8].try_into().unwrap());
        for value in [processor as usize, 0, ALIGNMENT + out.0.len(), slice.len(), 12] {
            head.extend(u32::try_from(value).unwrap().to_be_bytes());
        }
        out.raw(slice);
    }
    let mut file = Bytes(head);
    file.pad_to(ALIGNMENT).raw(&out.0);
    file.0
}
