//! The addresses of issuers, kept to the letter: a token must name its issuer exactly so.

use std::{fmt, str::FromStr};

use url::Url;
use wharf_core::{Error, Kind, Result};

/// The longest address, in bytes.
const LONGEST: usize = 1024;

/// What an issuer calls itself: `https://host/path`, without a login, a query or a fragment (OpenID Connect Core,
/// section 2). `http` is for hosts that the operator named.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IssuerUrl(String);

/// Where an issuer's keys are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeysUrl(String);

impl IssuerUrl {
    /// The address to the letter.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the issuer's document is (OpenID Connect Discovery, section 4).
    pub(super) fn document(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.0.trim_end_matches('/'))
    }
}

impl KeysUrl {
    /// The address to the letter.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IssuerUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let is_plain = |url: &Url| url.query().is_none() && url.fragment().is_none();
        if !parsed(text).is_some_and(|url| is_plain(&url)) {
            let words = "an issuer is https://host/path, without a login, a query or a fragment";
            return Err(Error::new(Kind::Invalid, words));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for KeysUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if parsed(text).is_none() {
            let words = "the keys of an issuer are at https://host/path, without a login or a fragment";
            return Err(Error::new(Kind::Invalid, words));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for KeysUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An address that something can be fetched from. What parsing would change beyond a slash at the end is refused, so that
/// two spellings of one place cannot both be meant.
fn parsed(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= LONGEST)?;
    let is_fetched = matches!(url.scheme(), "http" | "https") && url.has_host();
    let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let is_as_written = url.as_str().trim_end_matches('/') == text.trim_end_matches('/');
    (is_fetched && is_bare && is_as_written).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_a_plain_address_as_it_is_written() {
        for good in ["https://a.example", "https://a.example/", "http://127.0.0.1:8080/realms/x"] {
            assert_eq!(good.parse::<IssuerUrl>().unwrap().as_str(), good);
        }
        let bad = [
            "",
            "a.example",
            "ftp://a.example",
            "https://a@a.example",
            "https://a.example/?x",
            "https://a.example/#x",
            "https://A.example",
            "https://a.example:443",
            "https://a.example/./x",
            "https://a.example\\x",
            " https://a.example",
        ];
        for bad in bad {
            assert!(bad.parse::<IssuerUrl>().is_err(), "{bad}");
        }
        assert!("https://a.example/keys?v=1".parse::<KeysUrl>().is_ok());
        assert!("https://a.example/keys#v".parse::<KeysUrl>().is_err());
    }

    #[test]
    fn the_document_is_below_the_issuer() {
        for issuer in ["https://a.example/x", "https://a.example/x/"] {
            let document = issuer.parse::<IssuerUrl>().unwrap().document();
            assert_eq!(document, "https://a.example/x/.well-known/openid-configuration");
        }
    }
}
