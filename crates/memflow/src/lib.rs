//! memflow plugins: what they say of themselves.

pub mod descriptor;
#[cfg(any(test, feature = "samples"))]
pub mod samples;
