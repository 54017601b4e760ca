//! The name of a repository on some registry.

use std::{fmt, str::FromStr};

use wharf_core::{Detail, Error, Kind, RepositoryName};

/// The longest name that clients send.
const LONGEST: usize = 255;

/// A repository's whole name on some registry, in the grammar of the distribution specification: what it means is
/// that registry's affair.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository(String);

impl Repository {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Repository {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.len() > LONGEST {
            return Err(Error::new(Kind::Invalid, "repository name is too long").with(Detail::Name));
        }
        for component in text.split('/') {
            component.parse::<RepositoryName>()?;
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_outside_the_grammar_are_refused() {
        for good in ["a", "library/alpine", "a/b/c/d/e", "v2/token"] {
            assert!(good.parse::<Repository>().is_ok(), "{good}");
        }
        for bad in ["", "/a", "a//b", "../a", "A", "a?b", "a%2f", &format!("{}a", "a/".repeat(128))] {
            assert!(bad.parse::<Repository>().is_err(), "{bad}");
        }
    }
}
