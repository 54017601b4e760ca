//! The way to issuers: documents and the answers to passwords, fetched from just the place that is named. Whoever names an issuer may be a tenant, so
//! only into the internet and over TLS; but to hosts that the operator named wherever they are, and without TLS too.

use std::time::Duration;

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
};

/// How long a document may take, with the look-up of the name: somebody waits for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the check of a password may take: providers hash them, too.
const PATIENCE_WITH_PASSWORDS: Duration = Duration::from_secs(10);
/// The largest answer to a password, in bytes.
const LARGEST_REPLY: usize = 64 * 1024;

/// Asks issuers.
pub struct IssuerDoor(Doors);

impl IssuerDoor {
    /// One that goes into the internet, and to these hosts wherever they are.
    pub fn new(hosts: Vec<String>) -> Self {
        Self(Doors::to(hosts))
    }

    fn open(&self, wanted: &Wanted) -> Result<(Door, Url)> {
        let wrong = |_| Error::new(Kind::Invalid, "the address of an issuer is no URL");
        let url = Url::parse(&wanted.url).map_err(wrong)?;
        let door = self.0.believing(wanted.authorities.as_ref())?;
        door.expect_target(&url)?;
        if url.scheme() != "https" && !door.names(url.host_str().unwrap_or_default()) {
            let words =
                format!("{} is an issuer without TLS, and the operator did not name it", host_of(&url));
            return Err(Error::new(Kind::Denied, words));
        }
        Ok((door, url))
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
            let body = Body::Whole(Bytes::from(question.body.expose().clone()));
            let answer = door.send_once(Ask { method: Method::POST, url, headers, body }).await?;
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
    fn an_issuer_is_in_the_internet_and_speaks_tls_unless_the_operator_named_it() {
        let door = IssuerDoor::new(vec!["ci.internal".to_owned(), "10.0.0.5".to_owned()]);
        for open in ["https://ci.example/x", "http://ci.internal", "http://10.0.0.5:8080/keys"] {
            assert_eq!(refusal(&door, open), None, "{open}");
        }
        for closed in [
            "http://ci.example",
            "https://127.0.0.1",
            "https://10.0.0.6",
            "https://[::1]/",
            "https://169.254.169.254",
        ] {
            assert_eq!(refusal(&door, closed), Some(Kind::Denied), "{closed}");
        }
    }
}
