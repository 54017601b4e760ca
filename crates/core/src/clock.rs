//! Time and chance come in as parameters, so that every test is still.

use std::{fmt, str::FromStr};

use crate::{Error, Kind, Result, hex};

/// A moment: microseconds since 1970-01-01T00:00:00Z, as kept in rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since the epoch.
    pub const fn from_microseconds(microseconds: i64) -> Self {
        Self(microseconds)
    }

    /// Microseconds since the epoch.
    pub const fn microseconds(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This moment moved by so many seconds, negative for earlier.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// As people and programs are told it: RFC 3339 in UTC, always with six digits after the second.
    ///
    /// # Errors
    /// `Internal` for a moment beyond the years that have four digits, which no clock shows.
    pub fn written(self) -> Result<String> {
        let moment = jiff::Timestamp::from_microsecond(self.0).map_err(Error::internal)?;
        Ok(format!("{moment:.6}"))
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Reads a moment of RFC 3339, in any zone.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = |_| Error::new(Kind::Invalid, "a time is written as 2027-01-31T12:00:00Z");
        let moment: jiff::Timestamp = text.parse().map_err(wrong)?;
        Ok(Self(moment.as_microsecond()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.seconds(), self.0.rem_euclid(1_000_000))
    }
}

/// Reads the wall clock. Only expiry, retention and records ask it; no order depends on it.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Makes unpredictable bytes.
pub trait Entropy: Send + Sync {
    /// Fills the buffer from the operating system's generator.
    fn fill(&self, buffer: &mut [u8]);
}

impl dyn Entropy + '_ {
    /// An array of unpredictable bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A fresh id: so many unpredictable bytes in hex.
    pub fn id<const N: usize>(&self) -> String {
        hex::encode(&self.bytes::<N>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_one_form_and_read_in_any_zone() {
        for (microseconds, text) in [
            (1_793_534_400_000_000, "2026-11-01T12:00:00.000000Z"),
            (1_793_534_400_120_000, "2026-11-01T12:00:00.120000Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
        ] {
            let moment = Timestamp::from_microseconds(microseconds);
            assert_eq!(moment.written().unwrap(), text);
            assert_eq!(text.parse::<Timestamp>().unwrap(), moment);
        }
        let there: Timestamp = "2026-11-01T14:00:00+02:00".parse().unwrap();
        assert_eq!(there.written().unwrap(), "2026-11-01T12:00:00.000000Z");
        assert!("tomorrow".parse::<Timestamp>().is_err());
        assert!(Timestamp::from_microseconds(i64::MAX).written().is_err());
    }
}
