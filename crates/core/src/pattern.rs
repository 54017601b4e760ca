//! Patterns of names: which repositories and tags a rule speaks of.
//!
//! `*` stands for any characters but `/`, `**` for any at all, `?` for one that is not `/`; everything else stands for
//! itself. A pattern is for the whole name, and costs at most the product of both lengths.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Error, Kind};

/// The longest pattern, in bytes: as long as the longest name.
const LONGEST: usize = 255;

/// A pattern of names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(String);

/// A piece of a pattern.
#[derive(Clone, Copy)]
enum Piece {
    /// One character, as it is.
    Literal(u8),
    /// One that is not `/`.
    One,
    /// Any number that are not `/`.
    Some,
    /// Any number.
    All,
}

impl Pattern {
    /// The pattern of every name.
    pub fn everything() -> Self {
        Self("**".to_owned())
    }

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a name is of this pattern.
    pub fn matches(&self, name: &str) -> bool {
        // Which ends of the name can be reached with the pieces so far: as a machine with all its states at once.
        let name = name.as_bytes();
        let mut reached = vec![false; name.len() + 1];
        if let Some(first) = reached.first_mut() {
            *first = true;
        }
        for piece in self.pieces() {
            step(piece, name, &mut reached);
            if !reached.contains(&true) {
                return false;
            }
        }
        reached.last().copied().unwrap_or_default()
    }

    fn pieces(&self) -> impl Iterator<Item = Piece> {
        let mut bytes = self.0.bytes().peekable();
        std::iter::from_fn(move || {
            Some(match bytes.next()? {
                b'*' if bytes.next_if_eq(&b'*').is_some() => Piece::All,
                b'*' => Piece::Some,
                b'?' => Piece::One,
                literal => Piece::Literal(literal),
            })
        })
    }
}

/// Moves what is reached on by one piece.
fn step(piece: Piece, name: &[u8], reached: &mut [bool]) {
    let mut before = false;
    for (position, here) in reached.iter_mut().enumerate() {
        let character = position.checked_sub(1).and_then(|last| name.get(last)).copied();
        let now = match piece {
            Piece::Literal(literal) => before && character == Some(literal),
            Piece::One => before && character != Some(b'/'),
            Piece::Some => *here || (before && character != Some(b'/')),
            Piece::All => *here || before,
        };
        // A star that was reached goes on from where it is, anything else from where the piece before ended.
        before = if matches!(piece, Piece::Some | Piece::All) { now } else { *here };
        *here = now;
    }
}

impl FromStr for Pattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let is_legal = |c: u8| c.is_ascii_alphanumeric() || b"._-/*?".contains(&c);
        if text.is_empty() || text.len() > LONGEST || !text.bytes().all(is_legal) {
            let message =
                "a pattern is up to 255 letters, digits, '.', '_', '-' and '/', with '*', '**' and '?'";
            return Err(Error::new(Kind::Invalid, message));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Pattern {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The plain way, which may take for ever.
    fn plainly(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern, name) {
            ([], _) => name.is_empty(),
            ([b'*', b'*', rest @ ..], _) => (0..=name.len()).any(|skipped| plainly(rest, &name[skipped..])),
            ([b'*', rest @ ..], _) => {
                let most = name.iter().position(|c| *c == b'/').unwrap_or(name.len());
                (0..=most).any(|skipped| plainly(rest, &name[skipped..]))
            }
            ([b'?', rest @ ..], [c, name @ ..]) => *c != b'/' && plainly(rest, name),
            ([literal, rest @ ..], [c, name @ ..]) => literal == c && plainly(rest, name),
            _ => false,
        }
    }

    #[test]
    fn a_star_stays_within_a_component_and_two_do_not() {
        let table = [
            ("v*", "v1.2", true),
            ("v*", "1.2", false),
            ("*", "a/b", false),
            ("**", "a/b", true),
            ("team/*", "team/a", true),
            ("team/*", "team/a/b", false),
            ("team/**", "team/a/b", true),
            ("v?.?", "v1.2", true),
            ("v?.?", "v1.22", false),
            ("**", "", true),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(pattern.parse::<Pattern>().unwrap().matches(name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for bad in ["", "a b", "[a]", "ä", "a{1}", &"a".repeat(256)] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn it_matches_what_the_plain_way_matches(pattern in "[ab/*?]{1,7}", name in "[ab/]{0,6}") {
            let parsed: Pattern = pattern.parse().unwrap();
            prop_assert_eq!(parsed.matches(&name), plainly(pattern.as_bytes(), name.as_bytes()));
        }
    }
}
