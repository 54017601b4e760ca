//! What the authenticator counts of its own work.

use wharf_core::meter::{Counter, Durations};

/// The authenticator's meters.
#[derive(Debug, Default)]
pub struct Meters {
    /// Passwords that were checked and right.
    pub passwords_right: Counter,
    /// Passwords that had been found right a moment ago, and were not checked again.
    pub passwords_remembered: Counter,
    /// Passwords that were wrong, or of no user.
    pub passwords_wrong: Counter,
    /// Passwords that were not heard: too many wrong ones before, or too many being checked.
    pub passwords_unheard: Counter,
    /// How long checks of passwords took, with the wait for a core.
    pub password_checks: Durations,
    /// Bearer tokens that were issued.
    pub tokens_issued: Counter,
    /// Bearer tokens that were not accepted.
    pub tokens_refused: Counter,
    /// Jobs that were let in by the token of their issuer.
    pub workloads_admitted: Counter,
    /// Jobs that were not.
    pub workloads_refused: Counter,
}

/// Checks of passwords at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordLoad {
    /// Checks that have a core.
    pub running: usize,
    /// Checks that wait for one.
    pub waiting: usize,
}
