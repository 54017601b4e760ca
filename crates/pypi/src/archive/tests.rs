//! Archives made by hand, whole and broken.

use std::io::{Cursor, Write as _};

use flate2::{
    Compression, Crc,
    write::{DeflateEncoder, GzEncoder},
};
use proptest::prelude::*;

use super::*;

const NAME: &str = "foo-1.0-py3-none-any.whl";
const METADATA: &[u8] = b"Metadata-Version: 2.1\nName: foo\nVersion: 1.0\n\nText\n";

/// An entry of a zip, with what is said of it.
#[derive(Clone, Default)]
struct Packed<'a> {
    name: &'a str,
    flags: u16,
    method: u16,
    crc: u32,
    packed: Vec<u8>,
    unpacked: u32,
    local_extra: &'a [u8],
    extra: &'a [u8],
    mode: u16,
    /// Whether its sizes stand behind the bytes and not in front.
    is_streamed: bool,
}

impl<'a> Packed<'a> {
    fn new(name: &'a str, content: &[u8]) -> Self {
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
        deflate.write_all(content).unwrap();
        let (packed, mut crc) = (deflate.finish().unwrap(), Crc::new());
        crc.update(content);
        let (crc, unpacked) = (crc.sum(), content.len() as u32);
        Self { name, method: 8, crc, packed, unpacked, ..Self::default() }
    }

    fn sizes(&self) -> Vec<u8> {
        [self.crc, self.packed.len() as u32, self.unpacked].map(u32::to_le_bytes).concat()
    }

    /// What stands in both heads, but for the length of the extra fields.
    fn head(&self, sizes: &[u8]) -> Vec<u8> {
        let flags = self.flags | u16::from(self.is_streamed) << 3;
        let start = [20, flags, self.method, 0, 0].map(u16::to_le_bytes).concat();
        [&start, sizes, &(self.name.len() as u16).to_le_bytes()].concat()
    }
}

/// A zip, entry by entry, deflated.
pub(crate) fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    zip_of(&entries.iter().map(|(name, content)| Packed::new(name, content)).collect::<Vec<_>>())
}

