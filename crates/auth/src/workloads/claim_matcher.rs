//! Whether values are of a pattern, in a few steps for each of their bytes, whatever the pattern: tenants make the patterns,
//! and strangers bring the values.
//!
//! A machine that is in several states at once, with a bit for each (R. Baeza-Yates and G. Gonnet, "A new approach to text
//! searching", 1992). It is in a state if so many letters of the pattern, that is bytes but stars, and the stars between them
//! have taken the value so far. A byte moves it on where it is the next letter, and leaves it where a star stands that takes it.

use std::ops::{BitAnd, BitOr};

/// Some of the states of a pattern that has up to 255 letters.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct States {
    low: u128,
    high: u128,
}

impl States {
    const fn only(state: u8) -> Self {
        match state.checked_sub(128) {
            Some(state) => Self { low: 0, high: 1 << state },
            None => Self { low: 1 << state, high: 0 },
        }
    }

    /// Each one letter on.
    const fn moved(self) -> Self {
        Self { low: self.low << 1, high: (self.high << 1) | (self.low >> 127) }
    }

    fn is_none(self) -> bool {
        self == Self::default()
    }
}

impl BitAnd for States {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self { low: self.low & other.low, high: self.high & other.high }
    }
}

impl BitOr for States {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self { low: self.low | other.low, high: self.high | other.high }
    }
}

/// A pattern, ready for many values.
pub(super) struct ClaimMatcher {
    /// Where each byte is the next letter.
    letters: [States; 256],
    /// Where a star stands.
    starred: States,
    /// Where a star stands that goes beyond names.
    doubly_starred: States,
    /// Where all letters were seen.
    end: States,
}

impl ClaimMatcher {
    /// The matcher of a pattern of up to 255 bytes.
    pub(super) fn of(pattern: &str) -> Self {
        let none = States::default();
        let mut matcher = Self { letters: [none; 256], starred: none, doubly_starred: none, end: none };
        let mut state = 0_u8;
        for byte in pattern.bytes() {
            let here = States::only(state);
            if byte != b'*' {
                if let Some(letter) = matcher.letters.get_mut(usize::from(byte)) {
                    *letter = *letter | here;
                }
                state = state.saturating_add(1);
            } else if (matcher.starred & here).is_none() {
                matcher.starred = matcher.starred | here;
            } else {
                matcher.doubly_starred = matcher.doubly_starred | here;
            }
        }
        Self { end: States::only(state), ..matcher }
    }

    /// Whether a value is of the pattern.
    pub(super) fn takes(&self, value: &str) -> bool {
        let mut states = States::only(0);
        for byte in value.bytes() {
            let is_letter = self.letters.get(usize::from(byte)).copied().unwrap_or_default();
            let is_starred = if matches!(byte, b'/' | b':') { self.doubly_starred } else { self.starred };
            states = (states & is_letter).moved() | (states & is_starred);
            if states.is_none() {
                return false;
            }
        }
        !(states & self.end).is_none()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, by trying everything.
    fn takes(pattern: &[u8], value: &[u8]) -> bool {
        let stretch = |rest: &[u8], is_taken: fn(u8) -> bool| {
            let longest = value.iter().take_while(|byte| is_taken(**byte)).count();
            (0..=longest).any(|taken| takes(rest, &value[taken..]))
        };
        match pattern {
            [] => value.is_empty(),
            [b'*', b'*', rest @ ..] => stretch(rest, |_| true),
            [b'*', rest @ ..] => stretch(rest, |byte| byte != b'/' && byte != b':'),
            [letter, rest @ ..] => value.first() == Some(letter) && takes(rest, &value[1..]),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn the_machine_takes_what_trying_everything_takes(pattern in "[ab/:*é]{0,8}", value in "[ab/:é]{0,10}") {
            let expected = takes(pattern.as_bytes(), value.as_bytes());
            prop_assert_eq!(ClaimMatcher::of(&pattern).takes(&value), expected);
        }

        #[test]
        fn the_longest_patterns_have_a_state_for_each_letter(letters in "[ab]{125,127}", others in "[ab]{125,127}") {
            let matcher = ClaimMatcher::of(&format!("{letters}*{others}"));
            for between in ["", "a", "é"] {
                prop_assert!(matcher.takes(&format!("{letters}{between}{others}")), "{}", between);
            }
            let text = format!("{letters}/{others}");
            prop_assert!(!matcher.takes(&text));
            prop_assert!(ClaimMatcher::of(&text).takes(&text));
            prop_assert!(!ClaimMatcher::of(&text).takes(&text[1..]));
        }
    }
}
