//! Descriptors of plugins, out of whole files with bytes changed. Nothing is invented: what is read stands in the file.

use bolero::check;
use wharf_memflow::{
    descriptor::{Architecture, Descriptor, read},
    samples::{Addends, Plugin, Pointers, elf, mach, pe, universal},
};

/// One file of every kind.
fn files() -> Vec<Vec<u8>> {
    let connector = Plugin::connector("fixture", "0.2.0");
    let plugins = [connector.clone(), connector.os()];
    let universal = universal(&[
        mach(Architecture::X86_64, Pointers::Plain, &plugins),
        mach(Architecture::Arm64, Pointers::Chained, &plugins),
    ]);
    vec![
        elf(Architecture::X86_64, Addends::Apart, &plugins),
        elf(Architecture::X86, Addends::InPlace, &plugins),
        pe(Architecture::X86, &plugins),
        pe(Architecture::X86_64, &plugins),
        mach(Architecture::X86, Pointers::Plain, &plugins),
        mach(Architecture::Arm64, Pointers::Chained, &plugins),
        universal,
    ]
}

fn holds(file: &[u8], text: &str) -> bool {
    text.is_empty() || file.windows(text.len()).any(|window| window == text.as_bytes())
}

fn is_in(file: &[u8], descriptor: &Descriptor) {
    let Descriptor { name, version, description, export_name, .. } = descriptor;
    assert!(!name.is_empty() && name.len() <= 128 && version.len() <= 128 && description.len() <= 4096);
    for text in [name, version, description] {
        assert!(holds(file, text), "{text:?} is not in the file");
    }
    assert!(export_name.starts_with("MEMFLOW_"), "{export_name}");
}

/// Each three bytes are a place and what is written there; what is left is where the file is cut off.
#[test]
fn what_is_read_of_a_changed_file_stands_in_it() {
    let files = files();
    check!().with_max_len(40).for_each(|bytes: &[u8]| {
        let Some((which, changes)) = bytes.split_first() else { return };
        let mut file = files[usize::from(*which) % files.len()].clone();
        let changes = changes.chunks_exact(3);
        if let [cut] = changes.remainder() {
            file.truncate(file.len() * usize::from(*cut) / 255);
        }
        for change in changes {
            let place = usize::from(u16::from_le_bytes([change[0], change[1]]));
            if let Some(byte) = file.get_mut(place) {
                *byte = change[2];
            }
        }
        if let Ok(found) = read(&file) {
            found.iter().for_each(|descriptor| is_in(&file, descriptor));
        }
    });
}

#[test]
fn bytes_of_no_kind_are_read_or_refused() {
    check!().with_max_len(512).for_each(|bytes: &[u8]| {
        for magic in [&b"MZ"[..], b"\x7fELF\x02\x01\x01", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b""] {
            let file = [magic, bytes].concat();
            if let Ok(found) = read(&file) {
                found.iter().for_each(|descriptor| is_in(&file, descriptor));
            }
        }
    });
}
