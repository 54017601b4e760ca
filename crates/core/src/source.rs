//! Where a registry has its content from: from whoever pushes, from an upstream, or from other registries; and what of
//! it is not let through.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{Detail, Error, Kind, Result};

/// The longest address of an upstream, in bytes.
const LONGEST_URL: usize = 2048;
/// The most names of one list.
const MOST_NAMES: usize = 1000;
/// The longest name in a list, in bytes.
const LONGEST_NAME: usize = 128;

/// What kind of registry it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RegistryKind {
    /// What is pushed to it is kept in it.
    #[default]
    Hosted,
    /// What it is asked for it fetches from its upstream, and keeps.
    Proxy,
    /// It shows what its members hold, and holds nothing itself.
    Virtual,
}

impl RegistryKind {
    /// Its word in rows and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hosted => "hosted",
            Self::Proxy => "proxy",
            Self::Virtual => "virtual",
        }
    }
}

impl FromStr for RegistryKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = [Self::Hosted, Self::Proxy, Self::Virtual].into_iter().find(|kind| kind.word() == text);
        found.ok_or_else(|| invalid("the kind of a registry is hosted, proxy or virtual"))
    }
}

impl fmt::Display for RegistryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What an upstream speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// The simple repository API of Python packages.
    Python,
    /// The API of memflow's registry.
    Memflow,
}

impl Protocol {
    /// Its word in rows and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Memflow => "memflow",
        }
    }
}

impl FromStr for Protocol {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = [Self::Python, Self::Memflow].into_iter().find(|protocol| protocol.word() == text);
        found.ok_or_else(|| invalid("an upstream speaks python or memflow"))
    }
}

/// The address of an upstream: `http` or `https`, without a login, a query or a fragment. It ends with a slash, so that
/// what is below it can be joined to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UpstreamUrl(Url);

impl UpstreamUrl {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The address of what is below.
    ///
    /// # Errors
    /// `Invalid` for a path that leads elsewhere.
    pub fn below(&self, path: &str) -> Result<String> {
        let joined = self.0.join(path).ok().filter(|joined| joined.as_str().starts_with(self.as_str()));
        joined.map(String::from).ok_or_else(|| invalid("there can be no such path at the upstream"))
    }
}

impl FromStr for UpstreamUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            let words = "the address of an upstream is http://host/path or https://host/path, without a login, a \
                         query or a fragment";
            invalid(words)
        };
        let mut url = Url::parse(text).ok().filter(|_| text.len() <= LONGEST_URL).ok_or_else(wrong)?;
        let is_bare = url.username().is_empty() && url.password().is_none();
        let is_plain = url.query().is_none() && url.fragment().is_none() && url.has_host();
        if !is_bare || !is_plain || !matches!(url.scheme(), "http" | "https") {
            return Err(wrong());
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self(url))
    }
}

impl TryFrom<String> for UpstreamUrl {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<UpstreamUrl> for String {
    fn from(url: UpstreamUrl) -> Self {
        url.0.into()
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a proxy fetches from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Where it is.
    pub url: UpstreamUrl,
    /// What it speaks.
    pub protocol: Protocol,
    /// Authorities in PEM that are believed over TLS beside those of the system.
    pub authorities: Option<String>,
    /// How to log in there.
    pub login: Option<SealedLogin>,
}

/// A login at an upstream, its password sealed for that upstream's address.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedLogin {
    /// The user.
    pub username: String,
    /// The password, sealed.
    pub sealed: Vec<u8>,
}

impl fmt::Debug for SealedLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedLogin({:?}, …)", self.username)
    }
}

/// What a registry that has its content from elsewhere does not let through. Names are in the normal form of their kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Guard {
    /// Names that no upstream is asked for: `acme` stands for itself and for every `acme-…`.
    pub reserved: Vec<String>,
    /// Files younger than so many days are hidden; 0: none.
    pub cooldown_days: u16,
    /// What becomes of names that look like another.
    pub lookalikes: Lookalikes,
    /// Names that others are made to look like.
    pub popular: Vec<String>,
}

/// What becomes of a name that differs from another by a letter or a separator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lookalikes {
    /// Nothing.
    #[default]
    Pass,
    /// It is served, and the log and a header say so.
    Warn,
    /// It is refused.
    Refuse,
}

impl Lookalikes {
    /// Its word in rows and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Refuse => "refuse",
        }
    }
}

impl FromStr for Lookalikes {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = [Self::Pass, Self::Warn, Self::Refuse].into_iter().find(|word| word.word() == text);
        found.ok_or_else(|| invalid("what looks like another name is to pass, warn or refuse"))
    }
}

impl Guard {
    /// The longest time for which files are held back, in days.
    pub const MOST_DAYS: u16 = 365;

    /// Whether no upstream is asked for a name.
    pub fn reserves(&self, name: &str) -> bool {
        let below = |own: &String| {
            name.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        self.reserved.iter().any(below)
    }

    /// What neither of two lets through.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.reserved.extend(other.reserved);
        self.popular.extend(other.popular);
        Self {
            cooldown_days: self.cooldown_days.max(other.cooldown_days),
            lookalikes: self.lookalikes.max(other.lookalikes),
            ..self
        }
    }

    /// Refuses lists and times that are too long, and names that are none.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn expect_sound(&self) -> Result<()> {
        if self.cooldown_days > Self::MOST_DAYS {
            return Err(invalid(&format!("files are held back for at most {} days", Self::MOST_DAYS)));
        }
        if self.reserved.len() > MOST_NAMES || self.popular.len() > MOST_NAMES {
            return Err(invalid(&format!("a list of names has at most {MOST_NAMES}")));
        }
        match self.reserved.iter().chain(&self.popular).find(|name| !is_normal(name)) {
            Some(name) => {
                let words = "is no name in its normal form: small letters, digits and single dashes";
                Err(invalid(&format!("{name:?} {words}")).with(Detail::Name))
            }
            None => Ok(()),
        }
    }
}

fn is_normal(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    name.len() <= LONGEST_NAME && name.split('-').all(is_part)
}

fn invalid(words: &str) -> Error {
    Error::new(Kind::Invalid, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_no_login_and_ends_with_a_slash() {
        let url = |text: &str| text.parse::<UpstreamUrl>().map(|url| url.to_string());
        assert_eq!(url("https://index.example/simple").unwrap(), "https://index.example/simple/");
        for bad in [
            "index.example",
            "ftp://index.example/",
            "https://alice@index.example/",
            "https://alice:word@index.example/",
            "https://index.example/?a=b",
            "https://index.example/#a",
            "file:///etc/passwd",
        ] {
            assert!(url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_joined_stays_below() {
        let url: UpstreamUrl = "https://index.example/simple/".parse().unwrap();
        assert_eq!(url.below("foo/").unwrap(), "https://index.example/simple/foo/");
        for bad in ["../other", "//evil.example/", "https://evil.example/", "/other"] {
            assert!(url.below(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_reserved_name_stands_for_what_is_below_it() {
        let guard = Guard { reserved: vec!["acme".to_owned()], ..Guard::default() };
        assert!(guard.reserves("acme") && guard.reserves("acme-tools"));
        assert!(!guard.reserves("acmetools") && !guard.reserves("my-acme"));
        guard.expect_sound().unwrap();
        for bad in ["", "Acme", "acme-", "a--b", "a.b"] {
            let guard = Guard { popular: vec![bad.to_owned()], ..Guard::default() };
            assert!(guard.expect_sound().is_err(), "{bad:?}");
        }
    }
}
