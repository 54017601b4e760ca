//! Names that are made to be taken for another: a letter more, less, changed or swapped with its neighbour, or another
//! separator. Pure.

/// Shorter names are like too many others.
const SHORTEST: usize = 4;

/// Whether a name, in its normal form, looks like another that is not the same.
pub(super) fn is_like(name: &str, other: &str) -> bool {
    if name == other || other.len() < SHORTEST {
        return false;
    }
    let bare = |name: &str| name.replace('-', "");
    bare(name) == bare(other) || is_a_letter_away(name.as_bytes(), other.as_bytes())
}

/// Whether one edit makes one of the other: a letter put in, taken out or changed, or two neighbours swapped.
fn is_a_letter_away(one: &[u8], other: &[u8]) -> bool {
    let same_begin = one.iter().zip(other).take_while(|(left, right)| left == right).count();
    let rest = |name: &'_ [u8]| name.get(same_begin..).map(<[u8]>::to_vec).unwrap_or_default();
    let (one, other) = (rest(one), rest(other));
    let tail = |name: &[u8], skipped: usize| name.get(skipped..).map(<[u8]>::to_vec);
    let is_swapped = match (one.as_slice(), other.as_slice()) {
        ([a, b, left @ ..], [c, d, right @ ..]) => a == d && b == c && left == right,
        _ => false,
    };
    is_swapped
        || tail(&one, 1).is_some_and(|shorter| shorter == other)
        || tail(&other, 1).is_some_and(|shorter| shorter == one)
        || (tail(&one, 1).is_some() && tail(&one, 1) == tail(&other, 1))
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
