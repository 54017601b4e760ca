//! Percent-decoding, once, before anything is parsed: no guard sees another name than the handler does.

use percent_encoding::percent_decode_str;
use wharf_core::{Detail, Error, Kind, Result};

/// The longest path that is looked at, in bytes.
const LONGEST: usize = 8 * 1024;

/// Decodes a path.
///
/// # Errors
/// `Invalid` where it is not UTF-8 or holds a control character; `TooLarge`.
pub fn decode_path(path: &str) -> Result<String> {
    if path.len() > LONGEST {
        return Err(Error::new(Kind::TooLarge, "the path is longer than 8 KiB").with(Detail::Target));
    }
    let decoded = percent_decode_str(path).decode_utf8().ok().filter(|text| !text.contains(char::is_control));
    let invalid = || Error::new(Kind::Invalid, "the path must be UTF-8 without control characters");
    decoded.map(Into::into).ok_or_else(|| invalid().with(Detail::Name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_decoded_once() {
        assert_eq!(decode_path("/v2/a%2Fb/%252e").unwrap(), "/v2/a/b/%2e");
        for bad in ["/%ff", "/%00", "/a%0d%0ab"] {
            assert!(decode_path(bad).is_err(), "{bad} was accepted");
        }
    }
}
