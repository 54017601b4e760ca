//! Names that are made to be taken for another: a letter more, less, changed or swapped with its neighbour, or another
//! separator. Pure.

/// Shorter names are like too many others.
const SHORTEST: usize = 4;

/// Whether a name, in its normal form, looks like another that is not the same. It is asked of every name of a registry, so
/// nothing is copied.
pub(super) fn is_like(name: &str, other: &str) -> bool {
    if name == other || other.len() < SHORTEST {
        return false;
    }
    bare(name).eq(bare(other)) || is_a_letter_away(name.as_bytes(), other.as_bytes())
}

/// A name without its separators.
fn bare(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(|byte| *byte != b'-')
}

/// Whether one edit makes one of the other: a letter put in, taken out or changed, or two neighbours swapped.
fn is_a_letter_away(one: &[u8], other: &[u8]) -> bool {
    if one.len().abs_diff(other.len()) > 1 {
        return false;
    }
    let same_begin = one.iter().zip(other).take_while(|(left, right)| left == right).count();
    match (one.get(same_begin..).unwrap_or_default(), other.get(same_begin..).unwrap_or_default()) {
        ([a, b, left @ ..], [c, d, right @ ..]) if a == d && b == c && left == right => true,
        ([_, left @ ..], [_, right @ ..]) if left == right => true,
        ([_, left @ ..], right) if left == right => true,
        (left, [_, right @ ..]) => left == right,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_or_a_separator_makes_a_lookalike() {
        for like in
            ["request", "requestss", "reqests", "requezts", "reqeusts", "rrequests", "requests-", "re-quests"]
        {
            assert!(is_like(like, "requests"), "{like}");
        }
        assert!(
            is_like("python-dateutils", "python-dateutil") && is_like("pythondateutil", "python-dateutil")
        );
        for other in ["requests", "requests-oauth", "request-s-x", "rqeuetss", "flask"] {
            assert!(!is_like(other, "requests"), "{other}");
        }
        assert!(!is_like("six", "sex") && !is_like("attr", "abc"), "short names are like too many");
    }
}
