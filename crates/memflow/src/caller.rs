//! Who calls. memflow's client sends the login of its URL and a token in two headers: then the login counts, which is the
//! one that reaches everything its owner may do.

use axum::http::{HeaderMap, HeaderValue, header, request};
use wharf_core::{Actor, Authenticator, Result};
use wharf_http::identify;

/// Asks who is calling.
///
/// # Errors
/// Those of [`identify`].
pub(crate) async fn caller(authenticator: &dyn Authenticator, request: &request::Parts) -> Result<Actor> {
    let Some(login) = login_before_token(&request.headers) else {
        return identify(authenticator, &request.headers, &request.extensions).await;
    };
    let headers = HeaderMap::from_iter([(header::AUTHORIZATION, login.clone())]);
    identify(authenticator, &headers, &request.extensions).await
}

/// The login, where it stands before exactly one token.
fn login_before_token(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (login, token, None) = (values.next()?, values.next()?, values.next()) else { return None };
    let is = |value: &HeaderValue, scheme: &str| {
        let written = value.to_str().ok().and_then(|text| text.split_once(' '));
        written.is_some_and(|(written, _)| written.eq_ignore_ascii_case(scheme))
    };
    (is(login, "basic") && is(token, "bearer")).then_some(login)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_counts_only_before_one_token() {
        let of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, value.parse().unwrap());
            }
            login_before_token(&headers).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(of(&["Basic a", "Bearer b"]).as_deref(), Some("Basic a"));
        for other in [
            &["Basic a"][..],
            &["Bearer a", "Basic b"],
            &["Basic a", "Basic b"],
            &["Bearer a", "Bearer b"],
            &["Basic a", "Bearer b", "Bearer c"],
            &[],
        ] {
            assert_eq!(of(other), None, "{other:?}");
        }
    }
}
