//! For which machines a plugin is: this one, unless the user names another.

use std::env::consts;

use wharf_core::{Error, Kind, Result};
use wharf_memflow::descriptor::{Descriptor, PLUGIN_VERSION};

/// What a variant must be, as far as anything is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Platform {
    /// `pe`, `elf` or `mach`.
    pub(super) file_type: Option<String>,
    /// `x86`, `x86_64`, `arm` or `arm64`.
    pub(super) architecture: Option<String>,
    /// The version of the plugin interface.
    pub(super) interface: Option<i32>,
}

impl Platform {
    /// The same, where it asks nothing as this machine is.
    ///
    /// # Errors
    /// `Unsupported` on a machine that memflow has no word for.
    pub(super) fn or_here(self) -> Result<Self> {
        let or = |asked: Option<String>, here: Option<&'static str>, flag: &str| {
            asked.or_else(|| here.map(str::to_owned)).ok_or_else(|| {
                Error::new(Kind::Unsupported, format!("memflow knows no machine like this one: say {flag}"))
            })
        };
        Ok(Self {
            file_type: Some(or(self.file_type, file_type(consts::OS), "--file-type")?),
            architecture: Some(or(self.architecture, architecture(consts::ARCH), "--architecture")?),
            interface: Some(self.interface.unwrap_or(PLUGIN_VERSION)),
        })
    }

    /// That of a file that is here.
    pub(super) fn of(descriptor: &Descriptor) -> Option<Self> {
        Some(Self {
            file_type: Some(descriptor.file_type.word().to_owned()),
            architecture: Some(descriptor.architecture.word()?.to_owned()),
            interface: Some(descriptor.plugin_version),
        })
    }

    /// Whether a plugin is for it.
    pub(super) fn takes(&self, descriptor: &Descriptor) -> bool {
        let Self { file_type, architecture, interface } = self;
        file_type.as_deref().is_none_or(|word| word == descriptor.file_type.word())
            && architecture.as_deref().is_none_or(|word| Some(word) == descriptor.architecture.word())
            && interface.is_none_or(|version| version == descriptor.plugin_version)
    }

    /// As the API asks for it.
    pub(super) fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = Vec::new();
        query.extend(self.file_type.clone().map(|word| ("file_type", word)));
        query.extend(self.architecture.clone().map(|word| ("architecture", word)));
        query.extend(self.interface.map(|version| ("memflow_plugin_version", version.to_string())));
        query
    }
}

fn file_type(system: &str) -> Option<&'static str> {
    match system {
        "linux" | "android" | "freebsd" | "netbsd" | "openbsd" | "dragonfly" => Some("elf"),
        "macos" => Some("mach"),
        "windows" => Some("pe"),
        _ => None,
    }
}

fn architecture(machine: &str) -> Option<&'static str> {
    match machine {
        "x86_64" => Some("x86_64"),
        "x86" => Some("x86"),
        "aarch64" => Some("arm64"),
        "arm" => Some("arm"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_asked_is_as_this_machine_is() {
        let asked = Platform {
            file_type: Some("pe".to_owned()),
            architecture: Some("arm".to_owned()),
            interface: None,
        };
        let platform = asked.clone().or_here().unwrap();
        assert_eq!(platform, Platform { interface: Some(1), ..asked });
        assert_eq!(file_type("macos"), Some("mach"));
        assert_eq!(architecture("aarch64"), Some("arm64"));
        assert_eq!((file_type("plan9"), architecture("riscv64")), (None, None));
    }
}
