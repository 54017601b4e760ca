//! What stands beside the name of an entry: records of a number, a length and so many bytes (the zip format, 4.5).

use wharf_registry::format::Refusal;

use super::{invalid, number};

/// Sizes of 64 bits, another name and another comment: some readers believe these, others what they replace.
const CONTRADICTING: [u32; 3] = [0x0001, 0x7075, 0x6375];
/// The length of a record without its bytes.
const HEAD: usize = 4;

/// Refuses records that give an entry another name or size, and those that are torn.
pub(super) fn expect_harmless(mut extra: &[u8]) -> Result<(), Refusal> {
    while !extra.is_empty() {
        if CONTRADICTING.contains(&number(extra, 0, 2)) {
            return Err(invalid("an entry has a second name or size"));
        }
        let length = HEAD + number(extra, 2, 2) as usize;
        let is_whole = extra.len() >= HEAD;
        let rest = extra.get(length..).filter(|_| is_whole);
        extra = rest.ok_or_else(|| invalid("what stands beside the name of an entry is torn"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_nothing_may_stand_beside_a_name() {
        // A time, and a record without bytes.
        expect_harmless(b"UT\x05\x00\x01abcd\xff\xff\x00\x00").unwrap();
        expect_harmless(b"").unwrap();
        for bad in [&b"up\x01\x00\x01"[..], b"uc\x00\x00", b"\x01\x00\x00\x00", b"\xff\xff\x00\x00up\x00\x00"]
        {
            assert!(expect_harmless(bad).unwrap_err().to_string().contains("second name"), "{bad:?}");
        }
        for torn in [&b"U"[..], b"UT\x05", b"UT\x05\x00\x01abc", b"UT\x00\x00x"] {
            assert!(expect_harmless(torn).unwrap_err().to_string().contains("torn"), "{torn:?}");
        }
    }
}
