//! Conditions on what is there (RFC 9110, section 13), by digest.

use crate::{Digest, Error, Kind, Result};

/// What a condition compares with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// `*`: anything at all.
    Anything,
    /// One of these.
    OneOf(Vec<Digest>),
}

impl Expected {
    fn holds(&self, current: Option<&Digest>) -> bool {
        match (self, current) {
            (_, None) => false,
            (Self::Anything, Some(_)) => true,
            (Self::OneOf(digests), Some(current)) => digests.contains(current),
        }
    }
}

/// The conditions of a request: `If-Match` and `If-None-Match`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Go on only if this is there.
    pub matches: Option<Expected>,
    /// Go on only if this is not there.
    pub none_matches: Option<Expected>,
}

impl Condition {
    /// Whether `If-None-Match` names what is there: then a reader has it already. `If-Match` comes first (RFC 9110, section
    /// 13.2.2).
    ///
    /// # Errors
    /// `PreconditionFailed` where `If-Match` wants something else.
    pub fn is_known(&self, current: &Digest) -> Result<bool> {
        let current = Some(current);
        if self.is_wanted(current) { Ok(self.is_named(current)) } else { Err(unmet(current)) }
    }

    /// Holds the conditions against what is there.
    ///
    /// # Errors
    /// `PreconditionFailed`.
    pub fn check(&self, current: Option<&Digest>) -> Result<()> {
        if self.is_wanted(current) && !self.is_named(current) { Ok(()) } else { Err(unmet(current)) }
    }

    fn is_wanted(&self, current: Option<&Digest>) -> bool {
        self.matches.as_ref().is_none_or(|expected| expected.holds(current))
    }

    fn is_named(&self, current: Option<&Digest>) -> bool {
        self.none_matches.as_ref().is_some_and(|expected| expected.holds(current))
    }
}

fn unmet(current: Option<&Digest>) -> Error {
    let stands = current.map_or_else(|| "nothing".to_owned(), Digest::to_string);
    Error::new(Kind::PreconditionFailed, format!("the condition does not hold: {stands} is there"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Algorithm;

    #[test]
    fn conditions_hold_as_the_rfc_says() {
        let (a, b) = (
            Digest::new(Algorithm::Sha256, &[1; 32]).unwrap(),
            Digest::new(Algorithm::Sha256, &[2; 32]).unwrap(),
        );
        let matches = |expected| Condition { matches: Some(expected), none_matches: None };
        let none = |expected| Condition { matches: None, none_matches: Some(expected) };
        for (condition, current, holds) in [
            (Condition::default(), None, true),
            (Condition::default(), Some(&a), true),
            (matches(Expected::Anything), None, false),
            (matches(Expected::Anything), Some(&a), true),
            (matches(Expected::OneOf(vec![a])), Some(&a), true),
            (matches(Expected::OneOf(vec![a])), Some(&b), false),
            (matches(Expected::OneOf(vec![a])), None, false),
            (none(Expected::Anything), None, true),
            (none(Expected::Anything), Some(&a), false),
            (none(Expected::OneOf(vec![a])), Some(&a), false),
            (none(Expected::OneOf(vec![a])), Some(&b), true),
        ] {
            assert_eq!(condition.check(current).is_ok(), holds, "{condition:?} on {current:?}");
        }
        let both = |wanted, known| Condition {
            matches: Some(Expected::OneOf(vec![wanted])),
            none_matches: Some(Expected::OneOf(vec![known])),
        };
        assert_eq!(
            both(b, a).is_known(&a).unwrap_err().kind(),
            Kind::PreconditionFailed,
            "If-Match comes first"
        );
        assert!(both(a, a).is_known(&a).unwrap() && !both(a, b).is_known(&a).unwrap());
    }
}
