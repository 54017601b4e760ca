//! Where a registry is, as people write it: `registry.example`, `localhost:5000`, `http://10.0.0.5:5000`.

use std::{fmt, str::FromStr};

use reqwest::Url;
use wharf_core::{Error, Kind};

use crate::policy::literal;

/// What docker calls its own registry, and where that is.
const HUB: &[&str] = &["docker.io", "index.docker.io", "registry-1.docker.io"];
const HUB_URL: &str = "https://registry-1.docker.io/";

/// The address of a registry. `localhost` and loopback addresses are spoken to in plain HTTP, as docker does, all
/// others by TLS; a scheme before the host says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryAddress {
    url: Url,
    written: String,
}

impl RegistryAddress {
    /// Scheme, host and port.
    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }

    /// The host without its port, as a policy names it.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Whether it is docker's own, where a name of one component means one of `library`, and where names are kept
    /// under a key of their own in docker's files.
    pub fn is_docker_hub(&self) -> bool {
        self.url.as_str() == HUB_URL
    }
}

impl FromStr for RegistryAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::new(Kind::Invalid, format!("{text:?} is not the address of a registry"));
        let (scheme, written) = match text.split_once("://") {
            Some((scheme @ ("http" | "https"), host)) => (Some(scheme), host),
            Some(_) => return Err(wrong()),
            None => (None, text),
        };
        let legal = |c: u8| c.is_ascii_alphanumeric() || b".-_:[]".contains(&c);
        if written.is_empty() || !written.bytes().all(legal) {
            return Err(wrong());
        }
        if HUB.contains(&written) && scheme != Some("http") {
            let url = HUB_URL.parse().map_err(|_| wrong())?;
            return Ok(Self { url, written: "docker.io".to_owned() });
        }
        let host = written.split(':').next().unwrap_or_default();
        let is_local = host == "localhost"
            || literal(host).is_some_and(|address| address.is_loopback())
            || written.starts_with("[::1]");
        let scheme = scheme.unwrap_or(if is_local { "http" } else { "https" });
        let url: Url = format!("{scheme}://{written}/").parse().map_err(|_| wrong())?;
        if url.host_str().is_none_or(str::is_empty) || url.path() != "/" {
            return Err(wrong());
        }
        Ok(Self { url, written: written.to_owned() })
    }
}

impl fmt::Display for RegistryAddress {
    /// Host and port as they stand before the name of an image.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_plain_and_all_else_is_not_unless_it_says_so() {
        for (written, url) in [
            ("localhost:5000", "http://localhost:5000/"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("[::1]:8080", "http://[::1]:8080/"),
            ("quay.io", "https://quay.io/"),
            ("10.0.0.1:5000", "https://10.0.0.1:5000/"),
            ("http://10.0.0.1:5000", "http://10.0.0.1:5000/"),
            ("https://localhost", "https://localhost/"),
            ("docker.io", "https://registry-1.docker.io/"),
            ("localhost.evil.example", "https://localhost.evil.example/"),
        ] {
            assert_eq!(written.parse::<RegistryAddress>().unwrap().url().as_str(), url);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in ["", "http://", "ftp://a", "a/b", "user@a", "a b", "a?b", "a#b", "a:99999", "http://a:b@c"]
        {
            assert!(bad.parse::<RegistryAddress>().is_err(), "{bad:?}");
        }
    }
}
