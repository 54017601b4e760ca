//! Versions (PEP 440): as tags, and as bytes that an index can sort.

use pep440_rs::{LocalSegment, PrereleaseKind, Version};
use wharf_core::Tag;
use wharf_registry::format::Refusal;

/// The tag of a version: its normal form with `_` for `+`, as Helm writes it, and `-` for `!`. No normal form holds
/// either, so the way back is certain.
pub(crate) fn tag(version: &Version) -> Result<Tag, Refusal> {
    let text = version.to_string().replace('+', "_").replace('!', "-");
    text.parse().map_err(|_| Refusal::new("a version must have at most 128 characters"))
}

/// The version a tag stands for, if it is the tag of one.
pub(crate) fn of_tag(wanted: &Tag) -> Option<Version> {
    let version: Version = wanted.as_str().replace('_', "+").replace('-', "!").parse().ok()?;
    tag(&version).is_ok_and(|tag| tag == *wanted).then_some(version)
}

/// Bytes that stand in the order of versions, the newest first.
pub(crate) fn sort_key(version: &Version) -> Vec<u8> {
    let mut key = Vec::new();
    push_number(&mut key, version.epoch());
    let release = version.release();
    let length = release.iter().rposition(|number| *number != 0).map_or(0, |last| last + 1);
    release.iter().take(length).for_each(|number| push_number(&mut key, *number));
    key.push(END);
    match version.pre() {
        // What is developed towards a version comes before what leads up to it.
        None if version.post().is_none() && version.dev().is_some() => key.push(0x01),
        None => key.push(0x05),
        Some(pre) => {
            key.push(match pre.kind {
                PrereleaseKind::Alpha => 0x02,
                PrereleaseKind::Beta => 0x03,
                PrereleaseKind::Rc => 0x04,
            });
            push_number(&mut key, pre.number);
        }
    }
    match version.post() {
        None => key.push(END),
        Some(number) => push_number(&mut key, number),
    }
    match version.dev() {
        None => key.push(0xff),
        Some(number) => push_number(&mut key, number),
    }
    version.local().iter().for_each(|segment| push_segment(&mut key, segment));
    key.push(END);
    // No key is the beginning of another, so turning every bit turns the order.
    key.into_iter().map(|byte| !byte).collect()
}

/// What ends a list: it comes before everything that could go on.
const END: u8 = 0x00;

/// A number that is longer is larger, for it has no leading zeros.
fn push_number(key: &mut Vec<u8>, number: u64) {
    let bytes = number.to_be_bytes();
    let significant = bytes.iter().skip_while(|byte| **byte == 0);
    key.push(significant.clone().fold(0x01, |length, _| length + 1));
    key.extend(significant);
}

/// Words come before numbers (PEP 440, local version identifiers).
fn push_segment(key: &mut Vec<u8>, segment: &LocalSegment) {
    match segment {
        LocalSegment::String(word) => {
            key.push(0x01);
            key.extend(word.bytes());
            key.push(END);
        }
        LocalSegment::Number(number) => {
            key.push(0x02);
            push_number(key, *number);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_tag_is_a_version_and_back() {
        for (version, written) in [
            ("1.0", "1.0"),
            ("1!2.0+cu118", "1-2.0_cu118"),
            ("2.0+cu118", "2.0_cu118"),
            ("1.0.0-rc1", "1.0.0rc1"),
            ("v1.0.post3", "1.0.post3"),
        ] {
            let version: Version = version.parse().unwrap();
            assert_eq!(tag(&version).unwrap().as_str(), written);
            assert_eq!(of_tag(&written.parse().unwrap()), Some(version));
        }
        for other in ["latest", "v1.0", "1.0-rc1", "1.0.0_", "01"] {
            assert_eq!(of_tag(&other.parse().unwrap()), None, "{other}");
        }
        assert!(tag(&format!("1.{}", "1".repeat(18)).parse().unwrap()).is_ok());
        assert!(tag(&["1"; 100].join(".").parse().unwrap()).is_err());
    }

    const PARTS: &str = "([0-2]!)?[0-3](\\.[0-3]){0,2}(a[0-2]|b[0-2]|rc[0-2])?(\\.post[0-2])?(\\.dev[0-2])?(\\+[a-c0-9]{1,2}(\\.[a-c0-9]{1,2})?)?";

    proptest! {
        #[test]
        fn keys_stand_in_the_order_of_versions(one in PARTS, other in PARTS) {
            let (one, other): (Version, Version) = (one.parse().unwrap(), other.parse().unwrap());
            prop_assert_eq!(sort_key(&one).cmp(&sort_key(&other)), other.cmp(&one), "{} {}", one, other);
            prop_assert_eq!(of_tag(&tag(&one).unwrap()), Some(one));
        }

        #[test]
        fn large_numbers_stand_in_order_too(one in any::<u64>(), other in any::<u64>()) {
            let key = |number: u64| sort_key(&Version::new([number.min(u64::MAX - 1)]));
            prop_assert_eq!(key(one).cmp(&key(other)), other.min(u64::MAX - 1).cmp(&one.min(u64::MAX - 1)));
        }
    }
}
