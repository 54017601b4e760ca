//! Times as the API writes them: RFC 3339, in UTC.

use wharf_core::{Error, Kind, Result, Timestamp};

/// A time as text.
///
/// # Errors
/// `Internal` for a time out of range, which no clock shows.
pub(crate) fn written(time: Timestamp) -> Result<String> {
    let time = jiff::Timestamp::from_microsecond(time.microseconds()).map_err(Error::internal)?;
    Ok(time.to_string())
}

/// A text as a time.
///
/// # Errors
/// `Invalid` where it is none.
pub(crate) fn read(text: &str) -> Result<Timestamp> {
    let time: jiff::Timestamp =
        text.parse().map_err(|_| Error::new(Kind::Invalid, "a time is written as 2027-01-31T12:00:00Z"))?;
    Ok(Timestamp::from_microseconds(time.as_microsecond()))
}
