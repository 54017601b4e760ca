//! What one client may ask of us. An operator sets these; the defaults stand in `docs/operation.md`.

use std::num::NonZeroU32;

/// The limits of [`Auth`](crate::Auth).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many requests a second one client may make in the long run; none: as many as it likes.
    pub requests_per_second: Option<NonZeroU32>,
    /// How many wrong passwords for one login and client are heard within the window.
    pub failed_logins: u32,
    /// The window, in seconds.
    pub failed_logins_window: i64,
    /// How many password checks may wait for a core: each takes 19 MiB and some 20 ms.
    pub password_queue: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_second: NonZeroU32::new(1000),
            failed_logins: 10,
            failed_logins_window: 300,
            password_queue: 32,
        }
    }
}
