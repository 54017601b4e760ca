//! What a provider says of somebody who logs in: tokens, or of a password why it gives none.

use wharf_core::Secret;

/// What kind of token it gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One for us: we are its audience.
    Identity,
    /// One that we may show: we are its client.
    Access,
}

/// What it gave.
#[derive(Debug)]
pub(super) struct Tokens {
    /// The one that says who it is.
    pub(super) judged: Secret<String>,
    /// What kind that is of.
    pub(super) kind: Kind,
    /// One that opens what else is told, if there is one.
    pub(super) access: Option<Secret<String>>,
}

/// What it said.
#[derive(Debug)]
pub(super) enum Told {
    /// The password is right.
    Tokens(Tokens),
    /// It is wrong, or there is no such user.
    Wrong,
    /// It wants more than a password, or another one, in words for the user.
    Wants(String),
    /// It was asked too often.
    Busy,
    /// It cannot be used as it is set, in words for the log.
    Unusable(String),
}
