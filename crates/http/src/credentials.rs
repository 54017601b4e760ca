//! What a request shows of its sender: the `Authorization` header.

use axum::http::{HeaderMap, header};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use wharf_core::{Error, Kind, Presented, Result, Secret};

/// Reads the `Authorization` header: Basic or Bearer. An empty user and password is nobody, as the conformance
/// suite sends it.
///
/// # Errors
/// `Unauthenticated` for a scheme that is neither, or a header that cannot be read; `Invalid` for two of them.
pub fn presented(headers: &HeaderMap) -> Result<Presented> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(Presented::Nothing) };
    if values.next().is_some() {
        // A proxy in front may have judged the other one.
        return Err(Error::new(Kind::Invalid, "the request has more than one Authorization header"));
    }
    let unreadable = || Error::new(Kind::Unauthenticated, "authorization must be Basic or Bearer");
    let (scheme, rest) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(unreadable)?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Presented::Bearer(Secret::new(rest.to_owned())));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(unreadable());
    }
    let decoded = BASE64_STANDARD.decode(rest).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.ok_or_else(unreadable)?;
    let (user, password) = decoded.split_once(':').ok_or_else(unreadable)?;
    if user.is_empty() && password.is_empty() {
        return Ok(Presented::Nothing);
    }
    Ok(Presented::Basic { user: user.to_owned(), password: Secret::new(password.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> Result<Presented> {
        presented(&HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]))
    }

    #[test]
    fn basic_and_bearer_are_read_whatever_their_case() {
        assert!(matches!(presented(&HeaderMap::new()), Ok(Presented::Nothing)));
        assert!(matches!(of("Basic Og=="), Ok(Presented::Nothing)));
        assert!(matches!(of("bearer abc"), Ok(Presented::Bearer(_))));
        let Ok(Presented::Basic { user, password }) = of("BASIC YTpiOmM=") else { panic!() };
        assert_eq!((user.as_str(), password.expose().as_str()), ("a", "b:c"));
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in ["Basic", "Basic !!!", "Basic YWJj", "Digest x", "Basic /w=="] {
            assert_eq!(of(bad).unwrap_err().kind(), Kind::Unauthenticated, "{bad}");
        }
    }

    #[test]
    fn two_credentials_are_none() {
        let mut headers = HeaderMap::new();
        headers.append(header::AUTHORIZATION, "Bearer a".parse().unwrap());
        headers.append(header::AUTHORIZATION, "Bearer b".parse().unwrap());
        assert_eq!(presented(&headers).unwrap_err().kind(), Kind::Invalid);
    }
}
