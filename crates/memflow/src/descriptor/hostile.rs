//! Files made to be slow to read: counts that multiply. Each is refused, or read in few steps; nobody looks at a clock.

use std::cell::Cell;

use super::{Architecture, read};
use crate::samples::{Plugin, Pointers, mach, universal};

thread_local! {
    static STEPS: Cell<usize> = const { Cell::new(0) };
}

/// Counts a segment that was looked at.
pub(super) fn count() {
    STEPS.set(STEPS.get() + 1);
}

/// What a file is refused with, and after how many steps.
fn refused(file: &[u8]) -> (String, usize) {
    STEPS.set(0);
    let refusal = read(file).unwrap_err().to_string();
    (refusal, STEPS.get())
}

fn u16s(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn u32s(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn u64s(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// A shared object with so many segments, symbols without a name, and dynamic entries that say nothing.
fn elf(segments: u16, symbols: u32, entries: usize) -> Vec<u8> {
    const ADDRESS: u64 = 0x20_0000;
    let hashes_at = 64 + 56 * (u64::from(segments) + 1);
    let mut hashes = u32s(&[1, symbols, 0, 0]);
    hashes.resize(16 + 4 * symbols as usize, 0);
    hashes.resize(hashes.len().next_multiple_of(8), 0);
    let symbol = [u32s(&[1]), u16s(&[0x11, 1]), u64s(&[ADDRESS, 0])].concat();
    let symbols = symbol.repeat(symbols as usize);
    let symbols_at = hashes_at + hashes.len() as u64;
    let dynamic_at = symbols_at + symbols.len() as u64;
    let mut dynamic = u64s(&[21, 0]).repeat(entries);
    dynamic.extend(u64s(&[4, ADDRESS + hashes_at, 5, ADDRESS + hashes_at, 6, ADDRESS + symbols_at, 0, 0]));
    let (length, size) = (dynamic.len() as u64, dynamic_at + dynamic.len() as u64);
    // Whatever is looked for lies in the last segment only.
    let mut headers = [u32s(&[1, 6]), u64s(&[0, 0, 0, 8, 8, 8])].concat().repeat(usize::from(segments) - 1);
    headers.extend([u32s(&[1, 6]), u64s(&[0, ADDRESS, ADDRESS, size, size, 0x1000])].concat());
    headers.extend([u32s(&[2, 6]), u64s(&[dynamic_at, dynamic_at, dynamic_at, length, length, 8])].concat());
    let start = [&b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0"[..], &u16s(&[3, 62]), &u32s(&[1])].concat();
    let rest = [u64s(&[0, 64, 0]), u32s(&[0]), u16s(&[64, 56, segments + 1, 0, 0, 0])].concat();
    [start, rest, headers, hashes, symbols, dynamic].concat()
}

#[test]
fn an_elf_file_is_read_in_few_steps_however_long_its_tables_are() {
    let (refusal, steps) = refused(&elf(256, 60_000, 4000));
    assert!(refusal.starts_with("the file holds no memflow plugin"), "{refusal}");
    assert!((256..10 * 256).contains(&steps), "{steps} steps");
}

#[test]
fn an_elf_file_with_longer_tables_than_any_linker_makes_is_refused() {
    let said = |file: &[u8]| refused(file).0;
    assert_eq!(said(&elf(1, 16_000, 16_000)), "the file has more than 4096 dynamic entries");
    assert_eq!(said(&elf(257, 1, 1)), "the file has more than 256 segments");
    assert_eq!(said(&elf(1, (1 << 20) + 1, 1)), "the file has more than 1048576 symbols");
}

/// A library with so many sections and names of exports, all of which lead nowhere.
fn pe(sections: u16, names: u32) -> Vec<u8> {
    const ADDRESS: u32 = 0x1000_0000;
    let start = (64 + 24 + 240 + 40 * u32::from(sections)).next_multiple_of(512);
    let size = 40 + 6 * names;
    let dos = [&b"MZ"[..], &[0; 58], &u32s(&[64])].concat();
    let coff = [&b"PE\0\0"[..], &u16s(&[0x8664, sections]), &u32s(&[0; 3]), &u16s(&[240, 0x2022])].concat();
    let mut optional = [u16s(&[0x20b]), vec![0; 106], u32s(&[16, ADDRESS, size])].concat();
    optional.resize(240, 0);
    let section = |size: u32, address: u32, offset: u32| {
        [vec![0; 8], u32s(&[size, address, size, offset, 0, 0, 0, 0])].concat()
    };
    let mut table = section(16, 0x1000, 0).repeat(usize::from(sections) - 1);
    table.extend(section(size, ADDRESS, start));
    let mut file = [dos, coff, optional, table].concat();
    file.resize(start as usize, 0);
    file.extend(u32s(&[0, 0, 0, 0, 1, 0, names, 0, ADDRESS + 40, ADDRESS + 40 + 4 * names]));
    file.extend(u32s(&[u32::MAX]).repeat(names as usize));
    file.resize((start + size) as usize, 0);
    file
}

#[test]
fn a_pe_file_is_read_in_few_steps_however_many_names_it_has() {
    let (refusal, steps) = refused(&pe(96, 60_000));
    assert!(refusal.starts_with("the file holds no memflow plugin"), "{refusal}");
    assert_eq!(steps, 96 * 60_000);
}

#[test]
fn a_pe_file_of_more_sections_or_names_than_windows_takes_is_refused_at_once() {
    assert_eq!(refused(&pe(97, 300_000)), ("the file has more than 96 sections".to_owned(), 0));
    assert_eq!(refused(&pe(96, 300_000)), ("the file has more than 65536 names of exports".to_owned(), 0));
}

#[test]
fn slices_that_lie_over_one_another_are_refused() {
    let slice = mach(Architecture::X86_64, Pointers::Plain, &[Plugin::connector("fixture", "1")]);
    let mut file = universal(&[slice.clone(), slice]);
    // Both begin where the first does, and end where the file does.
    let first = file[16..20].to_vec();
    let length = u32::try_from(file.len() - 0x1000).unwrap().to_be_bytes();
    for slice in [8, 28] {
        file[slice + 8..slice + 16].copy_from_slice(&[&first[..], &length].concat());
    }
    assert_eq!(refused(&file).0, "the file's slices lie over one another");
}

#[test]
fn chains_that_run_over_the_same_pointers_again_and_again_are_refused() {
    let mut file = mach(Architecture::X86_64, Pointers::Chained, &[Plugin::connector("fixture", "1")]);
    let command = u32s(&[0x8000_0034, 16]);
    let command = file.windows(8).position(|bytes| bytes == command).unwrap();
    let chains = u32::from_le_bytes(file[command + 8..command + 12].try_into().unwrap()) as usize;
    // The one page has many chains in place of one; the last one says so.
    let first = u16::from_le_bytes(file[chains + 62..chains + 64].try_into().unwrap());
    file.truncate(chains + 62);
    file.extend(u16s(&[0x8001]));
    file.extend(u16s(&[first]).repeat(1000));
    file.extend(u16s(&[first | 0x8000]));
    let length = u32::try_from(file.len() - chains).unwrap();
    file[command + 12..command + 16].copy_from_slice(&length.to_le_bytes());
    file[chains + 40..chains + 44].copy_from_slice(&(length - 40).to_le_bytes());
    assert_eq!(refused(&file).0, "the file has too many pointers");
}
