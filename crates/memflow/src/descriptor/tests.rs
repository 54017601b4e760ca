//! Descriptors of files made for it, whole and broken.

use proptest::prelude::*;

use super::{Architecture::*, *};
use crate::samples::{Addends, Plugin, Pointers, elf, mach, pe, universal};

fn two() -> [Plugin; 2] {
    [Plugin::connector("fixture", "0.2.0"), Plugin::connector("fixture", "0.2.0").os()]
}

/// Every kind of file, with how it should be named.
fn every_file(plugins: &[Plugin]) -> Vec<(FileType, Architecture, Vec<u8>)> {
    let mut files = Vec::new();
    for architecture in [X86, X86_64, Arm, Arm64, Unknown(243)] {
        for addends in [Addends::Apart, Addends::InPlace] {
            files.push((FileType::Elf, architecture, elf(architecture, addends, plugins)));
        }
    }
    for architecture in [X86, X86_64, Arm, Arm64, Unknown(0x5064)] {
        files.push((FileType::Pe, architecture, pe(architecture, plugins)));
    }
    for architecture in [X86, X86_64, Arm, Arm64, Unknown(18)] {
        files.push((FileType::Mach, architecture, mach(architecture, Pointers::Plain, plugins)));
    }
    for architecture in [X86_64, Arm64] {
        files.push((FileType::Mach, architecture, mach(architecture, Pointers::Chained, plugins)));
    }
    files
}

fn refusal(file: &[u8]) -> String {
    read(file).unwrap_err().to_string()
}

#[test]
fn the_descriptors_of_every_kind_of_file_are_read() {
    for (file_type, architecture, file) in every_file(&two()) {
        let found = read(&file).unwrap_or_else(|refusal| panic!("{file_type:?} {architecture:?}: {refusal}"));
        let [connector, os] = found.as_slice() else { panic!("{found:?}") };
        let expected = Descriptor {
            plugin_kind: PluginKind::Connector,
            export_name: "MEMFLOW_CONNECTOR_FIXTURE".to_owned(),
            file_type,
            architecture,
            plugin_version: 1,
            accept_input: false,
            name: "fixture".to_owned(),
            version: "0.2.0".to_owned(),
            description: "the connector fixture".to_owned(),
        };
        assert_eq!(*connector, expected);
        let export_name = "MEMFLOW_OS_FIXTURE".to_owned();
        assert_eq!(*os, Descriptor { plugin_kind: PluginKind::Os, export_name, ..expected });
    }
}

/// What real linkers make of `linked/plugin.c`.
#[test]
fn the_descriptors_of_files_that_were_linked_are_read() {
    for (file, file_type, architecture) in [
        (&include_bytes!("linked/arm.so")[..], FileType::Elf, Arm),
        (include_bytes!("linked/arm64.so"), FileType::Elf, Arm64),
        (include_bytes!("linked/x86.dll"), FileType::Pe, X86),
        (include_bytes!("linked/x86_64.dll"), FileType::Pe, X86_64),
        (include_bytes!("linked/x86_64.dylib"), FileType::Mach, X86_64),
    ] {
        let mut found =
            read(file).unwrap_or_else(|refusal| panic!("{file_type:?} {architecture:?}: {refusal}"));
        found.sort_by(|one, other| one.export_name.cmp(&other.export_name));
        let [connector, os] = found.as_slice() else { panic!("{found:?}") };
        let expected = Descriptor {
            plugin_kind: PluginKind::Connector,
            export_name: "MEMFLOW_CONNECTOR_REAL".to_owned(),
            file_type,
            architecture,
            plugin_version: 1,
            accept_input: true,
            name: "real".to_owned(),
            version: "1.2.3".to_owned(),
            description: "a real one".to_owned(),
        };
        assert_eq!(*connector, expected);
        assert_eq!((os.export_name.as_str(), os.accept_input), ("MEMFLOW_OS_REAL", false));
        assert_eq!((os.name.as_str(), os.description.as_str()), ("real", ""));
    }
}

