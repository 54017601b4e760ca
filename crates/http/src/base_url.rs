//! Where this Wharf is reached, as its callers see it.

use axum::http::request::Parts;
use wharf_core::{Error, Kind, RegistryPlace, Result};

use crate::{
    authority::{authority_of, is_authority},
    request::{Reached, Scheme},
};

/// The public URL: configured, or derived from how each request came.
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

    /// The configured URL, if there is one, without a slash at its end.
    pub fn configured(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The URL for a request, without a slash at its end.
    ///
    /// # Errors
    /// `Invalid` when nothing is configured and the request has no usable `Host`.
    pub fn of(&self, request: &Parts) -> Result<String> {
        if let Some(url) = &self.0 {
            return Ok(url.clone());
        }
        let reached = request.extensions.get::<Reached>();
        let scheme = reached.map_or(Scheme::Http, |reached| reached.scheme).word();
        let named = reached.and_then(|reached| reached.authority.as_deref());
        match named.or_else(|| authority_of(request)).filter(|host| is_authority(host)) {
            Some(host) => Ok(format!("{scheme}://{host}")),
            None => Err(Error::new(Kind::Invalid, "the request needs a Host header")),
        }
    }
}

/// A registry that the operator bound to a name of this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundHost {
    /// The name, perhaps with a port, in lower case.
    pub host: String,
    /// The registry.
    pub registry: RegistryPlace,
}

/// The registry that the client's name for this server stands for, with its port or without, if the operator bound one to it.
pub fn bound_to(hosts: &[BoundHost], request: &Parts) -> Option<RegistryPlace> {
    let called = host_of(request)?;
    let host =
        called.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(&*called, |(host, _)| host);
    let bound = hosts.iter().find(|bound| bound.host == called || bound.host == host);
    bound.map(|bound| bound.registry.clone())
}

/// What the client called its server, as the request or a trusted proxy says: host and perhaps port, in lower case.
fn host_of(request: &Parts) -> Option<String> {
    let reached = request.extensions.get::<Reached>();
    let named = reached.and_then(|reached| reached.authority.as_deref());
    named.or_else(|| authority_of(request)).map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn request(host: Option<&str>) -> Parts {
        let builder = host.iter().fold(Request::builder(), |builder, host| builder.header("host", *host));
        builder.body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_host_header_counts_only_when_nothing_is_configured() {
        let local = request(Some("localhost:8080"));
        assert_eq!(BaseUrl::default().of(&local).unwrap(), "http://localhost:8080");
        let configured = BaseUrl::new(Some("https://wharf.example/")).unwrap();
        assert_eq!(configured.of(&local).unwrap(), "https://wharf.example");
        assert!(BaseUrl::default().of(&request(Some("a\",realm=\"b"))).is_err());
        assert!(BaseUrl::default().of(&request(None)).is_err());
        assert!(BaseUrl::new(Some("ftp://x")).is_err());
        assert!(BaseUrl::new(Some("https://x/path")).is_err());
    }

    #[test]
    fn the_scheme_is_that_of_the_connection_and_the_name_the_proxys() {
        let mut reached = request(Some("inside:8080"));
        reached.extensions.insert(Reached { scheme: Scheme::Https, authority: None });
        assert_eq!(BaseUrl::default().of(&reached).unwrap(), "https://inside:8080");
        let authority = Some("wharf.example".to_owned());
        reached.extensions.insert(Reached { scheme: Scheme::Https, authority });
        assert_eq!(BaseUrl::default().of(&reached).unwrap(), "https://wharf.example");
    }
}
