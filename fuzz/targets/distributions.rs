//! Python distributions, out of whole files with bytes changed: what is read of one says what its name says, and stands in
//! it. Names are held against expressions that were written from their specifications.

use std::sync::LazyLock;

use bolero::check;
use regex::Regex;
use wharf_pypi::reading::{NamedFile, archive, filename, metadata};

use crate::alphabet;

const METADATA: &[u8] =
    b"Metadata-Version: 2.1\nName: foo\nVersion: 1.0\nRequires-Dist: bar>=1; extra == 'x'\n\nText\n";
const WHEEL: &str = "foo-1.0-py3-none-any.whl";
const SOURCE: &str = "foo-1.0.tar.gz";

/// A wheel with nothing packed, so that what is read of it stands in it.
fn wheel() -> Vec<u8> {
    let record =
        b"foo.py,,\nfoo-1.0.dist-info/METADATA,,\nfoo-1.0.dist-info/WHEEL,,\nfoo-1.0.dist-info/RECORD,,\n";
    let files: [(&str, &[u8]); 4] = [
        ("foo.py", b"x = 1\n"),
        ("foo-1.0.dist-info/METADATA", METADATA),
        ("foo-1.0.dist-info/WHEEL", b"Wheel-Version: 1.0\n"),
        ("foo-1.0.dist-info/RECORD", record),
    ];
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let mut head = vec![20, 0, 0, 0, 0, 0, 0, 0, 33, 0];
        for number in [crc.sum(), content.len() as u32, content.len() as u32, name.len() as u32] {
            head.extend(number.to_le_bytes());
        }
        let offset = (bytes.len() as u32).to_le_bytes();
        bytes.extend([b"PK\x03\x04", &head[..], name.as_bytes(), content].concat());
        directory.extend([b"PK\x01\x02", &[20, 0][..], &head, &[0; 10], &offset, name.as_bytes()].concat());
    }
    let (start, length, count) = (bytes.len() as u32, directory.len() as u32, 4_u16.to_le_bytes());
    let end =
        [b"PK\x05\x06\0\0\0\0", &count[..], &count, &length.to_le_bytes(), &start.to_le_bytes(), &[0; 2]];
    [bytes, directory, end.concat()].concat()
}

/// The tar in a source distribution.
fn tar() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in [("foo-1.0/PKG-INFO", METADATA), ("foo-1.0/foo.py", b"x = 1\n")] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn packed(tar: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut encoder, tar).unwrap();
    encoder.finish().unwrap()
}

/// Each three bytes are a place and what is written there; what is left is where the file is cut off.
fn changed(mut file: Vec<u8>, changes: &[u8]) -> Vec<u8> {
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
    file
}

fn is_of(name: &str, file: &[u8], read: &[u8]) {
    assert!(file.windows(read.len()).any(|window| window == read), "it is not in the file");
    let fields = metadata(read).expect("what was taken is read again");
    let first =
        |wanted: &str| fields.iter().find(|(field, _)| field == wanted).map(|(_, value)| value.as_str());
    let NamedFile { project, version } = filename(name).unwrap();
    assert_eq!(first("name").map(|name| name.to_ascii_lowercase().replace(['_', '.'], "-")), Some(project));
    assert_eq!(first("version").map(|version| version.trim_start_matches('v').to_owned()), Some(version));
}

#[test]
fn what_is_read_of_a_changed_distribution_is_what_its_name_says() {
    let (wheel, tar) = (wheel(), tar());
    assert_eq!(archive(WHEEL, &wheel).unwrap(), METADATA);
    assert_eq!(archive(SOURCE, &packed(&tar)).unwrap(), METADATA);
    check!().with_max_len(16).for_each(|changes: &[u8]| {
        let file = changed(wheel.clone(), changes);
        if let Some(read) = archive(WHEEL, &file) {
            is_of(WHEEL, &file, &read);
        }
        // The sum of the gzip is made anew, or no change would get past it.
        let inside = changed(tar.clone(), changes);
        if let Some(read) = archive(SOURCE, &packed(&inside)) {
            is_of(SOURCE, &inside, &read);
        }
    });
}

#[test]
fn bytes_of_no_kind_are_read_or_refused() {
    check!().with_max_len(512).for_each(|bytes: &[u8]| {
        for (name, magic) in [(WHEEL, &b"PK\x03\x04"[..]), (SOURCE, b"\x1f\x8b\x08\0"), ("foo-1.0.zip", b"")]
        {
            assert!(archive(name, &[magic, bytes].concat()).is_none(), "{name}");
        }
        let _ = metadata(bytes);
    });
}

#[test]
fn no_field_is_read_that_is_not_written() {
    const WORDS: &[&str] =
        &["Name", "Version", ":", " ", "\n", "\r\n", "\t", "foo", "1.0", "ä", "\0", "\r", "-"];
    check!().with_max_len(64).for_each(|bytes: &[u8]| {
        let text = alphabet::text(bytes, WORDS);
        let Some(fields) = metadata(text.as_bytes()) else { return };
        for (name, value) in fields {
            let line = value.split('\n').next().unwrap_or_default();
            assert!(text.to_ascii_lowercase().replace('-', "_").contains(&name), "{name:?} in {text:?}");
            assert!(text.contains(line), "{line:?} in {text:?}");
        }
    });
}

/// Names of files by expression (binary distribution format; PEP 625), and no wider.
#[test]
fn every_name_that_is_taken_is_of_the_form() {
    static WHEEL: LazyLock<Regex> = LazyLock::new(|| {
        let tag = "[A-Za-z0-9_.+]+";
        Regex::new(&format!(
            "^[A-Za-z0-9][A-Za-z0-9._]*-[A-Za-z0-9.!+_]+(-[0-9][A-Za-z0-9_.+]*)?-{tag}-{tag}-{tag}\\.whl$"
        ))
        .unwrap()
    });
    static SOURCE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^[A-Za-z0-9][A-Za-z0-9._-]*-[^/\\]+\.(tar\.gz|zip)$").unwrap());
    const WORDS: &[&str] = &[
        "foo", "bar", "-", "_", ".", "1.0", "1!2", "+cu118", "py3", "none", "any", ".whl", ".tar.gz", ".zip",
        "/", "\\", " ", "\0", "ä",
    ];
    check!().with_max_len(16).for_each(|bytes: &[u8]| {
        let text = alphabet::text(bytes, WORDS);
        if filename(&text).is_some() {
            assert!(WHEEL.is_match(&text) || SOURCE.is_match(&text), "{text:?}");
        }
    });
}
