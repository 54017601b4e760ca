//! The name a request gives its server: `Host`, or the authority of its target (RFC 9112, section 3.2).
//!
//! It ends up in challenges and links, so nothing but a host and a port may stand there.

use std::net::Ipv6Addr;

use axum::http::{Version, header, request::Parts};
use wharf_core::{Error, Kind, Result};

/// The longest name of a host that DNS knows.
const LONGEST: usize = 255;

/// Holds a request to its duty: one valid name, though HTTP/1.0 may go without.
///
/// # Errors
/// `Invalid`.
pub fn expect_authority(request: &Parts) -> Result<()> {
    let wrong = |words: &str| Err(Error::new(Kind::Invalid, words));
    let mut hosts = request.headers.get_all(header::HOST).iter();
    let host = hosts.next().map(|host| host.to_str().unwrap_or_default());
    if hosts.next().is_some() {
        return wrong("the request has more than one Host header");
    }
    let target = request.uri.authority().map(|authority| authority.as_str());
    if ![host, target].into_iter().flatten().all(is_authority) {
        return wrong("the Host header must be a host and perhaps a port");
    }
    if host.or(target).is_none() && request.version == Version::HTTP_11 {
        return wrong("the request needs a Host header");
    }
    Ok(())
}

/// What the request calls its server; the target goes before the header.
pub(crate) fn authority_of(request: &Parts) -> Option<&str> {
    let target = request.uri.authority().map(|authority| authority.as_str());
    target.or_else(|| request.headers.get(header::HOST)?.to_str().ok())
}

/// A host – a name, an IPv4 address, an IPv6 address in brackets – and perhaps a port. No login before it, and no
/// character that could end a quoted string, a header or a path.
pub(crate) fn is_authority(text: &str) -> bool {
    let (is_host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => (address.parse::<Ipv6Addr>().is_ok(), rest.strip_prefix(':').or(Some(rest))),
        None => {
            let (host, port) = text.split_once(':').unwrap_or((text, ""));
            let legal = |c: u8| c.is_ascii_alphanumeric() || b".-_".contains(&c);
            (!host.is_empty() && host.bytes().all(legal), Some(port))
        }
    };
    is_host && text.len() <= LONGEST && port.is_some_and(|port| port.is_empty() || is_port(port))
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|c| c.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn a_name_is_a_host_and_perhaps_a_port() {
        for good in
            ["localhost", "a.example:443", "192.0.2.1:8080", "[::1]", "[2001:db8::1]:5000", "my_host", "a:"]
        {
            assert!(is_authority(good), "{good:?} was refused");
        }
        for bad in [
            "", ":80", "a:b", "a:99999", "a:-1", "a:1:2", "::1", "[::1", "[::1]x", "[a]", "user@a", "a/b",
            "a?b", "a b", "a\"b", "a,b", "a:80@b", "[::1]:x", "\u{fc}",
        ] {
            assert!(!is_authority(bad), "{bad:?} was accepted");
        }
        assert!(!is_authority(&"a".repeat(256)));
    }

    #[test]
    fn a_request_has_one_name() {
        let of = |version, hosts: &[&str]| {
            let builder = Request::builder().version(version);
            let builder = hosts.iter().fold(builder, |builder, host| builder.header(header::HOST, *host));
            expect_authority(&builder.body(()).unwrap().into_parts().0)
        };
        assert!(of(Version::HTTP_11, &["a.example"]).is_ok());
        assert!(of(Version::HTTP_10, &[]).is_ok());
        assert!(of(Version::HTTP_11, &[]).is_err());
        assert!(of(Version::HTTP_11, &["a", "a"]).is_err());
        assert!(of(Version::HTTP_10, &["a b"]).is_err());
    }
}
