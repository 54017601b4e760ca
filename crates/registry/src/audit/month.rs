//! A month of the calendar, in UTC: what the log is cut into.

use std::{fmt, str::FromStr};

use wharf_core::{Error, Kind, Timestamp};

/// A month. As a number it is read at sight: 202611 is November 2026.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(i64);

/// Days in 400 years, after which the calendar repeats.
const ERA: i64 = 146_097;

impl Month {
    /// The month of a moment.
    pub const fn of(at: Timestamp) -> Self {
        // Counted from the first of March of year 0, so that a leap day comes last.
        let days = at.seconds().div_euclid(24 * 3600) + 719_468;
        let (era, day) = (days.div_euclid(ERA), days.rem_euclid(ERA));
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year + year / 4 - year / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let (month, turn) = if from_march < 10 { (from_march + 3, 0) } else { (from_march - 9, 1) };
        Self((era * 400 + year + turn) * 100 + month)
    }

    /// The one after it.
    pub const fn next(self) -> Self {
        if self.0 % 100 < 12 { Self(self.0 + 1) } else { Self((self.0 / 100 + 1) * 100 + 1) }
    }

    /// From its number.
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0 / 100, self.0 % 100)
    }
}

impl FromStr for Month {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parsed = text.split_once('-').and_then(|(year, month)| {
            let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            let is_written = matches!(year.len(), 4..=6) && month.len() == 2 && digits(year) && digits(month);
            let (year, month): (i64, i64) = (year.parse().ok()?, month.parse().ok()?);
            (is_written && year > 0 && (1..=12).contains(&month)).then_some(Self(year * 100 + month))
        });
        parsed.ok_or_else(|| Error::new(Kind::Invalid, "a month is written as 2026-11"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_in_its_month() {
        for (seconds, month) in [
            (0, "1970-01"),
            (-1, "1969-12"),
            (951_782_399, "2000-02"),
            (951_868_799, "2000-02"),
            (951_868_800, "2000-03"),
            (1_709_251_199, "2024-02"),
            (1_709_251_200, "2024-03"),
            (1_767_225_599, "2025-12"),
            (1_767_225_600, "2026-01"),
            (4_107_542_399, "2100-02"),
            (4_107_542_400, "2100-03"),
        ] {
            let found = Month::of(Timestamp::default().plus_seconds(seconds));
            assert_eq!(found.to_string(), month, "{seconds}");
            assert_eq!(month.parse::<Month>().unwrap(), found);
        }
    }

    #[test]
    fn december_is_followed_by_january() {
        let next = |month: &str| month.parse::<Month>().unwrap().next().to_string();
        assert_eq!((next("2026-11").as_str(), next("2026-12").as_str()), ("2026-12", "2027-01"));
        assert_eq!(next("12026-12"), "12027-01", "a clock may say anything");
    }

    #[test]
    fn what_is_no_month_is_refused() {
        for text in ["", "2026", "2026-13", "2026-00", "26-11", "2026-1", "-026-11", "2026-11-01"] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }
}
