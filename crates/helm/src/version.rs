//! The order of versions, as bytes that an index can sort.

use semver::Version;
use wharf_core::Tag;

/// Bytes that stand in the order of precedence of semantic versions, the newest first; `None` for what is no
/// version. A leading `v` and missing numbers pass, as Helm lets them pass.
pub(crate) fn sort_key(text: &str) -> Option<Vec<u8>> {
    let version = parse(text)?;
    let mut key = [version.major, version.minor, version.patch].map(u64::to_be_bytes).concat();
    if version.pre.is_empty() {
        key.push(0xff);
    } else {
        version.pre.split('.').for_each(|identifier| push_identifier(&mut key, identifier));
        key.push(0x01);
    }
    // No key is the beginning of another, so turning every bit turns the order.
    Some(key.into_iter().map(|byte| !byte).collect())
}

/// Whether this is a semantic version, to the letter.
pub(crate) fn is_semantic(text: &str) -> bool {
    Version::parse(text).is_ok()
}

/// Whether a tag stands for a version that is no pre-release: a tag has an underscore for the plus sign.
pub(crate) fn is_release(tag: &Tag) -> bool {
    parse(&tag.as_str().replace('_', "+")).is_some_and(|version| version.pre.is_empty())
}

/// Numbers come before words and are compared as numbers; more identifiers come after fewer (SemVer 2.0, 11.4).
fn push_identifier(key: &mut Vec<u8>, identifier: &str) {
    if identifier.bytes().all(|byte| byte.is_ascii_digit()) {
        key.push(0x10);
        // Without leading zeros the longer number is the larger.
        key.extend(u16::try_from(identifier.len()).unwrap_or(u16::MAX).to_be_bytes());
        key.extend(identifier.bytes());
    } else {
        key.push(0x20);
        key.extend(identifier.bytes());
        key.push(0x00);
    }
}

/// A version, as leniently as Helm reads one.
pub(crate) fn parse(text: &str) -> Option<Version> {
    let bare = text.strip_prefix('v').unwrap_or(text);
    if let Ok(version) = Version::parse(bare) {
        return Some(version);
    }
    let end = bare.find(['-', '+']).unwrap_or(bare.len());
    let (numbers, rest) = bare.split_at_checked(end)?;
    let missing = 2_usize.checked_sub(numbers.matches('.').count())?;
    Version::parse(&format!("{numbers}{}{rest}", ".0".repeat(missing))).ok()
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_newest_comes_first() {
        let newest_first = [
            "10.0.0",
            "2.0.0",
            "1.10.0",
            "1.9.0",
            "1.0.0",
            "1.0.0-rc.1",
            "1.0.0-beta.11",
            "1.0.0-beta.2",
            "1.0.0-beta",
            "1.0.0-alpha.beta",
            "1.0.0-alpha.1",
            "1.0.0-alpha",
            "1.0.0-2",
            "1.0.0-1",
        ];
        let keys: Vec<_> = newest_first.map(|version| sort_key(version).unwrap()).into();
        assert!(keys.is_sorted());
    }

    #[test]
    fn versions_helm_lets_pass_have_a_place_and_others_none() {
        assert_eq!(sort_key("v1.2"), sort_key("1.2.0"));
        assert_eq!(sort_key("1-rc.1+build"), sort_key("1.0.0-rc.1"));
        for bad in ["", "v", "latest", "1.2.3.4", "1..2", "-1", "1.0.0-"] {
            assert_eq!(sort_key(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_dash_behind_the_plus_sign_makes_no_pre_release() {
        for (tag, expected) in [
            ("1.0.0", true),
            ("v1.2", true),
            ("1.0.0_build-1", true),
            ("1.0.0-rc.1", false),
            ("1.0.0-rc.1_build", false),
            ("latest", false),
        ] {
            assert_eq!(is_release(&tag.parse().unwrap()), expected, "{tag}");
        }
    }

    proptest! {
        #[test]
        fn keys_stand_in_the_order_of_precedence(
            one in "[0-2]\\.[0-9]\\.0(-[a-c0-9]{1,2}(\\.[a-c0-9]{1,2}){0,2})?",
            other in "[0-2]\\.[0-9]\\.0(-[a-c0-9]{1,2}(\\.[a-c0-9]{1,2}){0,2})?",
        ) {
            if let (Ok(one), Ok(other)) = (Version::parse(&one), Version::parse(&other)) {
                let keys = sort_key(&one.to_string()).cmp(&sort_key(&other.to_string()));
                let precedence = other.cmp_precedence(&one);
                prop_assert!(keys == precedence, "{one} {other}: {keys:?} {precedence:?}");
                prop_assert!((keys == Ordering::Equal) == (one == other));
            }
        }
    }
}
