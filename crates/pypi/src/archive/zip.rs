//! A zip that every reader reads alike: its directory at the very end, its entries one after the other without a gap,
//! each named and sized the same in both places and unpacked to see that it is true, no name twice (the public index
//! refuses the others too).

mod extra;

use std::{
    collections::BTreeMap,
    io::{self, BufRead, Read, Seek, SeekFrom, Write},
};

use flate2::{CrcReader, bufread::DeflateDecoder};
use wharf_registry::format::Refusal;

use super::{expect_no_bomb, is_clean};

/// The length of the record at the end, of an entry's head in the directory and before its bytes, without names.
const END: u64 = 22;
const CENTRAL: usize = 46;
const LOCAL: usize = 30;
/// The largest directory, in bytes.
const LARGEST_DIRECTORY: u64 = 32 * 1024 * 1024;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

const ENCRYPTED: u16 = 1;
/// The sizes stand behind the bytes.
const STREAMED: u16 = 1 << 3;
/// The name is UTF-8; without it, readers guess.
const UTF8: u16 = 1 << 11;

/// What a Unix mode says an entry is. Without any of it, its name tells.
const KIND: u32 = 0o170_000;
const FOLDER: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;

/// An open archive.
pub(super) struct Zip<R> {
    reader: R,
    entries: BTreeMap<String, Entry>,
}

/// An entry, by what the directory says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    name: Vec<u8>,
    flags: u16,
    method: u16,
    crc: u32,
    packed: u64,
    unpacked: u64,
    offset: u64,
    /// Its Unix mode, if it has one.
    mode: u32,
}

impl<R: BufRead + Seek> Zip<R> {
    /// Opens an archive of so many bytes and holds it to the rules.
    pub(super) fn open(mut reader: R, size: u64) -> Result<Self, Refusal> {
        let (start, count) = find_directory(&mut reader, size)?;
        let mut bytes = vec![0; usize::try_from(size - END - start).unwrap_or_default()];
        reader.seek(SeekFrom::Start(start))?;
        reader.read_exact(&mut bytes).map_err(broken)?;
        let mut listed = read_directory(&bytes, count)?;
        listed.sort_by_key(|entry| entry.offset);
        expect_no_bomb(listed.iter().map(|entry| entry.unpacked).sum(), size)?;
        let mut end = 0;
        for entry in &listed {
            end = entry.expect_local(&mut reader, end)?;
        }
        if end != start {
            return Err(invalid("it holds bytes that belong to no entry"));
        }
        let mut entries = BTreeMap::new();
        for entry in listed {
            let name = entry.checked_name()?;
            if entries.insert(name.clone(), entry).is_some() {
                return Err(invalid(&format!("it holds {name:?} twice")));
            }
        }
        expect_folders(&entries)?;
        Ok(Self { reader, entries })
    }

    /// The names of all entries, in byte order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Whether there is such an entry.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Unpacks an entry of at most so many bytes.
    pub(super) fn read(&mut self, name: &str, largest: u64) -> Result<Vec<u8>, Refusal> {
        let entry = self.entries.get(name).ok_or_else(|| invalid(&format!("it holds no {name}")))?;
        if entry.unpacked > largest {
            return Err(invalid(&format!("{name} is larger than {} MiB", largest >> 20)));
        }
        self.reader.seek(SeekFrom::Start(entry.offset + LOCAL as u64 - 4))?;
        let lengths: [u8; 4] = read_array(&mut self.reader)?;
        let behind = i64::from(number(&lengths, 0, 2)) + i64::from(number(&lengths, 2, 2));
        self.reader.seek(SeekFrom::Current(behind))?;
        let mut bytes = Vec::new();
        entry.unpack(&mut self.reader, &mut bytes)?;
        Ok(bytes)
    }
}

