//! What a plugin says of itself: the descriptors that a PE, ELF or Mach-O file exports as data.
//!
//! A plugin exports a symbol `MEMFLOW_CONNECTOR_…` or `MEMFLOW_OS_…` for each thing it offers; a file may hold several.
//! The bytes are a stranger's: every read is bounded, nothing recurses, nothing is executed. The three formats yield
//! one image, and the one layout of descriptors is read from that.

mod elf;
#[cfg(test)]
mod hostile;
mod image;
mod layout;
mod mach;
mod pe;
#[cfg(test)]
mod tests;

use object::FileKind;
use serde::{Deserialize, Serialize};
use wharf_registry::format::Refusal;

pub(crate) use self::layout::{LONGEST_DESCRIPTION, LONGEST_NAME};

/// The one version of the plugin interface whose descriptors are known.
pub const PLUGIN_VERSION: i32 = 1;

/// The most descriptors of one file.
const MOST_DESCRIPTORS: usize = 64;

/// What a plugin says of itself. Its JSON is what clients of the registry read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    /// What it is.
    pub plugin_kind: PluginKind,
    /// The symbol the descriptor stands under, without the underscore of Mach-O.
    pub export_name: String,
    /// The format of the file.
    pub file_type: FileType,
    /// The processor it is for.
    pub architecture: Architecture,
    /// The version of the plugin interface.
    pub plugin_version: i32,
    /// Whether it takes another plugin as its input.
    #[serde(default)]
    pub accept_input: bool,
    /// Its name.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// What it is for.
    pub description: String,
}

impl Descriptor {
    /// Whether its texts are no longer than those of a file can be.
    pub(crate) fn is_bounded(&self) -> bool {
        let texts = [
            (&self.export_name, image::LONGEST_SYMBOL as u64),
            (&self.name, LONGEST_NAME),
            (&self.version, LONGEST_NAME),
            (&self.description, LONGEST_DESCRIPTION),
        ];
        texts.iter().all(|(text, longest)| text.len() as u64 <= *longest)
    }
}

/// What a plugin is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PluginKind {
    /// A way to the memory of a machine.
    Connector,
    /// What finds an operating system in it.
    Os,
}

/// The format of a plugin's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileType {
    /// Windows.
    Pe,
    /// Linux and its kin.
    Elf,
    /// macOS.
    Mach,
}

impl FileType {
    /// The word in JSON and in filters.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pe => "pe",
            Self::Elf => "elf",
            Self::Mach => "mach",
        }
    }
}

/// The processor a plugin is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// 32-bit x86.
    X86,
    /// 64-bit x86.
    #[serde(rename = "x86_64")]
    X86_64,
    /// 32-bit Arm.
    Arm,
    /// 64-bit Arm.
    Arm64,
    /// Any other, by the number the file gives it.
    Unknown(u32),
}

impl Architecture {
    /// The word in filters; an unknown one is found by none.
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Self::X86 => Some("x86"),
            Self::X86_64 => Some("x86_64"),
            Self::Arm => Some("arm"),
            Self::Arm64 => Some("arm64"),
            Self::Unknown(_) => None,
        }
    }
}

/// Whether a file begins like one of those that may hold plugins.
pub fn is_binary(file: &[u8]) -> bool {
    use FileKind::{Elf32, Elf64, MachO32, MachO64, MachOFat32, MachOFat64, Pe32, Pe64};
    let kind = FileKind::parse(file);
    matches!(kind, Ok(Elf32 | Elf64 | Pe32 | Pe64 | MachO32 | MachO64 | MachOFat32 | MachOFat64))
}

/// Every descriptor of a file, in the order of its symbols; of a universal Mach-O file slice by slice.
///
/// # Errors
/// A refusal in words for a file that is none of the three, that is broken, that holds no plugin, or one of another
/// version of the plugin interface. The first bad descriptor refuses the file.
pub fn read(file: &[u8]) -> Result<Vec<Descriptor>, Refusal> {
    let descriptors = match FileKind::parse(file) {
        Ok(FileKind::Elf32) => layout::descriptors(&elf::image_32(file)?)?,
        Ok(FileKind::Elf64) => layout::descriptors(&elf::image_64(file)?)?,
        Ok(FileKind::Pe32) => layout::descriptors(&pe::image_32(file)?)?,
        Ok(FileKind::Pe64) => layout::descriptors(&pe::image_64(file)?)?,
        Ok(FileKind::MachO32 | FileKind::MachO64) => layout::descriptors(&mach::image(file)?)?,
        Ok(FileKind::MachOFat32 | FileKind::MachOFat64) => of_slices(file)?,
        _ => return Err(Refusal::new("the file is no PE, ELF or Mach-O file")),
    };
    if descriptors.is_empty() {
        let words = "the file holds no memflow plugin: it exports no MEMFLOW_CONNECTOR_… and no MEMFLOW_OS_…";
        return Err(Refusal::new(words));
    }
    if descriptors.len() > MOST_DESCRIPTORS {
        return Err(Refusal::new(format!("the file holds more than {MOST_DESCRIPTORS} plugins")));
    }
    Ok(descriptors)
}

fn of_slices(file: &[u8]) -> Result<Vec<Descriptor>, Refusal> {
    let mut all = Vec::new();
    for slice in mach::slices(file)? {
        all.extend(layout::descriptors(&mach::image(slice)?)?);
    }
    Ok(all)
}

/// The refusal of a file that its own library cannot read.
fn broken(error: object::Error) -> Refusal {
    Refusal::new(format!("the file cannot be read: {error}"))
}
