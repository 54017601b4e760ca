//! Races of the engine, on real databases: every order of its calls may come, and a model says what must hold.
//!
//! `machine` lets clients and collectors race over one registry under simulated time, one call to a store after the
//! other in an order that follows from a seed. `protocol` searches every order there is, of a small model of the
//! collector.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says that it failed by panicking"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests are the world around the engine: its clock, its environment, and whose jobs it does"
)]

#[path = "../end_to_end/harness/components.rs"]
mod components;
mod machine;
mod protocol;
#[path = "../end_to_end/harness/random.rs"]
mod random;
#[path = "../end_to_end/harness/rounds.rs"]
mod rounds;
