//! Times as the API writes and reads them.

use wharf_core::{Result, Timestamp};

/// A time as text: in the one form that there is.
///
/// # Errors
/// `Internal` for a time out of range, which no clock shows.
pub(crate) fn written(time: Timestamp) -> Result<String> {
    time.written()
}

/// A text as a time.
///
/// # Errors
/// `Invalid` where it is none.
pub(crate) fn read(text: &str) -> Result<Timestamp> {
    text.parse()
}
