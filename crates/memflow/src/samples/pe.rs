//! A DLL of one section ("PE Format", Microsoft).

use super::{
    Plugin,
    content::{Bytes, Content},
    is_wide,
};
use crate::descriptor::Architecture;

/// Where the section lies in the file, and in memory behind the address the file prefers.
const OFFSET: usize = 0x200;
const SECTION: usize = 0x3000;

pub(super) fn file(architecture: Architecture, plugins: &[Plugin]) -> Vec<u8> {
    let wide = is_wide(architecture);
    let base: u64 = if wide { 0x1_8000_0000 } else { 0x1000_0000 };
    let content = Content::of(plugins, wide);
    let mut section = Bytes(content.bytes.clone());
    for (slot, target) in &content.pointers {
        section.set_word(wide, *slot, base + (SECTION + target) as u64);
    }
    let directory = section.0.len();
    write_exports(&mut section, &content);
    let exports_size = section.0.len() - directory;
    section.align(OFFSET);
    let mut out = Bytes::default();
    out.raw(b"MZ").pad_to(0x3c).u32(0x40).raw(b"PE\0\0");
    out.u16(machine(architecture)).u16(1).u32(0).u32(0).u32(0);
    out.u16(if wide { 240 } else { 224 }).u16(0x2022);
    // The address follows where the code is said to begin, in narrow files where the data is too.
    out.u16(if wide { 0x20b } else { 0x10b }).pad_to(0x58 + if wide { 24 } else { 28 }).word(wide, base);
    finish(out, (wide, section, directory, exports_size))
}

fn finish(mut out: Bytes, (wide, section, directory, exports_size): (bool, Bytes, usize, usize)) -> Vec<u8> {
    let number = |value: usize| u32::try_from(value).unwrap();
    let size = section.0.len();
    out.u32(0x1000).u32(number(OFFSET)).skip(16);
    out.u32(number(SECTION + size.next_multiple_of(0x1000))).u32(number(OFFSET)).u32(0).u16(2).u16(0);
    for _ in 0..4 {
        out.word(wide, 0x1000);
    }
    out.u32(0).u32(16);
    out.u32(number(SECTION + directory)).u32(number(exports_size)).skip(15 * 8);
    out.raw(b".rdata\0\0").u32(number(size)).u32(number(SECTION)).u32(number(size)).u32(number(OFFSET));
    out.skip(12).u32(0x4000_0040);
    out.pad_to(OFFSET).raw(&section.0);
    out.0
}

/// The directory, then addresses, names, ordinals, and the texts of the names.
fn write_exports(section: &mut Bytes, content: &Content) {
    let at = |offset: usize| u32::try_from(SECTION + offset).unwrap();
    let count = content.symbols.len();
    let addresses = section.0.len() + 40;
    let (names, ordinals) = (addresses + 4 * count, addresses + 8 * count);
    let mut text = ordinals + 2 * count;
    let number = u32::try_from(count).unwrap();
    section.u32(0).u32(0).u32(0).u32(at(text)).u32(1).u32(number).u32(number);
    section.u32(at(addresses)).u32(at(names)).u32(at(ordinals));
    for (_, offset) in &content.symbols {
        section.u32(at(*offset));
    }
    for (name, _) in &content.symbols {
        section.u32(at(text));
        text += name.len() + 1;
    }
    for ordinal in 0..count {
        section.u16(u16::try_from(ordinal).unwrap());
    }
    for (name, _) in &content.symbols {
        section.raw(name.as_bytes()).raw(&[0]);
    }
}

const fn machine(architecture: Architecture) -> u16 {
    match architecture {
        Architecture::X86 => 0x14c,
        Architecture::X86_64 => 0x8664,
        Architecture::Arm => 0x1c4,
        Architecture::Arm64 => 0xaa64,
        Architecture::Unknown(_) => 0x5064,
    }
}