#[test]
fn a_universal_file_has_the_descriptors_of_all_its_slices() {
    let slices = [
        mach(X86_64, Pointers::Plain, &two()),
        mach(Arm64, Pointers::Chained, &[Plugin::connector("fixture", "0.2.0")]),
    ];
    let found = read(&universal(&slices)).unwrap();
    let architectures: Vec<_> = found.iter().map(|descriptor| descriptor.architecture).collect();
    assert_eq!(architectures, [X86_64, X86_64, Arm64]);
}

#[test]
fn an_unknown_processor_is_told_by_its_number() {
    let unknown = serde_json::to_value(Unknown(243)).unwrap();
    assert_eq!(unknown, serde_json::json!({ "unknown": 243 }));
    let known = [X86, X86_64, Arm, Arm64].map(|known| serde_json::to_value(known).unwrap());
    assert_eq!(known, ["x86", "x86_64", "arm", "arm64"]);
}

#[test]
fn another_version_of_the_interface_is_refused_by_name() {
    let mut plugin = Plugin::connector("fixture", "0.2.0");
    plugin.plugin_version = 2;
    for (_, _, file) in every_file(&[plugin]) {
        let expected = "MEMFLOW_CONNECTOR_FIXTURE: its plugin_version is 2, and only 1 is known";
        assert_eq!(refusal(&file), expected);
    }
}

#[test]
fn a_file_without_a_plugin_and_one_that_is_no_program_are_refused_in_words() {
    for (_, _, file) in every_file(&[]) {
        assert!(refusal(&file).starts_with("the file holds no memflow plugin"), "{}", refusal(&file));
    }
    for text in ["", "#!/bin/sh\n", "MZ", "\u{7f}ELF", "PK\u{3}\u{4}"] {
        let said = refusal(text.as_bytes());
        assert!(said.contains("no PE, ELF or Mach-O") || said.contains("cannot be read"), "{said}");
    }
}

#[test]
fn texts_that_are_none_are_refused() {
    let named = |name: &[u8]| {
        let plugin = Plugin { name: name.to_vec(), ..Plugin::connector("fixture", "1") };
        refusal(&pe(X86_64, &[plugin]))
    };
    assert!(named(b"caf\xff").ends_with("its name is not UTF-8"));
    assert!(named(b"a\nb").ends_with("its name holds a control character"));
    assert!(named(&[b'a'; 129]).ends_with("its name is too long"));
    assert!(named(b"").ends_with("it has no name"));
}

#[test]
fn more_plugins_than_any_file_has_are_refused() {
    let many: Vec<_> = (0..=MOST_DESCRIPTORS).map(|n| Plugin::connector(&format!("p{n}"), "1")).collect();
    assert_eq!(refusal(&elf(X86_64, Addends::Apart, &many)), "the file holds more than 64 plugins");
    assert_eq!(read(&elf(X86_64, Addends::Apart, &many[1..])).unwrap().len(), MOST_DESCRIPTORS);
}

#[test]
fn a_file_that_is_cut_off_is_refused_or_still_holds_all_plugins() {
    for (file_type, architecture, file) in every_file(&two()) {
        for length in 0..file.len() - 16 {
            if let Ok(found) = read(&file[..length]) {
                // What is behind the last descriptor's texts may be missing.
                assert_eq!(found.len(), 2, "{file_type:?} {architecture:?} cut at {length}");
            }
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_panic_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..600), magic in 0..8_usize) {
        let magics: [&[u8]; 8] = [
            b"\x7fELF\x02\x01\x01", b"\x7fELF\x01\x02\x01", b"MZ", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa\xce",
            b"\xca\xfe\xba\xbe\0\0\0\x02", b"\xca\xfe\xba\xbf\0\0\0\x02", b"",
        ];
        let _ = read(&[magics[magic], &bytes].concat());
    }

    /// A real file with bytes changed: read, or refused in words.
    #[test]
    fn a_file_with_bytes_changed_is_read_or_refused(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut files = every_file(&two());
        let mut file = files.swap_remove(which.index(files.len())).2;
        for (at, byte) in changes {
            let length = file.len();
            file[at.index(length)] = byte;
        }
        match read(&file) {
            Ok(found) => prop_assert!(!found.is_empty()),
            Err(refusal) => prop_assert!(!refusal.to_string().is_empty()),
        }
    }
}