impl Entry {
    /// Holds the head before the bytes, and the bytes, against the directory; where the next entry must begin.
    fn expect_local(&self, reader: &mut (impl BufRead + Seek), start: u64) -> Result<u64, Refusal> {
        if self.offset != start {
            return Err(invalid("its entries overlap, or bytes between them belong to none"));
        }
        reader.seek(SeekFrom::Start(self.offset))?;
        let head: [u8; LOCAL] = read_array(reader)?;
        let field = |at: usize, length: usize| number(&head, at, length);
        let behind = u64::from(field(26, 2)) + u64::from(field(28, 2));
        let mut beside = vec![0; usize::try_from(behind).unwrap_or_default()];
        reader.read_exact(&mut beside).map_err(broken)?;
        let (name, extra) = beside.split_at(field(26, 2) as usize);
        extra::expect_harmless(extra)?;
        let sizes = [field(14, 4), field(18, 4), field(22, 4)].map(u64::from);
        let is_streamed = self.flags & STREAMED != 0;
        let expected = if is_streamed { [0; 3] } else { [self.crc.into(), self.packed, self.unpacked] };
        // A streamed entry may have its sizes in front as well, if they are true.
        let agrees = sizes == expected || sizes == [self.crc.into(), self.packed, self.unpacked];
        let is_same =
            (field(0, 4), field(6, 2), field(8, 2)) == (0x0403_4b50, self.flags.into(), self.method.into());
        if !is_same || !agrees || name != self.name {
            return Err(invalid("an entry is not what the directory says"));
        }
        let [.., told] = sizes;
        if is_streamed && self.method == STORED && told != self.unpacked {
            // Who reads from the front would have to guess where it ends.
            return Err(invalid("an entry is stored, but does not say in front how long it is"));
        }
        self.unpack(&mut *reader, &mut io::sink())?;
        let end = self.offset + LOCAL as u64 + behind + self.packed;
        if is_streamed { self.expect_descriptor(reader, end) } else { Ok(end) }
    }

    /// Unpacks the bytes, at which the reader stands, as long as they are what the directory says.
    fn unpack(&self, reader: impl BufRead, sink: &mut impl Write) -> Result<(), Refusal> {
        let (packed, most) = (reader.take(self.packed), self.unpacked + 1);
        let found = if self.method == STORED {
            let mut content = CrcReader::new(packed.take(most));
            let length = pour(&mut content, sink).map_err(broken)?;
            (length, length, content.crc().sum())
        } else {
            // A stream without an end wants more than its bytes, and takes this one too.
            let mut content = CrcReader::new(DeflateDecoder::new(packed.chain(&b"\0"[..])));
            let length = io::copy(&mut content.by_ref().take(most), sink).map_err(broken)?;
            (content.get_ref().total_in(), length, content.crc().sum())
        };
        if found != (self.packed, self.unpacked, self.crc) {
            let name = String::from_utf8_lossy(&self.name);
            return Err(invalid(&format!("{name:?} is not what the directory says")));
        }
        Ok(())
    }

    /// The sizes behind a streamed entry, with or without their mark.
    fn expect_descriptor(&self, reader: &mut (impl Read + Seek), at: u64) -> Result<u64, Refusal> {
        reader.seek(SeekFrom::Start(at))?;
        let sizes: [u8; 12] = read_array(reader)?;
        let fields = |bytes: &[u8], at: usize| [at, at + 4, at + 8].map(|at| u64::from(number(bytes, at, 4)));
        let expected = [self.crc.into(), self.packed, self.unpacked];
        if number(&sizes, 0, 4) == 0x0807_4b50 {
            let last: [u8; 4] = read_array(reader)?;
            let whole = [sizes.as_slice(), last.as_slice()].concat();
            return if fields(&whole, 4) == expected { Ok(at + 16) } else { Err(sizes_differ()) };
        }
        if fields(&sizes, 0) == expected { Ok(at + 12) } else { Err(sizes_differ()) }
    }

    /// The name, if every reader reads it alike.
    fn checked_name(&self) -> Result<String, Refusal> {
        let is_told = self.flags & UTF8 != 0 || self.name.is_ascii();
        let name = std::str::from_utf8(&self.name).ok().filter(|name| is_told && is_clean(name));
        name.map(str::to_owned).ok_or_else(|| {
            invalid(&format!("it holds a file called {:?}", String::from_utf8_lossy(&self.name)))
        })
    }
}

