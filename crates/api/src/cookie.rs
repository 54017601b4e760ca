//! The cookie that a browser is known by, the one that it keeps while it logs in at a provider, and the proof that one of
//! our own pages sends the first.
//!
//! Over https they are called `__Host-wharf` and `__Host-wharf-begun`: browsers take such a one only over TLS, for this very host and all its paths,
//! so that no neighbour under the same domain can plant another. A browser sends it whoever asks, so what changes something
//! needs two things more that a foreign page cannot bring: the header `X-Wharf-Proof`, and an origin that is ours.

use axum::http::{HeaderMap, HeaderValue, Method, header};
use wharf_auth::proves;
use wharf_core::{Error, Kind, Result, Secret};

/// The header with the proof.
const PROOF: &str = "x-wharf-proof";
/// Where a browser says how the page that asks stands to us (Fetch Metadata).
const SITE: &str = "sec-fetch-site";

/// What a browser keeps for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// Its login.
    Login,
    /// A login that it began at a provider.
    Begun,
}

/// What is known of the page behind a request: our own URL as the caller sees it.
#[derive(Clone, Debug)]
pub(crate) struct Origin(String);

impl Origin {
    /// Ours, from our own URL.
    pub(crate) const fn of(base: String) -> Self {
        Self(base)
    }

    /// What a cookie is called.
    fn name(&self, cookie: Cookie) -> &'static str {
        match (cookie, self.is_secure()) {
            (Cookie::Login, true) => "__Host-wharf",
            (Cookie::Login, false) => "wharf",
            (Cookie::Begun, true) => "__Host-wharf-begun",
            (Cookie::Begun, false) => "wharf-begun",
        }
    }

    fn is_secure(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// What a cookie of a request holds, if it has it; of two nobody can say which is ours.
    pub(crate) fn shown(&self, cookie: Cookie, headers: &HeaderMap) -> Option<Secret<String>> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut ours = pairs.filter(|(name, _)| *name == self.name(cookie)).map(|(_, value)| value);
        let first = ours.next()?;
        ours.next().is_none().then(|| Secret::new(first.to_owned()))
    }

    /// The header that has a browser keep a cookie for so many seconds, or forget it after none.
    ///
    /// # Errors
    /// `Internal`, which cannot be.
    pub(crate) fn kept(&self, cookie: Cookie, text: &str, seconds: i64) -> Result<HeaderValue> {
        let secure = if self.is_secure() { "; Secure" } else { "" };
        let name = self.name(cookie);
        let line = format!("{name}={text}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        let mut value = HeaderValue::try_from(line).map_err(Error::internal)?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Refuses what changes something and comes with a cookie, but not from a page of ours.
    ///
    /// # Errors
    /// `Denied`.
    pub(crate) fn expect_own_page(
        &self,
        method: &Method,
        headers: &HeaderMap,
        cookie: &Secret<String>,
    ) -> Result<()> {
        if method.is_safe() {
            return Ok(());
        }
        let proof = headers.get(PROOF).map(HeaderValue::as_bytes).unwrap_or_default();
        if !proves(proof, cookie) {
            let message =
                "with the cookie of a login this takes the header X-Wharf-Proof: GET /api/v1/login has it";
            return Err(Error::new(Kind::Denied, message));
        }
        if self.is_own(headers) { Ok(()) } else { Err(foreign()) }
    }

    /// Refuses what a page of somebody else sends. Who is no browser says nothing of pages.
    ///
    /// # Errors
    /// `Denied`.
    pub(crate) fn expect_no_other_page(&self, headers: &HeaderMap) -> Result<()> {
        let says = headers.contains_key(SITE) || headers.contains_key(header::ORIGIN);
        if !says || self.is_own(headers) { Ok(()) } else { Err(foreign()) }
    }

    fn is_own(&self, headers: &HeaderMap) -> bool {
        match (headers.get(SITE), headers.get(header::ORIGIN)) {
            (Some(site), _) => site == "same-origin",
            // Over plain http browsers say no more than this.
            (None, Some(origin)) => origin.to_str().is_ok_and(|origin| bare(origin) == bare(&self.0)),
            (None, None) => false,
        }
    }
}

/// An origin without the port that its scheme has anyway.
fn bare(origin: &str) -> String {
    let origin = origin.to_ascii_lowercase();
    let port = if origin.starts_with("https://") { ":443" } else { ":80" };
    origin.strip_suffix(port).map_or_else(|| origin.clone(), str::to_owned)
}

fn foreign() -> Error {
    Error::new(Kind::Denied, "a page of another origin may not do that")
}

#[cfg(test)]
mod tests {
    use wharf_auth::proof_of;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_the_cookie_that_goes_with_the_scheme_is_ours_and_only_where_it_is_the_one() {
        let (plain, secure) = (Origin("http://w".to_owned()), Origin("https://w".to_owned()));
        let both = headers(&[("cookie", "a=b; wharf=one; __Host-wharf=two")]);
        let text = |origin: &Origin, headers: &HeaderMap| {
            origin.shown(Cookie::Login, headers).map(|text| text.expose().clone())
        };
        assert_eq!(text(&plain, &both).as_deref(), Some("one"));
        assert_eq!(text(&secure, &both).as_deref(), Some("two"));
        assert_eq!(text(&plain, &headers(&[("cookie", "wharf=one; wharf=two")])), None);
        assert_eq!(text(&secure, &headers(&[("cookie", "wharf=one")])), None);
        assert_eq!(
            secure.kept(Cookie::Login, "x", 9).unwrap(),
            "__Host-wharf=x; Path=/; Max-Age=9; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            plain.kept(Cookie::Begun, "", 0).unwrap(),
            "wharf-begun=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
        );
        assert!(secure.shown(Cookie::Begun, &both).is_none());
    }

    #[test]
    fn a_change_by_cookie_takes_the_proof_and_our_own_origin() {
        let (ours, cookie) = (Origin("https://w:443".to_owned()), Secret::new("text".to_owned()));
        let proof = proof_of(&cookie).expose().clone();
        let allowed = |pairs: &[(&'static str, &str)]| {
            ours.expect_own_page(&Method::POST, &headers(pairs), &cookie).is_ok()
        };
        assert!(allowed(&[(PROOF, &proof), (SITE, "same-origin")]));
        assert!(allowed(&[(PROOF, &proof), ("origin", "https://W")]));
        for site in ["cross-site", "same-site", "none"] {
            assert!(!allowed(&[(PROOF, &proof), (SITE, site), ("origin", "https://w")]), "{site}");
        }
        assert!(!allowed(&[(PROOF, &proof)]));
        assert!(!allowed(&[(PROOF, &proof), ("origin", "null")]));
        assert!(!allowed(&[(PROOF, &proof), ("origin", "http://w")]));
        assert!(!allowed(&[(PROOF, "other"), (SITE, "same-origin")]));
        assert!(!allowed(&[(SITE, "same-origin")]));
        assert!(ours.expect_own_page(&Method::GET, &HeaderMap::new(), &cookie).is_ok());
        assert!(ours.expect_no_other_page(&HeaderMap::new()).is_ok());
        assert!(ours.expect_no_other_page(&headers(&[("origin", "https://evil.example")])).is_err());
    }
}
