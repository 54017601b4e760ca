//! What the value of a claim must be: a text, in which `*` stands for any characters but `/` and `:`, and `**` for any at
//! all. The values of issuers join names by these two, so one star never reaches over into the next name.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use wharf_core::{Error, Kind, Result};

/// The longest pattern, in bytes.
const LONGEST: usize = 255;

/// A pattern of values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClaimPattern(String);

impl ClaimPattern {
    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it says nothing: there are only stars.
    pub(super) fn is_open(&self) -> bool {
        self.0.bytes().all(|byte| byte == b'*')
    }

    /// Whether a value is of this pattern. Costs at most the product of both lengths.
    pub fn matches(&self, value: &str) -> bool {
        let value = value.as_bytes();
        // Which ends of the value can be reached with the pieces so far: as a machine with all its states at once.
        let mut reached = vec![false; value.len() + 1];
        if let Some(first) = reached.first_mut() {
            *first = true;
        }
        let mut bytes = self.0.bytes().peekable();
        while let Some(byte) = bytes.next() {
            let is_long = byte == b'*' && bytes.next_if_eq(&b'*').is_some();
            match byte {
                b'*' => stretch(value, &mut reached, |byte| is_long || (byte != b'/' && byte != b':')),
                literal => advance(value, &mut reached, literal),
            }
        }
        reached.last().copied().unwrap_or_default()
    }
}

/// From each end that is reached, over all bytes that a star takes.
fn stretch(value: &[u8], reached: &mut [bool], takes: impl Fn(u8) -> bool) {
    let mut before = false;
    for (position, here) in reached.iter_mut().enumerate() {
        let byte = position.checked_sub(1).and_then(|last| value.get(last));
        *here |= before && byte.is_some_and(|byte| takes(*byte));
        before = *here;
    }
}

/// From each end that is reached, over just this byte.
fn advance(value: &[u8], reached: &mut [bool], literal: u8) {
    let mut before = false;
    for (position, here) in reached.iter_mut().enumerate() {
        let byte = position.checked_sub(1).and_then(|last| value.get(last));
        let now = before && byte == Some(&literal);
        before = *here;
        *here = now;
    }
}

impl FromStr for ClaimPattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.len() > LONGEST || text.contains(char::is_control) {
            let words = "what a claim must be is up to 255 bytes, with '*' and '**' for what does not count";
            return Err(Error::new(Kind::Invalid, words));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for ClaimPattern {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<ClaimPattern> for String {
    fn from(pattern: ClaimPattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for ClaimPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, value: &str) -> bool {
        pattern.parse::<ClaimPattern>().unwrap().matches(value)
    }

    #[test]
    fn a_star_stays_within_a_name() {
        for (pattern, value) in [
            ("acme/app", "acme/app"),
            ("", ""),
            ("acme/*", "acme/app"),
            ("*", "main"),
            ("**", "a/b:c"),
            ("a*", "a"),
            ("repo:acme/*:ref:refs/heads/main", "repo:acme/app:ref:refs/heads/main"),
            ("refs/tags/v*.*", "refs/tags/v1.2"),
            ("refs/heads/**", "refs/heads/feature/x"),
            ("a?", "a?"),
        ] {
            assert!(matches(pattern, value), "{pattern} {value}");
        }
        for (pattern, value) in [
            ("acme/app", "acme/app2"),
            ("acme/app", "Acme/app"),
            ("acme/*", "acme/app/x"),
            ("acme/*", "acme"),
            ("acme/*", "evil/acme/app"),
            ("repo:acme/*", "repo:acme/app:ref:refs/heads/main"),
            ("", "a"),
            ("*", "a:b"),
            ("repo:acme/*:ref:refs/heads/main", "repo:acme/x:environment:y:ref:refs/heads/main"),
            ("a?", "ab"),
        ] {
            assert!(!matches(pattern, value), "{pattern} {value}");
        }
    }

    proptest! {
        #[test]
        fn a_text_is_its_own_pattern_and_two_stars_take_everything(text in "[\\PC&&[^*]]{0,40}", other in "\\PC{0,40}") {
            prop_assert!(matches(&text, &text));
            prop_assert!(matches("**", &text));
            prop_assert_eq!(matches(&text, &other), text == other);
            let around = format!("**{text}**");
            prop_assert_eq!(matches(&around, &other), other.contains(&text));
        }
    }
}
