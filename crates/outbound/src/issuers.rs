//! The way to issuers: documents, and the answers to passwords and codes, fetched from just the place that is named. Whoever names an
//! issuer may be a tenant, so only into the internet and over TLS; but to hosts that the operator named wherever they are, and
//! without TLS too, at the ports that the operator meant: nobody else is to look what listens there beside.

use std::{str::FromStr, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::{
    Method, StatusCode, Url,
    header::{ACCEPT, HeaderMap, HeaderName, HeaderValue},
};
use tokio::time::timeout;
use wharf_auth::{
    ProviderDoor, Question, Reply,
    issuers::{Documents, Wanted},
};
use wharf_core::{Error, Kind, Result};

use crate::{
    door::{Ask, Body, Door, host_of},
    doors::Doors,
    policy::Policy,
};

/// How long a document may take, with the look-up of the name: somebody waits for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the check of a password may take: providers hash them, too.
const PATIENCE_WITH_PASSWORDS: Duration = Duration::from_secs(10);
/// The largest answer to a password, in bytes.
const LARGEST_REPLY: usize = 64 * 1024;

/// A host that issuers may be at wherever it is: `host` at the usual ports of https and http, `host:8443` at that one, `host:*`
/// at any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerHost {
    name: String,
    port: Port,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    Usual,
    Only(u16),
    Any,
}

impl IssuerHost {
    fn is(&self, host: &str) -> bool {
        self.name.eq_ignore_ascii_case(host)
    }

    const fn opens(&self, port: u16) -> bool {
        match self.port {
            Port::Usual => matches!(port, 80 | 443),
            Port::Only(only) => port == only,
            Port::Any => true,
        }
    }
}

impl FromStr for IssuerHost {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::new(Kind::Invalid, "a host is a name, an address, or [an IPv6 address]");
        let (name, port) = match text.rsplit_once(':') {
            // The last colon may be one of the address.
            Some((name, "*")) => (name, Port::Any),
            Some((name, port)) if !port.ends_with(']') => {
                (name, Port::Only(port.parse().map_err(|_| wrong())?))
            }
            _ => (text, Port::Usual),
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let is_one = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !name.is_empty() && name.bytes().all(is_name),
        };
        if is_one { Ok(Self { name: name.to_owned(), port }) } else { Err(wrong()) }
    }
}

/// Asks issuers.
pub struct IssuerDoor {
    hosts: Vec<IssuerHost>,
    doors: Doors,
}

impl IssuerDoor {
    /// One that goes into the internet, and to these hosts wherever they are.
    pub fn new(hosts: Vec<IssuerHost>) -> Self {
        let names: Vec<String> = hosts.iter().map(|host| host.name.clone()).collect();
        Self { hosts, doors: Doors::under(move || Policy::by_name(&names).of_setting("issuer_hosts")) }
    }

    fn open(&self, wanted: &Wanted) -> Result<(Door, Url)> {
        let wrong = |_| Error::new(Kind::Invalid, "the address of an issuer is no URL");
        let url = Url::parse(&wanted.url).map_err(wrong)?;
        let door = self.doors.believing(wanted.authorities.as_ref())?;
        door.expect_target(&url)?;
        self.expect_port(&url)?;
        if url.scheme() != "https" && !door.names(url.host_str().unwrap_or_default()) {
            let words =
                format!("{} is an issuer without TLS, and the operator did not name it", host_of(&url));
            return Err(Error::new(Kind::Denied, words));
        }
        Ok((door, url))
    }

    /// Refuses another port of a host that the operator named.
    fn expect_port(&self, url: &Url) -> Result<()> {
        let host = url.host_str().unwrap_or_default();
        let mut named = self.hosts.iter().filter(|named| named.is(host)).peekable();
        let port = url.port_or_known_default().unwrap_or_default();
        if named.peek().is_none() || named.any(|named| named.opens(port)) {
            return Ok(());
        }
        let words = format!("{} is at a port that the operator did not name", host_of(url));
        Err(Error::new(Kind::Denied, words))
    }
}

#[async_trait]
impl Documents for IssuerDoor {
    async fn fetch(&self, wanted: Wanted, most: usize) -> Result<Vec<u8>> {
        let (door, url) = self.open(&wanted)?;
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        let host = host_of(&url);
        let asked = async {
            let ask = Ask { method: Method::GET, url, headers, body: Body::Whole(Bytes::new()) };
            let answer = door.send_once(ask).await?;
            match answer.status() {
                StatusCode::OK => answer.bytes(most).await,
                status => Err(Error::new(Kind::Unavailable, format!("{host} answered {}", status.as_u16()))),
            }
        };
        let late = |_| Error::new(Kind::Timeout, format!("{host} did not answer in time"));
        timeout(PATIENCE, asked).await.map_err(late)?.map(Vec::from)
    }

    fn expect_open(&self, wanted: &Wanted) -> Result<()> {
        self.open(wanted).map(drop)
    }
}

#[async_trait]
impl ProviderDoor for IssuerDoor {
    async fn ask(&self, question: Question) -> Result<Reply> {
        let (door, url) = self.open(&question.wanted)?;
        let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        for (name, value) in question.headers {
            let mut value = HeaderValue::try_from(value.expose()).map_err(Error::internal)?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        let host = host_of(&url);
        let asked = async {
            let method = if question.body.is_some() { Method::POST } else { Method::GET };
            let body = question.body.map(|body| Bytes::from(body.expose().clone())).unwrap_or_default();
            let answer = door.send_once(Ask { method, url, headers, body: Body::Whole(body) }).await?;
            let status = answer.status().as_u16();
            Ok(Reply { status, body: answer.bytes(LARGEST_REPLY).await?.into() })
        };
        let late = |_| Error::new(Kind::Timeout, format!("{host} did not answer in time"));
        timeout(PATIENCE_WITH_PASSWORDS, asked).await.map_err(late)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(door: &IssuerDoor, url: &str) -> Option<Kind> {
        let wanted = Wanted { url: url.to_owned(), authorities: None };
        door.expect_open(&wanted).err().map(|error| error.kind())
    }

    #[test]
    fn an_issuer_is_in_the_internet_and_speaks_tls_unless_the_operator_named_it_with_its_port() {
        let hosts = ["ci.internal", "CI.internal:8443", "10.0.0.5:*", "[fd00::1]:8080"];
        let door = IssuerDoor::new(hosts.iter().map(|host| host.parse().unwrap()).collect());
        for open in [
            "https://ci.example/x",
            "https://ci.example:8443/x",
            "http://ci.internal",
            "https://ci.internal",
            "http://ci.internal:8443",
            "http://10.0.0.5:8080/keys",
            "http://[fd00::1]:8080",
        ] {
            assert_eq!(refusal(&door, open), None, "{open}");
        }
        for closed in [
            "http://ci.example",
            "https://127.0.0.1",
            "https://10.0.0.6",
            "https://[::1]/",
            "https://169.254.169.254",
            "http://ci.internal:22",
            "https://ci.internal:8444",
            "http://[fd00::1]",
        ] {
            assert_eq!(refusal(&door, closed), Some(Kind::Denied), "{closed}");
        }
        for bad in ["", ":80", "a:", "a:70000", "a:b", "fd00::1", "[fd00::1", "a b", "a/b", "*"] {
            assert!(bad.parse::<IssuerHost>().is_err(), "{bad}");
        }
    }
}
