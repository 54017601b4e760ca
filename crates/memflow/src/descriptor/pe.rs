//! PE: the export table and the sections. Pointers lie in the file as if it stood at the address it prefers.

use std::collections::BTreeMap;

use object::{
    Endianness, LittleEndian,
    pe::{
        IMAGE_FILE_MACHINE_AMD64, IMAGE_FILE_MACHINE_ARM, IMAGE_FILE_MACHINE_ARM64, IMAGE_FILE_MACHINE_ARMNT,
        IMAGE_FILE_MACHINE_I386, ImageNtHeaders32, ImageNtHeaders64, Machine,
    },
    read::pe::{ExportTable, ImageNtHeaders, ImageOptionalHeader as _, PeFile},
};
use wharf_registry::format::Refusal;

use super::{
    Architecture, FileType, broken,
    image::{Export, Image, Segment, Width, behind, push},
};

/// The most sections, as of the loader of Windows ("PE Format", COFF file header).
const MOST_SECTIONS: usize = 96;
/// The most names of exports: what they stand for is numbered with 16 bits.
const MOST_NAMES: usize = 1 << 16;

/// A 32-bit file.
pub(super) fn image_32(file: &[u8]) -> Result<Image<'_>, Refusal> {
    image::<ImageNtHeaders32>(file, Width::Four)
}

/// A 64-bit file.
pub(super) fn image_64(file: &[u8]) -> Result<Image<'_>, Refusal> {
    image::<ImageNtHeaders64>(file, Width::Eight)
}

fn image<Pe: ImageNtHeaders>(file: &[u8], width: Width) -> Result<Image<'_>, Refusal> {
    let parsed = PeFile::<Pe>::parse(file).map_err(broken)?;
    let base = parsed.nt_headers().optional_header().image_base();
    if parsed.section_table().len() > MOST_SECTIONS {
        return Err(Refusal::new(format!("the file has more than {MOST_SECTIONS} sections")));
    }
    let mut segments = Vec::new();
    for section in parsed.section_table().iter() {
        let bytes = section.pe_data(file).map_err(broken)?;
        let address = u64::from(section.virtual_address.get(LittleEndian));
        segments.push(Segment { address: base.wrapping_add(address), bytes });
    }
    let table = parsed.export_table().map_err(broken)?;
    let exports = table.map_or_else(|| Ok(Vec::new()), |table| exports(&table, base, &segments))?;
    Ok(Image {
        file_type: FileType::Pe,
        architecture: architecture(parsed.nt_headers().file_header().machine.get(LittleEndian)),
        width,
        endian: Endianness::Little,
        segments,
        exports,
        relocated: BTreeMap::new(),
    })
}

/// The exports by name. Names are looked up where the sections have them, and only as far as a plugin's could go: many
/// names may lead to one endless text.
fn exports(table: &ExportTable<'_>, base: u64, segments: &[Segment<'_>]) -> Result<Vec<Export>, Refusal> {
    if table.name_pointers().len() > MOST_NAMES {
        return Err(Refusal::new(format!("the file has more than {MOST_NAMES} names of exports")));
    }
    let mut exports = Vec::new();
    for (name, index) in table.name_iter() {
        let Some(name) = behind(segments, base.wrapping_add(name.into())) else { continue };
        let export = Export::of(name, 0).and_then(|export| {
            let address = table.address_by_index(index).ok().filter(|address| !table.is_forward(*address))?;
            Some(Export { address: base.wrapping_add(address.into()), ..export })
        });
        push(&mut exports, export)?;
    }
    Ok(exports)
}

const fn architecture(machine: Machine) -> Architecture {
    match machine {
        IMAGE_FILE_MACHINE_I386 => Architecture::X86,
        IMAGE_FILE_MACHINE_AMD64 => Architecture::X86_64,
        IMAGE_FILE_MACHINE_ARM | IMAGE_FILE_MACHINE_ARMNT => Architecture::Arm,
        IMAGE_FILE_MACHINE_ARM64 => Architecture::Arm64,
        Machine(other) => Architecture::Unknown(other as u32),
    }
}
