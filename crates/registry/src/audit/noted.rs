//! A head as it is noted where nobody who writes to the database can reach it.

use std::{fmt, str::FromStr};

use wharf_core::{Error, Kind, hex};

use super::{Hash, Head, Month};

/// A root that somebody noted: after so many records of a month. Written `2026-11/12345/<64 hex digits>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Of which month.
    pub month: Month,
    /// After how many records of it.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl Noted {
    /// What is to be noted of a head.
    pub const fn of(head: &Head) -> Self {
        Self { month: head.month, size: head.size, root: head.root }
    }
}

impl FromStr for Noted {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut parts = text.split('/');
        let mut part = || parts.next().unwrap_or_default();
        let (month, size, root) = (part().parse().ok(), part().parse().ok(), hex::decode(part()));
        let noted = month.zip(size).zip(root.and_then(|root| root.try_into().ok()));
        match (noted, parts.next()) {
            (Some(((month, size), root)), None) => Ok(Self { month, size, root }),
            _ => Err(Error::new(Kind::Invalid, "a noted root is written as 2026-11/12345/<64 hex digits>")),
        }
    }
}

impl fmt::Display for Noted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.month, self.size, hex::encode(&self.root))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_read_again_and_nothing_else_is() {
        let root = "0123456789abcdef".repeat(4);
        let noted: Noted = format!("2026-11/12345/{root}").parse().unwrap();
        assert_eq!((noted.size, noted.to_string()), (12345, format!("2026-11/12345/{root}")));
        for bad in ["", "yesterday", "2026-11/1", "2026-11/1/ab"] {
            assert!(bad.parse::<Noted>().is_err(), "{bad:?}");
        }
        for (before, after) in
            [("2026-13/1", ""), ("2026-11/-1", ""), ("2026-11/1", "/"), ("2026-11/1", "ab")]
        {
            assert!(format!("{before}/{root}{after}").parse::<Noted>().is_err(), "{before} {after}");
        }
    }
}
