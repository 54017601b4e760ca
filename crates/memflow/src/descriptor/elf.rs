//! ELF, read as its loader reads it: by segments and the dynamic table. Section headers may be stripped.

use std::{collections::BTreeMap, mem::size_of};

use object::{
    Endianness, ReadRef as _,
    elf::{
        DT_GNU_HASH, DT_HASH, DT_NULL, DT_RELA, DT_RELASZ, DT_STRTAB, DT_SYMTAB, DynamicTag, EM_386,
        EM_AARCH64, EM_ARM, EM_RISCV, EM_X86_64, FileHeader32, FileHeader64, Machine, PT_LOAD,
        R_386_RELATIVE, R_AARCH64_RELATIVE, R_ARM_RELATIVE, R_RISCV_RELATIVE, R_X86_64_RELATIVE,
        RelocationType,
    },
    read::elf::{Dyn, FileHeader, GnuHashTable, HashTable, ProgramHeader as _, Rela as _, Sym as _},
};
use wharf_registry::format::Refusal;

use super::{
    Architecture, FileType, broken,
    image::{Export, Image, Segment, Slots, Width, behind, lay, push},
};

/// The most entries of a dynamic table: it is walked for each tag.
const MOST_ENTRIES: usize = 4096;
/// The most symbols.
const MOST_SYMBOLS: usize = 1 << 20;

/// A 32-bit file.
pub(super) fn image_32(file: &[u8]) -> Result<Image<'_>, Refusal> {
    image::<FileHeader32<Endianness>>(file, Width::Four)
}

/// A 64-bit file.
pub(super) fn image_64(file: &[u8]) -> Result<Image<'_>, Refusal> {
    image::<FileHeader64<Endianness>>(file, Width::Eight)
}

fn image<Elf: FileHeader<Endian = Endianness>>(file: &[u8], width: Width) -> Result<Image<'_>, Refusal> {
    let header = Elf::parse(file).map_err(broken)?;
    let endian = header.endian().map_err(broken)?;
    let machine = header.e_machine(endian);
    let headers = header.program_headers(endian, file).map_err(broken)?;
    let mut segments = Vec::new();
    let mut entries: &[Elf::Dyn] = &[];
    for header in headers {
        if header.p_type(endian) == PT_LOAD {
            let outside = |()| Refusal::new("the file cannot be read: a segment lies outside of it");
            let bytes = header.data(endian, file).map_err(outside)?;
            lay(&mut segments, Segment { address: header.p_vaddr(endian).into(), bytes })?;
        }
        if let Some(found) = header.dynamic(endian, file).map_err(broken)? {
            entries = found;
        }
    }
    let entries = table::<Elf>(endian, entries)?;
    let dynamic = Dynamic::<Elf> { endian, entries, segments: &segments };
    let exports = dynamic.exports()?;
    let relocated = dynamic.relocated(&exports, relative(machine));
    let architecture = architecture(machine);
    Ok(Image { file_type: FileType::Elf, architecture, width, endian, segments, exports, relocated })
}

/// The entries up to the one that ends them.
fn table<Elf: FileHeader<Endian = Endianness>>(
    endian: Endianness,
    entries: &[Elf::Dyn],
) -> Result<&[Elf::Dyn], Refusal> {
    let end = entries.iter().take(MOST_ENTRIES + 1).position(|entry| entry.tag(endian) == DT_NULL);
    let table = entries.get(..end.unwrap_or(entries.len())).filter(|table| table.len() <= MOST_ENTRIES);
    table.ok_or_else(|| Refusal::new(format!("the file has more than {MOST_ENTRIES} dynamic entries")))
}

const fn architecture(machine: Machine) -> Architecture {
    match machine {
        EM_386 => Architecture::X86,
        EM_X86_64 => Architecture::X86_64,
        EM_ARM => Architecture::Arm,
        EM_AARCH64 => Architecture::Arm64,
        Machine(other) => Architecture::Unknown(other as u32),
    }
}