fn zip_of(entries: &[Packed<'_>]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let Packed { name, packed, local_extra, extra, .. } = entry;
        let offset = (bytes.len() as u32).to_le_bytes();
        let length = (local_extra.len() as u16).to_le_bytes();
        let mark = 0x0403_4b50_u32.to_le_bytes();
        let sizes = if entry.is_streamed { vec![0; 12] } else { entry.sizes() };
        let head = entry.head(&sizes);
        bytes.extend([&mark, &head[..], &length, name.as_bytes(), local_extra, packed].concat());
        bytes.extend(if entry.is_streamed { entry.sizes() } else { Vec::new() });
        let (mark, length) = (0x0201_4b50_u32.to_le_bytes(), (extra.len() as u16).to_le_bytes());
        let (head, mode) = (entry.head(&entry.sizes()), entry.mode.to_le_bytes());
        let central: [&[u8]; 9] =
            [&mark, &[20, 3], &head, &length, &[0; 8], &mode, &offset, name.as_bytes(), extra];
        directory.extend(central.concat());
    }
    let (start, length) = (bytes.len() as u32, directory.len() as u32);
    bytes.extend(directory);
    bytes.extend(0x0605_4b50_u32.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend((entries.len() as u16).to_le_bytes().repeat(2));
    bytes.extend([length.to_le_bytes(), start.to_le_bytes()].concat());
    bytes.extend([0, 0]);
    bytes
}

fn wheel(more: &[(&str, &[u8])]) -> Vec<u8> {
    wheel_of(more.iter().map(|(name, content)| Packed::new(name, content)).collect())
}

fn wheel_of(more: Vec<Packed<'_>>) -> Vec<u8> {
    let names =
        ["foo.py", "foo-1.0.dist-info/METADATA", "foo-1.0.dist-info/WHEEL", "foo-1.0.dist-info/RECORD"];
    let record = names.iter().chain(&["data.py", "d\u{e4}ta.py"]).map(|name| format!("{name},,\n"));
    let record = record.collect::<String>();
    let contents: [&[u8]; 4] = [b"1", METADATA, b"Wheel-Version: 1.0\n", record.as_bytes()];
    let own = names.into_iter().zip(contents).map(|(name, content)| Packed::new(name, content));
    zip_of(&own.chain(more).collect::<Vec<_>>())
}

fn of(bytes: &[u8], name: &str) -> Result<Vec<u8>, Refusal> {
    let file = FileName::parse(name).unwrap();
    inside(Cursor::new(bytes), bytes.len() as u64, &file).map(|inside| inside.bytes)
}

fn refusal(bytes: &[u8]) -> String {
    of(bytes, NAME).unwrap_err().to_string()
}

fn sdist(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let entries: Vec<_> = entries.iter().map(|(path, content)| (b'0', *path, *content)).collect();
    gzip(&tar_of(&entries))
}

/// A tar of entries with their types.
fn tar_of(entries: &[(u8, &str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (kind, path, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(tar::EntryType::new(*kind));
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn source_refusal(bytes: &[u8]) -> String {
    of(bytes, "foo-1.0.tar.gz").unwrap_err().to_string()
}

#[test]
fn the_metadata_of_every_kind_is_found() {
    assert_eq!(of(&wheel(&[]), NAME).unwrap(), METADATA);
    let source: &[(&str, &[u8])] = &[("foo-1.0/PKG-INFO", METADATA), ("foo-1.0/sub/PKG-INFO", b"other")];
    assert_eq!(of(&sdist(source), "foo-1.0.tar.gz").unwrap(), METADATA);
    assert_eq!(of(&zip(source), "foo-1.0.zip").unwrap(), METADATA);
}

#[test]
fn a_wheel_that_two_readers_could_read_differently_is_refused() {
    assert!(refusal(&wheel(&[("foo.py", b"2")])).contains("twice"));
    assert!(refusal(&wheel(&[("evil.py", b"2")])).contains("RECORD does not list"));
    assert!(refusal(&wheel(&[("../evil.py", b"2")])).contains("../evil.py"));
    assert!(refusal(&wheel(&[("other-1.0.dist-info/METADATA", METADATA)])).contains("more than one"));
    assert!(refusal(&[wheel(&[]), b"more".to_vec()].concat()).contains("does not end"));
    assert!(refusal(&[b"more".to_vec(), wheel(&[])].concat()).contains("not where it must be"));
    let mut renamed = wheel(&[]);
    renamed[30] = b'g';
    assert!(refusal(&renamed).contains("not what the directory says"));
    assert!(refusal(&zip(&[("foo.py", b"1")])).contains("METADATA"));
    let lying = zip(&[("bar-1.0.dist-info/METADATA", METADATA)]);
    assert!(refusal(&lying).contains("is not that of"));
    for missing in ["METADATA", "WHEEL", "RECORD"] {
        let all = ["METADATA", "WHEEL", "RECORD"].into_iter().filter(|name| *name != missing);
        let names: Vec<_> = all.map(|name| format!("foo-1.0.dist-info/{name}")).collect();
        let entries: Vec<_> = names.iter().map(|name| (name.as_str(), METADATA)).collect();
        assert!(refusal(&zip(&entries)).contains(missing), "{missing}");
    }
}

#[test]
fn an_entry_has_one_name() {
    let other_name = b"up\x0b\x00\x01\x00\x00\x00\x00evil.p";
    let entry = Packed::new("data.py", b"1");
    let time = Packed { extra: b"UT\x01\x00\x01", local_extra: b"UT\x01\x00\x01", ..entry.clone() };
    assert!(of(&wheel_of(vec![time]), NAME).is_ok());
    for wrong in [
        Packed { extra: other_name, ..entry.clone() },
        Packed { local_extra: other_name, ..entry.clone() },
        Packed { extra: b"U", ..entry },
    ] {
        assert!(refusal(&wheel_of(vec![wrong])).contains("an entry"));
    }
    let guessed = Packed::new("d\u{e4}ta.py", b"1");
    assert!(refusal(&wheel_of(vec![guessed.clone()])).contains("d\u{e4}ta.py"));
    assert!(of(&wheel_of(vec![Packed { flags: 1 << 11, ..guessed }]), NAME).is_ok());
}

#[test]
fn every_entry_is_what_the_directory_says() {
    let entry = Packed::new("data.py", b"0123456789");
    let stored = Packed { method: 0, packed: b"0123456789".to_vec(), ..entry.clone() };
    assert!(of(&wheel_of(vec![stored.clone()]), NAME).is_ok());
    assert!(of(&wheel_of(vec![Packed::new("data.py", b"")]), NAME).is_ok());
    let torn = entry.packed[..entry.packed.len() - 1].to_vec();
    let bomb = Packed::new("data.py", &vec![0; 200_000]).packed;
    for (what, wrong) in [
        ("crc", Packed { crc: 1, ..entry.clone() }),
        ("stored crc", Packed { crc: 1, ..stored.clone() }),
        ("longer than told", Packed { packed: bomb, ..entry.clone() }),
        ("shorter than told", Packed { unpacked: 11, ..entry.clone() }),
        ("bytes behind", Packed { packed: [&entry.packed[..], b"more"].concat(), ..entry.clone() }),
        ("stored bytes behind", Packed { packed: b"0123456789more".to_vec(), ..stored.clone() }),
        ("torn", Packed { packed: torn, ..entry.clone() }),
    ] {
        assert!(refusal(&wheel_of(vec![wrong])).contains("not what the directory says"), "{what}");
    }
    let nothing = Packed { packed: Vec::new(), unpacked: 0, crc: 0, ..entry.clone() };
    for garbage in [nothing, Packed { packed: vec![0xff; 3], ..entry }] {
        assert!(refusal(&wheel_of(vec![garbage])).contains("cannot be read"));
    }
}

#[test]
fn an_entry_that_is_streamed_says_by_itself_where_it_ends() {
    let entry = Packed { is_streamed: true, ..Packed::new("data.py", b"0123456789") };
    assert!(of(&wheel_of(vec![entry.clone()]), NAME).is_ok());
    let stored = Packed { method: 0, packed: b"0123456789".to_vec(), ..entry };
    assert!(refusal(&wheel_of(vec![stored])).contains("in front"));
}

#[test]
fn an_entry_is_a_file_or_a_folder_and_not_both() {
    let (file, folder) = (Packed::new("data.py", b"1"), Packed::new("a/", b""));
    for mode in [0, 0o644, 0o100_755] {
        assert!(of(&wheel_of(vec![Packed { mode, ..file.clone() }]), NAME).is_ok(), "{mode:o}");
    }
    let below = Packed::new("a/data.py", b"1");
    for wrong in [
        vec![Packed { mode: 0o120_777, ..file.clone() }],
        vec![Packed { mode: 0o010_644, ..file.clone() }],
        vec![Packed { mode: 0o040_755, ..file.clone() }],
        vec![Packed::new("a/", b"1")],
        vec![Packed::new("a", b"1"), folder.clone()],
        vec![Packed::new("a", b"1"), Packed::new("a-b", b"1"), below],
    ] {
        let refused = refusal(&wheel_of(wrong));
        assert!(refused.contains("a file"), "{refused}");
    }
    assert!(of(&wheel_of(vec![Packed { mode: 0o040_755, ..folder }]), NAME).is_ok());
}

#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    let zeros = vec![0; 70 << 20];
    assert!(refusal(&wheel(&[("zeros", &zeros)])).contains("ratio"));
    let bomb = sdist(&[("foo-1.0/zeros", &zeros), ("foo-1.0/PKG-INFO", METADATA)]);
    assert!(of(&bomb, "foo-1.0.tar.gz").unwrap_err().to_string().contains("ratio"));
}

#[test]
fn what_an_archive_may_unpack_to_has_a_bound_however_large_it_is() {
    const MIB: u64 = 1 << 20;
    for (packed, most) in [
        (0, 64 * MIB),
        (MIB, 64 * MIB),
        (50 * MIB, 2500 * MIB),
        (4096 * MIB, 16384 * MIB),
        (u64::MAX, 16384 * MIB),
    ] {
        expect_no_bomb(most, packed).unwrap();
        assert!(expect_no_bomb(most + 1, packed).unwrap_err().to_string().contains("ratio"), "{packed}");
    }
}

#[test]
fn a_source_distribution_has_one_folder_with_its_metadata() {
    for (entries, words) in [
        (&[("foo-1.0/PKG-INFO", METADATA), ("other/file", b"1")][..], "exactly one folder"),
        (&[("foo-1.0/setup.py", METADATA)][..], "no PKG-INFO"),
        (&[("foo-1.0/../../etc/passwd", METADATA)][..], "etc/passwd"),
        (&[("foo-1.0/PKG-INFO", METADATA), ("foo-1.0/PKG-INFO", METADATA)][..], "twice"),
    ] {
        let refused = of(&sdist(entries), "foo-1.0.tar.gz").unwrap_err().to_string();
        assert!(refused.contains(words), "{refused}");
    }
    let other = sdist(&[("bar-1.0/PKG-INFO", METADATA)]);
    assert!(source_refusal(&other).contains("foo-1.0"), "the folder of another distribution");
    assert!(of(&zip(&[("bar-1.0/PKG-INFO", METADATA)]), "foo-1.0.zip").is_err());
    assert!(of(b"no archive", "foo-1.0.tar.gz").is_err());
    assert!(of(&sdist(&[]), NAME).is_err(), "a tar that calls itself a wheel");
}

#[test]
fn nothing_stands_behind_the_end_of_a_source_distribution() {
    let tar = tar_of(&[(b'0', "foo-1.0/PKG-INFO", METADATA)]);
    let padded = [&tar[..], &[0; 20_000]].concat();
    assert_eq!(of(&gzip(&padded), "foo-1.0.tar.gz").unwrap(), METADATA);
    let evil = tar_of(&[(b'0', "../../evil.py", b"1")]);
    let open = &tar[..tar.len() - 1024];
    for behind in [
        gzip(&[&tar[..], &evil].concat()),
        [gzip(&tar), gzip(&evil)].concat(),
        [gzip(open), gzip(&evil)].concat(),
        [gzip(&tar), b"garbage".to_vec()].concat(),
        [gzip(&tar), vec![0]].concat(),
    ] {
        assert!(source_refusal(&behind).contains("behind its end"));
    }
    let bomb = gzip(&[&tar[..], &vec![0; 70 << 20]].concat());
    assert!(source_refusal(&bomb).contains("ratio"), "zeros without end");
}

#[test]
fn a_source_distribution_that_two_readers_could_read_differently_is_refused() {
    let own = (b'0', "foo-1.0/PKG-INFO", METADATA);
    let file = (b'0', "foo-1.0/a.py", &b"1"[..]);
    let mtime = (b'g', "pax_global_header", &b"11 mtime=1\n"[..]);
    assert!(of(&gzip(&tar_of(&[mtime, own, file])), "foo-1.0.tar.gz").is_ok());
    for (entries, words) in [
        (vec![(b'g', "g", &b"17 path=setup.py\n"[..])], "one name"),
        (vec![(b'g', "g", b"14 linkpath=/\n")], "one name"),
        (vec![(b'g', "g", b"9 size=1\n")], "size"),
        (vec![(b'g', "g", b"22 GNU.sparse.major=1\n")], "holes"),
        (vec![(b'x', "x", b"10 path=a\n"), (b'L', "x", b"b\0")], "names a file twice"),
        (vec![file, file], "twice"),
        (vec![(b'0', "foo-1.0/PKG-INFO/", METADATA)], "PKG-INFO/"),
        (vec![(b'5', "foo-1.0/a", b"1")], "bytes of its own"),
        (vec![(b'K', "x", b"/etc\0"), (b'2', "foo-1.0/a", b"")], "leads to"),
        (vec![(b'x', "x", b"17 linkpath=../x\n"), (b'1', "foo-1.0/a", b"")], "leads to"),
        (vec![(b'K', "x", b"b\0"), (b'2', "foo-1.0/a", b""), (b'0', "foo-1.0/a/b", b"1")], "no folder"),
    ] {
        let refused = source_refusal(&gzip(&tar_of(&[vec![own], entries].concat())));
        assert!(refused.contains(words), "{words}: {refused}");
    }
    let mut tar = tar_of(&[own]);
    tar[345] = b'x';
    let mut header = tar::Header::from_byte_slice(&tar[..512]).clone();
    header.set_cksum();
    tar[..512].copy_from_slice(header.as_bytes());
    assert!(source_refusal(&gzip(&tar)).contains("two parts"));
}

proptest! {
    #[test]
    fn no_bytes_panic_the_readers(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = (of(&bytes, NAME), of(&bytes, "foo-1.0.tar.gz"), of(&bytes, "foo-1.0.zip"));
    }

    /// A real wheel with bytes changed: read, or refused in words.
    #[test]
    fn a_wheel_with_bytes_changed_is_read_or_refused(changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..5)) {
        let mut bytes = wheel(&[]);
        for (at, byte) in changes {
            let length = bytes.len();
            bytes[at % length] = byte;
        }
        if let Err(refusal) = of(&bytes, NAME) {
            prop_assert!(!refusal.to_string().is_empty());
        }
    }
}
