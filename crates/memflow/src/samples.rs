//! Small files that hold plugins, made for tests: the same descriptors as ELF, PE or Mach-O, for any processor.
//!
//! They are laid out by hand after the specifications of the three formats, with as much as a loader needs and no more: no
//! section headers, no code. What they hold lies at other addresses than offsets, so that a reader that confuses the
//! two finds nothing.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a sample that cannot be made is a bug of its test"
)]

mod content;
mod elf;
mod mach;
mod pe;

use crate::descriptor::{Architecture, PluginKind};

/// A plugin to be described.
#[derive(Clone, Debug)]
pub struct Plugin {
    /// What it is; its symbol begins accordingly.
    pub kind: PluginKind,
    /// The version of the plugin interface.
    pub plugin_version: i32,
    /// The name, which need not be a text.
    pub name: Vec<u8>,
    /// The version.
    pub version: String,
    /// What it is for.
    pub description: String,
}

impl Plugin {
    /// A connector of this name and version.
    pub fn connector(name: &str, version: &str) -> Self {
        let description = format!("the connector {name}");
        let name = name.as_bytes().to_vec();
        Self {
            kind: PluginKind::Connector,
            plugin_version: 1,
            name,
            version: version.to_owned(),
            description,
        }
    }

    /// The same as what finds an operating system.
    #[must_use]
    pub fn os(self) -> Self {
        Self { kind: PluginKind::Os, ..self }
    }

    fn symbol(&self) -> String {
        let prefix = match self.kind {
            PluginKind::Connector => "MEMFLOW_CONNECTOR_",
            PluginKind::Os => "MEMFLOW_OS_",
        };
        format!("{prefix}{}", String::from_utf8_lossy(&self.name).to_uppercase())
    }
}

/// Where an ELF file keeps what the loader adds to its pointers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addends {
    /// In its relocations (RELA), with zeros in the pointers' places.
    Apart,
    /// In the pointers' places (REL and RELR).
    InPlace,
}

/// How a Mach-O file keeps its pointers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointers {
    /// As they are where the file prefers to stand.
    Plain,
    /// As links of chains.
    Chained,
}

/// A shared object. `Unknown` is RISC-V, of 64 bits.
pub fn elf(architecture: Architecture, addends: Addends, plugins: &[Plugin]) -> Vec<u8> {
    elf::file(architecture, addends, (plugins, 0))
}

/// A shared object for x86-64 that exports so many other things beside its plugins, of some 44 bytes each.
pub fn large_elf(plugins: &[Plugin], others: usize) -> Vec<u8> {
    elf::file(Architecture::X86_64, Addends::Apart, (plugins, others))
}

/// A DLL.
pub fn pe(architecture: Architecture, plugins: &[Plugin]) -> Vec<u8> {
    pe::file(architecture, plugins)
}

/// A dynamic library, of one slice.
pub fn mach(architecture: Architecture, pointers: Pointers, plugins: &[Plugin]) -> Vec<u8> {
    mach::file(architecture, pointers, plugins)
}

/// A universal file of these slices.
pub fn universal(slices: &[Vec<u8>]) -> Vec<u8> {
    mach::universal(slices)
}

const fn is_wide(architecture: Architecture) -> bool {
    !matches!(architecture, Architecture::X86 | Architecture::Arm)
}
