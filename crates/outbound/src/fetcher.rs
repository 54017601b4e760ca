//! The way to upstreams of proxy registries: asks what a registry's admin named, through doors that the operator's policy
//! closes to private networks, and tells the login to the origin of the upstream and to no other.

use async_trait::async_trait;
use reqwest::{
    Method, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH},
};
use wharf_auth::{Auth, port::UpstreamPolicy};
use wharf_core::{Error, Kind, Result, Upstream, UpstreamUrl};
use wharf_registry::port::{UpstreamAnswer, UpstreamAsk, UpstreamBody, UpstreamDoor};

use crate::{
    answer::Answer,
    authorization::basic,
    door::{Ask, Body, host_of},
    doors::Doors,
    policy::Policy,
};

/// Asks upstreams.
pub struct Fetcher {
    auth: Auth,
    doors: Doors,
}

impl Fetcher {
    /// One that goes into the internet, and to these hosts wherever they are; `auth` opens the logins.
    pub fn new(auth: Auth, hosts: Vec<String>) -> Self {
        Self { auth, doors: Doors::under(move || Self::policy(&hosts)) }
    }

    /// Where upstreams may be: in the internet, and at these hosts wherever they are.
    pub fn policy(hosts: &[String]) -> Policy {
        Policy::named(hosts).of_setting("upstream_hosts")
    }

    fn headers(&self, upstream: &Upstream, ask: &UpstreamAsk, url: &Url) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        insert(&mut headers, ACCEPT, ask.accept)?;
        if let Some(known) = &ask.known {
            insert(&mut headers, IF_NONE_MATCH, known)?;
        }
        let own = Url::parse(upstream.url.as_str()).map_err(Error::internal)?;
        if own.origin() == url.origin()
            && let Some((user, password)) = self.auth.login_at(upstream)?
        {
            headers.insert(AUTHORIZATION, basic(&user, &password)?);
        }
        Ok(headers)
    }
}

#[async_trait]
impl UpstreamDoor for Fetcher {
    async fn ask(&self, upstream: &Upstream, ask: UpstreamAsk) -> Result<UpstreamAnswer> {
        let wrong =
            |error| Error::new(Kind::Invalid, "the upstream names an address that is none").because(error);
        let url = Url::parse(&ask.url).map_err(wrong)?;
        if upstream.url.as_str().starts_with("https:") && url.scheme() != "https" {
            let words = format!("{} leads from https to {}", host_of(&url), url.scheme());
            return Err(Error::new(Kind::Denied, words));
        }
        let headers = self.headers(upstream, &ask, &url)?;
        let door = self.doors.believing(upstream.authorities.as_ref())?;
        let sent = Ask { method: Method::GET, url, headers, body: Body::Whole(bytes::Bytes::new()) };
        let answer = door.send(sent).await?;
        match answer.status() {
            StatusCode::OK => Ok(UpstreamAnswer::Found(found(answer, ask.most))),
            StatusCode::NOT_MODIFIED if ask.known.is_some() => Ok(UpstreamAnswer::Unchanged),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(UpstreamAnswer::Missing),
            status => Err(refused(&answer, status)),
        }
    }
}

impl UpstreamPolicy for Policy {
    fn expect_open(&self, url: &UpstreamUrl) -> Result<()> {
        let url = Url::parse(url.as_str()).map_err(Error::internal)?;
        self.judge_written(url.host_str().unwrap_or_default()).map_err(Error::from)
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) -> Result<()> {
    headers.insert(name, HeaderValue::try_from(value).map_err(Error::internal)?);
    Ok(())
}

fn found(answer: Answer, most: u64) -> UpstreamBody {
    let text = |name: &str| answer.header(name).map(str::to_owned);
    UpstreamBody {
        url: answer.url().to_string(),
        media_type: text("content-type").unwrap_or_default(),
        etag: text("etag"),
        length: text("content-length").and_then(|length| length.parse().ok()),
        body: answer.into_stream(most),
    }
}

/// What an upstream says no with. It answers, so it is not away.
fn refused(answer: &Answer, status: StatusCode) -> Error {
    Error::new(Kind::Denied, format!("{} answered {}", answer.host(), status.as_u16()))
}
