//! Ranges and page sizes, against arithmetic that cannot overflow.

use bolero::check;
use wharf_core::Limit;
use wharf_http::{ByteRange, byte_range};

use crate::alphabet;

const WORDS: &[&str] = &[
    "0",
    "1",
    "9",
    "-",
    ",",
    "bytes=",
    "bytes",
    "=",
    " ",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775807",
    "9223372036854775808",
    "+",
    "99999999999999999999999999",
    "\t",
    "é",
];

/// The first and last number of `first-last`, either of which may be left out.
fn ends(spec: &str) -> Option<(Option<u128>, Option<u128>)> {
    let (first, last) = spec.split_once('-')?;
    let number = |text: &str| {
        let text = text.trim();
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        // What is longer lies behind every end all the same.
        is_number.then(|| (!text.is_empty()).then(|| text.parse().unwrap_or(u128::MAX)))
    };
    Some((number(first)?, number(last)?))
}

/// RFC 9110, section 14.1.2, for a body of `size` bytes: start and end, `None` for a range that holds nothing.
fn expected(spec: &str, size: u64) -> Option<Option<(u128, u128)>> {
    let size = u128::from(size);
    let (start, end) = match ends(spec)? {
        (None, None) => return None,
        (None, Some(suffix)) => (size.saturating_sub(suffix), size),
        (Some(first), None) => (first, size),
        (Some(first), Some(last)) => (first, last.saturating_add(1).min(size)),
    };
    Some((start < end && start < size).then_some((start, end)))
}

#[test]
fn a_range_is_what_the_rfc_says_of_a_body_of_any_size() {
    check!().with_type().for_each(|(bytes, size): &(Vec<u8>, u64)| {
        let bytes = &bytes[..bytes.len().min(8)];
        let spec = alphabet::words(bytes, WORDS);
        for size in [*size, size % 100, 0, u64::MAX] {
            let found = byte_range(Some(&format!("bytes={spec}")), size);
            match (found, expected(&spec, size)) {
                (ByteRange::Whole, None) | (ByteRange::Unsatisfiable, Some(None)) => {}
                (ByteRange::Part(part), Some(Some((start, end)))) => {
                    assert_eq!((u128::from(part.start), u128::from(part.end)), (start, end), "{spec:?}");
                    assert!(part.start < part.end && part.end <= size);
                }
                (found, expected) => panic!("bytes={spec:?} of {size}: {found:?}, not {expected:?}"),
            }
            let _ = byte_range(Some(&alphabet::text(bytes, WORDS)), size);
        }
    });
}

#[test]
fn a_page_is_never_larger_than_a_thousand_whatever_is_asked_for() {
    check!().with_max_len(6).for_each(|bytes: &[u8]| {
        for text in [alphabet::text(bytes, WORDS), alphabet::words(bytes, WORDS)] {
            let expected = text.parse::<u64>().ok().filter(|wish| i64::try_from(*wish).is_ok());
            let found = Limit::parse(&text).ok().map(|limit| limit.get() as u64);
            assert_eq!(found, expected.map(|wish| wish.min(1_000)), "{text:?}");
        }
    });
}
