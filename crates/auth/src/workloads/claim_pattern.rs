//! What the value of a claim must be: a text, in which `*` stands for any characters but `/` and `:`, and `**` for any at
//! all. The values of issuers join names by these two, so one star never reaches over into the next name.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use wharf_core::{Error, Kind, Result};

use super::claim_matcher::ClaimMatcher;

/// The longest pattern, in bytes: one less than its matcher has states.
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

    /// Whether one of some values is of this pattern.
    pub(super) fn takes_one_of(&self, values: &[impl AsRef<str>]) -> bool {
        if !self.0.contains('*') {
            return values.iter().any(|value| value.as_ref() == self.0);
        }
        let matcher = ClaimMatcher::of(&self.0);
        values.iter().any(|value| matcher.takes(value.as_ref()))
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
        pattern.parse::<ClaimPattern>().unwrap().takes_one_of(&[value])
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
