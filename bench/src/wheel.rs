//! Wheels: stored zip files of one module of noise, with the metadata that indexes ask for.

use flate2::Crc;

use crate::payload::{self, Payload};

/// The project that all of them are of.
pub(crate) const PROJECT: &str = "bench-project";
/// How its files' names begin.
pub(crate) const STEM: &str = "bench_project";

/// What a wheel is called.
pub(crate) fn filename(version: &str) -> String {
    format!("{STEM}-{version}-py3-none-any.whl")
}

/// A wheel of this version with a module of so many bytes.
pub(crate) fn wheel(version: &str, size: usize) -> Payload {
    let folder = format!("{STEM}-{version}.dist-info");
    let metadata = format!(
        "Metadata-Version: 2.1\nName: {PROJECT}\nVersion: {version}\nSummary: Nothing\nRequires-Python: >=3.8\n"
    );
    let tags = "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let mut files = vec![
        (format!("{STEM}.py"), payload::noise(payload::number(), size)),
        (format!("{folder}/METADATA"), metadata.into_bytes()),
        (format!("{folder}/WHEEL"), tags.as_bytes().to_vec()),
    ];
    let record: String = files.iter().map(|(path, _)| format!("{path},,\n")).collect();
    files.push((format!("{folder}/RECORD"), format!("{record}{folder}/RECORD,,\n").into_bytes()));
    Payload::of(zip(&files))
}

/// A zip of files that are not packed (APPNOTE 4.3: local headers with the bytes, the directory, its end).
fn zip(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let mut crc = Crc::new();
        crc.update(content);
        // The version, flags, no method, a time and a day, then the sum and the sizes, packed and not.
        let mut head = vec![20, 0, 0, 0, 0, 0, 0, 0, 33, 0];
        for number in [crc.sum(), word(content.len()), word(content.len()), word(name.len())] {
            head.extend(number.to_le_bytes());
        }
        let offset = word(bytes.len()).to_le_bytes();
        let central = [b"PK\x01\x02", &[20, 0][..], &head, &[0; 10], &offset, name.as_bytes()];
        directory.extend(central.concat());
        for part in [b"PK\x03\x04", &head[..], name.as_bytes(), content] {
            bytes.extend_from_slice(part);
        }
    }
    let count = word(files.len()).to_le_bytes();
    let [first, second, ..] = count;
    let count = [first, second];
    let (start, length) = (word(bytes.len()).to_le_bytes(), word(directory.len()).to_le_bytes());
    bytes.extend(directory);
    for part in [b"PK\x05\x06\0\0\0\0", &count[..], &count, &length, &start, &[0; 2]] {
        bytes.extend_from_slice(part);
    }
    bytes
}

/// A number as the format has it: nothing here is larger.
fn word(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
