//! Mach-O, thin or universal: the load commands, the trie of exports, and the chains of pointers that newer linkers
//! leave for the loader to follow. Older files have the pointers themselves, as if they stood where they prefer to.

mod trie;

use std::collections::BTreeMap;

use object::{
    Endianness, FileKind, ReadRef as _,
    macho::{
        CPU_TYPE_ARM, CPU_TYPE_ARM64, CPU_TYPE_X86, CPU_TYPE_X86_64, CpuType, MachHeader32, MachHeader64,
        SEG_TEXT,
    },
    read::macho::{
        DyldChainedFixups, FatArch, Fixup, LoadCommandData, MachHeader, MachOFatFile32, MachOFatFile64,
        Segment as _,
    },
};
use wharf_registry::format::Refusal;

use super::{
    Architecture, FileType, broken,
    image::{Export, Image, Segment, Slots, Width, lay, push},
};

/// The most slices of a universal file.
const MOST_SLICES: usize = 16;
/// The most load commands.
const MOST_COMMANDS: usize = 4096;
/// The least distance of pointers in a chain, in bytes.
const LEAST_STRIDE: usize = 4;

/// The slices of a universal file.
pub(super) fn slices(file: &[u8]) -> Result<Vec<&[u8]>, Refusal> {
    match FileKind::parse(file) {
        Ok(FileKind::MachOFat64) => slices_of(MachOFatFile64::parse(file).map_err(broken)?.arches(), file),
        _ => slices_of(MachOFatFile32::parse(file).map_err(broken)?.arches(), file),
    }
}

fn slices_of<'a>(arches: &[impl FatArch], file: &'a [u8]) -> Result<Vec<&'a [u8]>, Refusal> {
    if arches.len() > MOST_SLICES {
        return Err(Refusal::new(format!("the file has more than {MOST_SLICES} slices")));
    }
    let slices = arches.iter().map(|arch| arch.data(file).map_err(broken)).collect::<Result<Vec<_>, _>>()?;
    // Each is read by itself, and all of them take no more than the file does.
    if slices.iter().map(|slice| slice.len()).sum::<usize>() > file.len() {
        return Err(Refusal::new("the file's slices lie over one another"));
    }
    Ok(slices)
}

/// A thin file, or one slice.
pub(super) fn image(file: &[u8]) -> Result<Image<'_>, Refusal> {
    match FileKind::parse(file).map_err(broken)? {
        FileKind::MachO32 => image_of::<MachHeader32<Endianness>>(file, Width::Four),
        FileKind::MachO64 => image_of::<MachHeader64<Endianness>>(file, Width::Eight),
        _ => Err(Refusal::new("a slice of the file is no Mach-O file")),
    }
}

fn image_of<Mach: MachHeader<Endian = Endianness>>(file: &[u8], width: Width) -> Result<Image<'_>, Refusal> {
    let header = Mach::parse(file, 0).map_err(broken)?;
    let endian = header.endian().map_err(broken)?;
    let mut found = LoadCommands { endian, file, segments: Vec::new(), base: 0, trie: None, fixups: None };
    let mut commands = header.load_commands(endian, file, 0).map_err(broken)?;
    let mut number = 0;
    while let Some(command) = commands.next().map_err(broken)? {
        number += 1;
        if number > MOST_COMMANDS {
            return Err(Refusal::new(format!("the file has more than {MOST_COMMANDS} load commands")));
        }
        found.take::<Mach>(command)?;
    }
    let exports = found.exports()?;
    Ok(Image {
        file_type: FileType::Mach,
        architecture: architecture(header.cputype(endian)),
        width,
        endian,
        relocated: found.relocated(&exports)?,
        segments: found.segments,
        exports,
    })
}

const fn architecture(kind: CpuType) -> Architecture {
    match kind {
        CPU_TYPE_X86 => Architecture::X86,
        CPU_TYPE_X86_64 => Architecture::X86_64,
        CPU_TYPE_ARM => Architecture::Arm,
        CPU_TYPE_ARM64 => Architecture::Arm64,
        CpuType(other) => Architecture::Unknown(other),
    }
}

/// What the load commands lead to.
struct LoadCommands<'a> {
    endian: Endianness,
    file: &'a [u8],
    /// In the order of their commands, by which the chains of pointers name them.
    segments: Vec<Segment<'a>>,
    /// Where the file prefers to stand; exports and chains count from there.
    base: u64,
    trie: Option<&'a [u8]>,
    fixups: Option<DyldChainedFixups<'a, Endianness>>,
}

impl<'a> LoadCommands<'a> {
    fn take<Mach: MachHeader<Endian = Endianness>>(
        &mut self,
        command: LoadCommandData<'a, Endianness>,
    ) -> Result<(), Refusal> {
        let (endian, file) = (self.endian, self.file);
        if let Some((segment, _)) = Mach::Segment::from_command(command).map_err(broken)? {
            let outside = |()| Refusal::new("the file cannot be read: a segment lies outside of it");
            let bytes = segment.data(endian, file).map_err(outside)?;
            let address = segment.vmaddr(endian).into();
            if segment.name() == SEG_TEXT.as_bytes() {
                self.base = address;
            }
            lay(&mut self.segments, Segment { address, bytes })?;
        } else if let Some(trie) = command.dyld_exports_trie().map_err(broken)? {
            self.trie = Some(trie.data(endian, file).map_err(broken)?);
        } else if let Some(info) = command.dyld_info().map_err(broken)? {
            let (offset, size) = (info.export_off.get(endian), info.export_size.get(endian));
            let outside = |()| Refusal::new("the file cannot be read: its exports lie outside of it");
            self.trie = Some(file.read_bytes_at(offset.into(), size.into()).map_err(outside)?);
        } else if let Some(fixups) = command.dyld_chained_fixups().map_err(broken)? {
            self.fixups = Some(fixups.chained_fixups(endian, file).map_err(broken)?);
        }
        Ok(())
    }

    fn exports(&self) -> Result<Vec<Export>, Refusal> {
        let mut exports = Vec::new();
        for (name, offset) in self.trie.map_or_else(|| Ok(Vec::new()), trie::exports)? {
            push(&mut exports, Export::of(&name, self.base.wrapping_add(offset)))?;
        }
        Ok(exports)
    }

    /// The pointers of the chains that lie in descriptors.
    fn relocated(&self, exports: &[Export]) -> Result<BTreeMap<u64, u64>, Refusal> {
        // Chains may run over the same bytes again and again; a linker makes none that meet.
        let (mut relocated, mut left) = (BTreeMap::new(), self.file.len() / LEAST_STRIDE);
        let slots = Slots::of(exports);
        let Some(fixups) = self.fixups.filter(|_| !exports.is_empty()) else { return Ok(relocated) };
        for chains in fixups.segments(self.endian).map_err(broken)? {
            let chains = chains.map_err(broken)?;
            let segment = usize::try_from(chains.index()).ok().and_then(|index| self.segments.get(index));
            let Some(segment) = segment else { break };
            for pointer in chains.fixups(self.endian, self.base, segment.bytes) {
                let (offset, fixup) = pointer.map_err(broken)?;
                left = left.checked_sub(1).ok_or_else(|| Refusal::new("the file has too many pointers"))?;
                let address = segment.address.wrapping_add(offset);
                if let Fixup::Rebase(rebase) = fixup
                    && slots.hold(address)
                {
                    relocated.insert(address, self.base.wrapping_add(rebase.target_offset));
                }
            }
        }
        Ok(relocated)
    }
}
