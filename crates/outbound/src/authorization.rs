//! `Authorization` as it is sent to others. The values do not print.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::header::HeaderValue;
use wharf_core::{Error, Result, Secret};

/// A user with a password (RFC 7617).
///
/// # Errors
/// `Internal`, which cannot be.
pub(crate) fn basic(user: &str, password: &Secret<String>) -> Result<HeaderValue> {
    let pair = BASE64_STANDARD.encode(format!("{user}:{}", password.expose()));
    unprinted(&format!("Basic {pair}"))
}

/// The bearer of a token (RFC 6750).
///
/// # Errors
/// `Internal` for a token that no header may hold.
pub(crate) fn bearer(token: &str) -> Result<HeaderValue> {
    unprinted(&format!("Bearer {token}"))
}

fn unprinted(text: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(text).map_err(Error::internal)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_sent_as_it_is_and_does_not_print() {
        let value = basic("alice", &Secret::new("a-word".to_owned())).unwrap();
        assert_eq!(value, "Basic YWxpY2U6YS13b3Jk");
        assert!(value.is_sensitive() && bearer("x").unwrap().is_sensitive());
        assert_eq!(basic("ä", &Secret::new("b:c".to_owned())).unwrap(), "Basic w6Q6Yjpj");
        assert!(bearer("a\r\nb").is_err());
    }
}
