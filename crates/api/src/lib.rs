//! The doors of the management: so far the token endpoint that docker and its kin log in through.

mod token;

pub use token::{Tokens, router};
