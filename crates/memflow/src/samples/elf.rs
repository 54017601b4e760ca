//! A shared object of one segment, without section headers (System V ABI, chapters 4 and 5).

use super::{
    Addends, Plugin,
    content::{Bytes, Content},
    is_wide,
};
use crate::descriptor::Architecture;

/// Where the one segment stands.
const ADDRESS: u64 = 0x20_0000;

pub(super) fn file(
    architecture: Architecture,
    addends: Addends,
    (plugins, others): (&[Plugin], usize),
) -> Vec<u8> {
    let wide = is_wide(architecture);
    let content = Content::of(plugins, wide).among(others);
    let (header, program_header, symbol) = if wide { (64, 56, 24) } else { (52, 32, 16) };
    // One after the other: headers, content, symbols, their names, their hashes, relocations, the dynamic table.
    let start = usize::next_multiple_of(header + 2 * program_header, 8);
    let mut out = Bytes::default();
    out.pad_to(start).raw(&content.bytes);
    let symbols = out.0.len();
    let mut names = vec![0];
    out.pad_to(symbols + symbol);
    for (name, offset) in &content.symbols {
        let address = ADDRESS + (start + offset) as u64;
        write_symbol(&mut out, wide, u32::try_from(names.len()).unwrap(), address);
        names.extend([name.as_bytes(), &[0]].concat());
    }
    let strings = out.0.len();
    out.raw(&names).align(8);
    let hashes = out.0.len();
    let count = u32::try_from(content.symbols.len() + 1).unwrap();
    out.u32(1).u32(count).u32(0).pad_to(hashes + 12 + 4 * count as usize).align(8);
    let relocations = out.0.len();
    for (slot, target) in &content.pointers {
        let (slot, target) = (start + slot, ADDRESS + (start + target) as u64);
        match addends {
            Addends::InPlace => out.set_word(wide, slot, target),
            Addends::Apart => {
                let address = ADDRESS + slot as u64;
                out.word(wide, address).word(wide, relative(architecture)).word(wide, target);
            }
        }
    }
    let relocations_size = out.0.len() - relocations;
    let dynamic = out.0.len();
    for (tag, value) in [
        (4, ADDRESS + hashes as u64),
        (5, ADDRESS + strings as u64),
        (6, ADDRESS + symbols as u64),
        (7, ADDRESS + relocations as u64),
        (8, relocations_size as u64),
        (9, if wide { 24 } else { 12 }),
        (0, 0),
    ] {
        out.word(wide, tag).word(wide, value);
    }
    let head = headers(architecture, out.0.len() as u64, dynamic as u64);
    out.0[..head.len()].copy_from_slice(&head);
    out.0
}

fn write_symbol(out: &mut Bytes, wide: bool, name: u32, address: u64) {
    // A global object of the first section, whatever that is.
    let (info, section) = (0x11, 1);
    if wide {
        out.u32(name).raw(&[info, 0]).u16(section).u64(address).u64(0x60);
    } else {
        out.u32(name).u32(u32::try_from(address).unwrap()).u32(0x34).raw(&[info, 0]).u16(section);
    }
}

fn headers(architecture: Architecture, size: u64, dynamic: u64) -> Vec<u8> {
    let wide = is_wide(architecture);
    let (class, header, program_header) = if wide { (2, 64, 56) } else { (1, 52, 32) };
    let mut out = Bytes::default();
    out.raw(&[0x7f, b'E', b'L', b'F', class, 1, 1]).pad_to(16);
    out.u16(3).u16(machine(architecture)).u32(1);
    out.word(wide, 0).word(wide, u64::from(header)).word(wide, 0).u32(0);
    out.u16(header).u16(program_header).u16(2).u16(0).u16(0).u16(0);
    for (kind, offset, size) in [(1, 0, size), (2, dynamic, size - dynamic)] {
        let (address, flags, alignment) = (ADDRESS + offset, 6, 0x1000);
        out.u32(kind);
        if wide {
            out.u32(flags).u64(offset).u64(address).u64(address).u64(size).u64(size).u64(alignment);
        } else {
            for value in [offset, address, address, size, size, u64::from(flags), alignment] {
                out.word(wide, value);
            }
        }
    }
    out.0
}

const fn machine(architecture: Architecture) -> u16 {
    match architecture {
        Architecture::X86 => 3,
        Architecture::X86_64 => 62,
        Architecture::Arm => 40,
        Architecture::Arm64 => 183,
        Architecture::Unknown(_) => 243,
    }
}

const fn relative(architecture: Architecture) -> u64 {
    match architecture {
        Architecture::X86 | Architecture::X86_64 => 8,
        Architecture::Arm => 23,
        Architecture::Arm64 => 1027,
        Architecture::Unknown(_) => 3,
    }
}
