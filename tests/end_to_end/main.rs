//! One binary for every end-to-end test.
//!
//! Each test starts a `wharf serve` of its own on an empty data directory, acts on it from outside – over HTTP as
//! one of three kinds of caller (anonymous, a user with a password, a bearer of a token), by its command line, or
//! with a real client – and looks only at what comes back. Nothing of the server is linked in.
//!
//! The program under test is `WHARF_TEST_BINARY`, or the `wharf` that cargo builds beside this test.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says that it failed by panicking"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests are the world around the server: its clock, its environment, its disk and its clients"
)]

mod access;
mod clients;
mod crash;
mod formats;
mod governing;
mod harness;
mod identity;
mod import;
mod linearizability;
mod management;
mod moving;
mod nodes;
mod oci;
mod operation;
mod postgres;
mod storage;
mod upstreams;