/// Refuses what one reader would make a file and another a folder, and what is neither.
fn expect_folders(entries: &BTreeMap<String, Entry>) -> Result<(), Refusal> {
    for (name, entry) in entries {
        let is_folder = name.ends_with('/');
        let is_kind = match entry.mode & KIND {
            0 | REGULAR => true,
            FOLDER => is_folder,
            _ => false,
        };
        if !is_kind || (is_folder && entry.unpacked > 0) {
            return Err(invalid(&format!("{name:?} is neither a file nor a folder")));
        }
        let below = format!("{name}/");
        let next = entries.range(below.clone()..).next();
        if !is_folder && next.is_some_and(|(next, _)| next.starts_with(&below)) {
            return Err(invalid(&format!("{name:?} is a file and a folder")));
        }
    }
    Ok(())
}

/// Moves what a reader holds, out of where it holds it.
fn pour(reader: &mut impl BufRead, sink: &mut impl Write) -> io::Result<u64> {
    let mut poured = 0;
    loop {
        let held = reader.fill_buf()?;
        let length = held.len();
        if length == 0 {
            return Ok(poured);
        }
        sink.write_all(held)?;
        reader.consume(length);
        poured += length as u64;
    }
}

/// Where the directory begins, and how many entries it has. It must end where the archive does.
fn find_directory(reader: &mut (impl Read + Seek), size: u64) -> Result<(u64, u32), Refusal> {
    let at = size.checked_sub(END).ok_or_else(|| invalid("it is too short"))?;
    reader.seek(SeekFrom::Start(at))?;
    let end: [u8; END as usize] = read_array(reader)?;
    let field = |at: usize, length: usize| number(&end, at, length);
    if field(0, 4) != 0x0605_4b50 || field(20, 2) != 0 {
        return Err(invalid("it does not end with its directory, or carries a comment"));
    }
    let (count, length, start) = (field(10, 2), field(12, 4), field(16, 4));
    if [length, start].contains(&u32::MAX) || count == u32::from(u16::MAX) {
        return Err(invalid("zip64 is not read"));
    }
    let is_alone = field(4, 2) == 0 && field(6, 2) == 0 && field(8, 2) == count;
    let (length, start) = (u64::from(length), u64::from(start));
    if !is_alone || start + length != at || length > LARGEST_DIRECTORY {
        return Err(invalid("its directory is not where it must be"));
    }
    Ok((start, count))
}

fn read_directory(mut bytes: &[u8], count: u32) -> Result<Vec<Entry>, Refusal> {
    let mut entries = Vec::new();
    for _ in 0..count {
        let (head, rest) = bytes.split_at_checked(CENTRAL).ok_or_else(|| invalid("its directory is torn"))?;
        let field = |at: usize, length: usize| number(head, at, length);
        let [name, extra, comment] = [28, 30, 32].map(|at| field(at, 2) as usize);
        let (behind, rest) =
            rest.split_at_checked(name + extra + comment).ok_or_else(|| invalid("its directory is torn"))?;
        let [flags, method] = [8, 10].map(|at| u16::try_from(field(at, 2)).unwrap_or_default());
        if field(0, 4) != 0x0201_4b50 || flags & ENCRYPTED != 0 || comment != 0 || field(34, 2) != 0 {
            return Err(invalid("an entry is encrypted, commented or split"));
        }
        if ![STORED, DEFLATED].contains(&method) {
            return Err(invalid("an entry is neither stored nor deflated"));
        }
        let (name, behind) = behind.split_at(name);
        extra::expect_harmless(behind)?;
        entries.push(Entry {
            name: name.to_vec(),
            flags,
            method,
            crc: field(16, 4),
            packed: field(20, 4).into(),
            unpacked: field(24, 4).into(),
            offset: field(42, 4).into(),
            mode: field(40, 2),
        });
        bytes = rest;
    }
    if bytes.is_empty() { Ok(entries) } else { Err(invalid("its directory holds more than it says")) }
}

/// A number of up to four bytes, the lowest first.
fn number(bytes: &[u8], at: usize, length: usize) -> u32 {
    let bytes = bytes.get(at..at + length).unwrap_or_default();
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn read_array<const N: usize>(reader: &mut impl Read) -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes).map_err(broken)?;
    Ok(bytes)
}

fn sizes_differ() -> Refusal {
    invalid("the sizes behind an entry are not those of the directory")
}

fn invalid(words: &str) -> Refusal {
    Refusal::new(format!("Invalid distribution file: {words}"))
}

fn broken(error: io::Error) -> Refusal {
    invalid(&format!("it cannot be read: {error}"))
}