/// The relocation that moves a pointer together with the file.
const fn relative(machine: Machine) -> Option<RelocationType> {
    match machine {
        EM_386 => Some(R_386_RELATIVE),
        EM_X86_64 => Some(R_X86_64_RELATIVE),
        EM_ARM => Some(R_ARM_RELATIVE),
        EM_AARCH64 => Some(R_AARCH64_RELATIVE),
        EM_RISCV => Some(R_RISCV_RELATIVE),
        _ => None,
    }
}

/// The dynamic table, and the bytes it leads to.
struct Dynamic<'a, 'data, Elf: FileHeader> {
    endian: Endianness,
    entries: &'data [Elf::Dyn],
    segments: &'a [Segment<'data>],
}

impl<'data, Elf: FileHeader<Endian = Endianness>> Dynamic<'_, 'data, Elf> {
    fn value(&self, tag: DynamicTag) -> Option<u64> {
        let entry = self.entries.iter().find(|entry| entry.tag(self.endian) == tag)?;
        Some(entry.d_val(self.endian).into())
    }

    /// The bytes at the address that an entry gives.
    fn at(&self, tag: DynamicTag) -> Option<&'data [u8]> {
        behind(self.segments, self.value(tag)?)
    }

    fn exports(&self) -> Result<Vec<Export>, Refusal> {
        let mut exports = Vec::new();
        let symbols = self.symbols().unwrap_or_default();
        if symbols.len() > MOST_SYMBOLS {
            return Err(Refusal::new(format!("the file has more than {MOST_SYMBOLS} symbols")));
        }
        // Looked up once: what each symbol has to search for is a count of a stranger's times another.
        let Some(strings) = self.at(DT_STRTAB) else { return Ok(exports) };
        for symbol in symbols {
            if symbol.is_undefined(self.endian) || symbol.is_local() {
                continue;
            }
            let name = usize::try_from(symbol.st_name(self.endian)).ok();
            let name = name.and_then(|name| strings.get(name..));
            let address = symbol.st_value(self.endian).into();
            push(&mut exports, name.and_then(|name| Export::of(name, address)))?;
        }
        Ok(exports)
    }

    /// The dynamic symbols. Only the hash tables tell how many there are.
    fn symbols(&self) -> Option<&'data [Elf::Sym]> {
        let by_gnu_hash = self.at(DT_GNU_HASH).and_then(|bytes| {
            GnuHashTable::<Elf>::parse(self.endian, bytes).ok()?.symbol_table_length(self.endian)
        });
        let by_hash =
            || Some(HashTable::<Elf>::parse(self.endian, self.at(DT_HASH)?).ok()?.symbol_table_length());
        let length = usize::try_from(by_gnu_hash.or_else(by_hash)?).ok()?;
        self.at(DT_SYMTAB)?.read_slice_at(0, length).ok()
    }

    /// What the loader writes into the descriptors. Relocations without an addend of their own (REL and RELR) have it
    /// where they point to, so nothing need be done for those.
    fn relocated(&self, exports: &[Export], relative: Option<RelocationType>) -> BTreeMap<u64, u64> {
        let relocations = self.at(DT_RELA).zip(self.value(DT_RELASZ)).and_then(|(bytes, size)| {
            let length = usize::try_from(size).ok()? / size_of::<Elf::Rela>();
            bytes.read_slice_at::<Elf::Rela>(0, length).ok()
        });
        let slots = Slots::of(exports);
        let mut relocated = BTreeMap::new();
        for relocation in relocations.unwrap_or_default() {
            let address = relocation.r_offset(self.endian).into();
            if slots.hold(address) && Some(relocation.r_type(self.endian, false)) == relative {
                let addend: i64 = relocation.r_addend(self.endian).into();
                relocated.insert(address, addend.cast_unsigned());
            }
        }
        relocated
    }
}
