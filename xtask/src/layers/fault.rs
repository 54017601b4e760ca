//! What `layers` finds: a place, the rule it breaks, and how.

use std::fmt;

/// One rule broken in one place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Which rule.
    pub(crate) rule: Rule,
    /// `auth -> registry`, `crates/core/src/gate.rs` or `crates/core/src/gate.rs::decide`.
    pub(crate) place: String,
    /// How it is broken, with the figure.
    pub(crate) how: String,
}

/// The rules, as exceptions name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Every crate stands in the picture, and imports only what the picture allows it.
    Arrow,
    /// A library stays in the crates that are its home.
    Home,
    /// A file stays under the maximum of production lines.
    FileLines,
    /// A function stays under the maximum of lines.
    FunctionLines,
    /// A trait stays under the maximum of methods.
    TraitMethods,
    /// A module is `foo.rs`, its children are in `foo/`.
    Folder,
    /// An exception is needed.
    Exception,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.how)
    }
}
