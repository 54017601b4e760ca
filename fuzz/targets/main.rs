//! Fuzz targets: what reads bytes of strangers, each against a second opinion.
//!
//! Under `cargo test` each target is a property test that runs for a moment (`BOLERO_RANDOM_TEST_TIME_MS`, which
//! `.cargo/config.toml` sets; `cargo xtask fuzz <seconds>` asks for more). The same targets run under a fuzzer that
//! is led by coverage, by `cargo bolero test -p wharf-fuzz <target>`. What a target once failed on becomes an
//! ordinary test beside its parser.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a target says that it failed by panicking"
)]
#![expect(clippy::disallowed_methods, reason = "targets are the world around the parsers")]

mod alphabet;
mod descriptors;
mod distributions;
mod manifests;
mod names;
mod numbers;
mod paths;
mod saved;
mod tokens;
