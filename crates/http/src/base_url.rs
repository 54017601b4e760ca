//! Where this Wharf is reached, as its callers see it.

use axum::http::{HeaderMap, header};
use wharf_core::{Error, Kind, Result};

/// The public URL: configured, or derived from each request's `Host`.
#[derive(Clone, Debug, Default)]
pub struct BaseUrl(Option<String>);

impl BaseUrl {
    /// A configured URL, or none.
    ///
    /// # Errors
    /// `Invalid` when it is not `http://…` or `https://…`.
    pub fn new(configured: Option<&str>) -> Result<Self> {
        let Some(url) = configured else { return Ok(Self(None)) };
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let invalid =
            || Error::new(Kind::Invalid, "public URL must be http://host[:port] or https://host[:port]");
        let rest = rest.ok_or_else(invalid)?.trim_end_matches('/');
        if !is_authority(rest) {
            return Err(invalid());
        }
        Ok(Self(Some(url.trim_end_matches('/').to_owned())))
    }

    /// The URL for a request, without a slash at its end.
    ///
    /// # Errors
    /// `Invalid` when nothing is configured and the request has no usable `Host`.
    pub fn of(&self, headers: &HeaderMap, authority: Option<&str>) -> Result<String> {
        if let Some(url) = &self.0 {
            return Ok(url.clone());
        }
        let host = authority.or_else(|| headers.get(header::HOST).and_then(|host| host.to_str().ok()));
        match host.filter(|host| is_authority(host)) {
            Some(host) => Ok(format!("http://{host}")),
            None => Err(Error::new(Kind::Invalid, "the request needs a Host header")),
        }
    }
}

/// Host and port, of characters that cannot end a quoted string or a header.
fn is_authority(text: &str) -> bool {
    let legal = |c: u8| c.is_ascii_alphanumeric() || b".-_:[]".contains(&c);
    !text.is_empty() && text.len() <= 255 && text.bytes().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_header_counts_only_when_nothing_is_configured() {
        let headers = HeaderMap::from_iter([(header::HOST, "localhost:8080".parse().unwrap())]);
        assert_eq!(BaseUrl::default().of(&headers, None).unwrap(), "http://localhost:8080");
        let configured = BaseUrl::new(Some("https://wharf.example/")).unwrap();
        assert_eq!(configured.of(&headers, None).unwrap(), "https://wharf.example");
        let evil = HeaderMap::from_iter([(header::HOST, "a\",realm=\"b".parse().unwrap())]);
        assert!(BaseUrl::default().of(&evil, None).is_err());
        assert!(BaseUrl::default().of(&HeaderMap::new(), None).is_err());
        assert!(BaseUrl::new(Some("ftp://x")).is_err());
        assert!(BaseUrl::new(Some("https://x/path")).is_err());
    }
}
