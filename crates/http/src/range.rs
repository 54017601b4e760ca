//! The `Range` of a GET (RFC 9110, section 14): one range of bytes, or the whole.

use std::ops::Range;

/// What a `Range` header asks of a body of a certain size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// Everything: no header, one that is not understood, or several ranges, which may be ignored.
    Whole,
    /// This part, which lies within the body.
    Part(Range<u64>),
    /// A part that begins behind the end: 416.
    Unsatisfiable,
}

/// Reads a `Range` header for a body of `size` bytes.
pub fn byte_range(header: Option<&str>, size: u64) -> ByteRange {
    let Some(spec) = header.and_then(|text| text.trim().strip_prefix("bytes=")) else {
        return ByteRange::Whole;
    };
    let Some((first, last)) = spec.split_once('-') else { return ByteRange::Whole };
    let (first, last) = (first.trim(), last.trim());
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
        // A number too large for us lies behind every end.
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    match (number(first), number(last)) {
        (None, Some(suffix)) if first.is_empty() => part(size.saturating_sub(suffix), size, size),
        (Some(first), None) if last.is_empty() => part(first, size, size),
        (Some(first), Some(last)) => part(first, last.saturating_add(1).min(size), size),
        _ => ByteRange::Whole,
    }
}

fn part(start: u64, end: u64, size: u64) -> ByteRange {
    if start < end && start < size { ByteRange::Part(start..end) } else { ByteRange::Unsatisfiable }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        for (header, expected) in [
            ("bytes=0-3", ByteRange::Part(0..4)),
            ("bytes=3-", ByteRange::Part(3..10)),
            ("bytes=-4", ByteRange::Part(6..10)),
            ("bytes=-99", ByteRange::Part(0..10)),
            ("bytes=8-99", ByteRange::Part(8..10)),
            ("bytes=8-18446744073709551615", ByteRange::Part(8..10)),
            ("bytes=8-99999999999999999999999", ByteRange::Part(8..10)),
            ("bytes=10-", ByteRange::Unsatisfiable),
            ("bytes=10-12", ByteRange::Unsatisfiable),
            ("bytes=5-0", ByteRange::Unsatisfiable),
            ("bytes=-0", ByteRange::Unsatisfiable),
            ("bytes=0-1,4-5", ByteRange::Whole),
            ("bytes=-", ByteRange::Whole),
            ("bytes=a-b", ByteRange::Whole),
            ("bytes=+1-2", ByteRange::Whole),
            ("lines=0-1", ByteRange::Whole),
            ("", ByteRange::Whole),
        ] {
            assert_eq!(byte_range(Some(header), 10), expected, "{header}");
        }
        assert_eq!(byte_range(None, 10), ByteRange::Whole);
        assert_eq!(byte_range(Some("bytes=0-"), 0), ByteRange::Unsatisfiable);
    }

    proptest! {
        #[test]
        fn a_part_lies_within_the_body(header in "(bytes=)?[0-9]{0,20}-?[0-9,-]{0,20}", size in any::<u64>()) {
            if let ByteRange::Part(range) = byte_range(Some(&header), size) {
                prop_assert!(range.start < range.end && range.end <= size);
            }
        }
    }
}
