//! Lists come in pages, always.

use crate::{Detail, Error, Kind};

/// How many entries a page may hold: 0 to 1,000 (a larger wish is clamped, CVE-2023-2253).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(u32);

impl Limit {
    /// The most any page holds, and what a caller gets who asks for nothing.
    pub const MOST: Self = Self(1000);

    /// Reads `n=`: a number from 0 to 2^63 − 1, clamped to 1,000; anything else is refused.
    pub fn parse(text: &str) -> Result<Self, Error> {
        match text.parse::<i64>() {
            Ok(wish) if wish >= 0 => Ok(Self(u32::try_from(wish).unwrap_or(u32::MAX).min(Self::MOST.0))),
            _ => Err(Error::new(Kind::Invalid, "n must be a whole number, 0 or more").with(Detail::Page)),
        }
    }

    /// The number.
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

/// Which page of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageAfter<C> {
    /// The last entry of the page before, in the order of the list; nothing for the first page.
    pub last: Option<C>,
    /// How many entries at most.
    pub limit: Limit,
}

impl<C> PageAfter<C> {
    /// The first page, as long as pages get.
    pub const fn first() -> Self {
        Self { last: None, limit: Limit::MOST }
    }
}

/// A page of a list, and whether more follows after its last entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries, in order.
    pub entries: Vec<T>,
    /// Whether another page follows.
    pub more: bool,
}

impl<T> Page<T> {
    /// Cuts a list that was read with one entry more than the limit.
    pub fn cut(mut entries: Vec<T>, limit: Limit) -> Self {
        let more = entries.len() > limit.get() && limit.get() > 0;
        entries.truncate(limit.get());
        Self { entries, more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_out_of_range_is_refused_and_a_large_one_clamped() {
        assert_eq!(Limit::parse("0").unwrap().get(), 0);
        assert_eq!(Limit::parse("7").unwrap().get(), 7);
        assert_eq!(Limit::parse("9223372036854775807").unwrap(), Limit::MOST);
        for bad in ["-1", "9223372036854775808", "ten", "", "1.5", " 1"] {
            assert!(Limit::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_page_of_none_has_no_next() {
        assert_eq!(Page::cut(vec![1, 2], Limit(0)), Page { entries: vec![], more: false });
        assert_eq!(Page::cut(vec![1, 2], Limit(1)), Page { entries: vec![1], more: true });
        assert_eq!(Page::cut(vec![1], Limit(1)), Page { entries: vec![1], more: false });
    }
}
