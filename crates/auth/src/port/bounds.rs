//! How much there may be of what organisations and accounts have. A store counts in the transaction that adds one; how many
//! are too many, and what is said then, stands here.

use wharf_core::{Error, Kind, Result};

/// Something of which there may be so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Issuers that an organisation believes. So many ways in which one issuer is believed are looked at, the oldest, for a
    /// job that names no organisation, beside the issuer's own document.
    Issuers,
    /// Rules that an organisation has about all of its issuers.
    Rules,
    /// Accounts that stand for one rule, each for it together with others.
    RuleSets,
    /// Jobs that the same rules let in and whose tokens have not ended.
    Jobs,
    /// Tokens of an account, those that ended lately included.
    Tokens,
    /// Open invitations of an organisation.
    Invitations,
}

impl Bound {
    /// How many there may be.
    pub const fn most(self) -> i64 {
        match self {
            Self::Issuers => 20,
            Self::Rules => 100,
            Self::RuleSets => 200,
            Self::Jobs | Self::Tokens | Self::Invitations => 1000,
        }
    }

    /// Refuses one more where there are so many.
    ///
    /// # Errors
    /// `Conflict`, or `RateLimited` of what goes by itself.
    pub fn expect_room(self, count: i64) -> Result<()> {
        if count < self.most() { Ok(()) } else { Err(self.reached()) }
    }

    /// The refusal of one more.
    pub fn reached(self) -> Error {
        let most = self.most();
        let (kind, words) = match self {
            Self::Issuers | Self::Rules => {
                (Kind::Conflict, format!("the organisation has {most} already, remove some"))
            }
            Self::RuleSets => {
                (Kind::RateLimited, format!("jobs met one rule together with {most} sets of others lately"))
            }
            Self::Jobs => {
                let words = format!("{most} jobs were let in by the same rules within a quarter of an hour");
                (Kind::RateLimited, words)
            }
            Self::Tokens => {
                let words = format!(
                    "an account has {most} tokens at most, those that ended lately included: remove some"
                );
                (Kind::Conflict, words)
            }
            Self::Invitations => (
                Kind::Conflict,
                format!("an organisation has {most} open invitations at most: take some back"),
            ),
        };
        Error::new(kind, words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_than_there_may_be_is_refused_in_words_that_tell_how_many_may() {
        for bound in
            [Bound::Issuers, Bound::Rules, Bound::RuleSets, Bound::Jobs, Bound::Tokens, Bound::Invitations]
        {
            bound.expect_room(bound.most() - 1).unwrap();
            let refused = bound.expect_room(bound.most()).unwrap_err();
            assert!(refused.message().contains(&bound.most().to_string()), "{refused}");
            assert!(matches!(refused.kind(), Kind::Conflict | Kind::RateLimited), "{refused}");
        }
    }
}
