//! Where a browser goes after its login: a path of ours, and never another's address, whatever a link says.

use std::str::FromStr;

use url::Url;
use wharf_core::{Error, Kind, Result};

/// The longest, in bytes: it travels in a cookie.
const LONGEST: usize = 1024;

/// A path of this Wharf, perhaps with a query, as browsers read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalPath(String);

impl LocalPath {
    /// Home.
    pub fn home() -> Self {
        Self("/".to_owned())
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LocalPath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // Browsers drop tabs and ends of lines, and take a backslash for a slash.
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        let begins_here = text.starts_with('/') && !text.starts_with("//");
        if text.len() > LONGEST || !is_plain || !begins_here || !stays_here(text) {
            return Err(Error::new(
                Kind::Invalid,
                "after a login one goes to a path of this Wharf, like /acme",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// What a browser would make of it.
fn stays_here(text: &str) -> bool {
    let here = Url::parse("https://here.invalid/").ok();
    let there = here.as_ref().and_then(|here| here.join(text).ok());
    here.zip(there).is_some_and(|(here, there)| here.origin() == there.origin())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_path_of_ours_is_one() {
        for good in
            ["/", "/acme/main/app:v1", "/-/search?q=a&n=2", "/acme/main/app@sha256:00#layers", "/a//b"]
        {
            assert_eq!(good.parse::<LocalPath>().unwrap().as_str(), good);
        }
        let long = format!("/{}", "a".repeat(LONGEST));
        for bad in [
            "",
            "acme",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "/\t/evil.example",
            "/a b",
            "/\u{e9}",
            "/a\r\nset-cookie: a=b",
            "javascript:alert(1)",
            " /",
            &long,
        ] {
            assert!(bad.parse::<LocalPath>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_taken_stays_here(text in "[/\\\\a-z:@.?#%\t\n]{0,12}") {
            if let Ok(path) = text.parse::<LocalPath>() {
                let there = Url::parse("https://wharf.example/-/login").unwrap().join(path.as_str()).unwrap();
                prop_assert_eq!(there.host_str(), Some("wharf.example"));
            }
        }
    }
}
