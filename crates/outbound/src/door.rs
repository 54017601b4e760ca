//! The guarded HTTP client. What stands in the environment about proxies means nothing to it.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::{
    Client, Method, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_LENGTH, COOKIE, HeaderMap, HeaderValue, LOCATION},
    redirect,
};
use tokio::time::timeout;
use wharf_core::{ByteStream, Error, Kind, Result, causes};

use crate::{
    answer::Answer,
    policy::{Policy, Refused},
    resolver::Resolver,
    trust::Trust,
};

/// How long a connection may take, with TLS and the look-up of the name.
const CONNECT: Duration = Duration::from_secs(15);
/// How long the head of an answer may take, once everything was sent.
const HEAD: Duration = Duration::from_secs(60);
/// The slowest pace of a body either way that is waited for, in bytes a second, on the whole.
pub(crate) const SLOWEST: u64 = 16 * 1024;
/// How many connections to one host are kept for the next request.
const MOST_IDLE: usize = 8;
/// The most redirects in a row.
const MOST_REDIRECTS: usize = 5;

/// The only way to another machine. Cheap to clone; clones share connections and policy.
#[derive(Clone)]
pub struct Door {
    client: Client,
    policy: Arc<Policy>,
}

/// What is asked of another machine.
pub struct Ask {
    /// The method.
    pub method: Method,
    /// Where: `http` or `https`, without a login.
    pub url: Url,
    /// The headers. `Authorization` and `Cookie` go to the origin of the URL and to no other.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
}

/// What is sent.
pub enum Body {
    /// These bytes, perhaps none.
    Whole(Bytes),
    /// So many bytes as they come. They cannot be sent twice.
    Stream(ByteStream, u64),
}

impl Door {
    /// A door that leads where the policy allows and believes whom it trusts.
    ///
    /// # Errors
    /// `Internal` if TLS cannot be set up.
    #[allow(clippy::disallowed_methods, reason = "this is the only door out")]
    pub fn open(policy: Policy, trust: Trust) -> Result<Self> {
        let policy = Arc::new(policy);
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .http1_only()
            .connect_timeout(CONNECT)
            .pool_idle_timeout(Duration::from_secs(20))
            .pool_max_idle_per_host(MOST_IDLE)
            .tls_backend_preconfigured(trust.config()?)
            .dns_resolver(Resolver(policy.clone()))
            .user_agent(concat!("wharf/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(Error::internal)?;
        Ok(Self { client, policy })
    }

    /// Whether the operator or the user named this host.
    pub(crate) fn names(&self, host: &str) -> bool {
        self.policy.names(host)
    }

    /// Asks, and follows the redirects of a GET or HEAD. Any status is an answer.
    ///
    /// # Errors
    /// `Denied` for a place the policy closes; `Invalid` for a URL or redirect that is none; `Timeout`; `Unavailable`
    /// where nobody answers.
    pub async fn send(&self, ask: Ask) -> Result<Answer> {
        let follows = matches!(ask.method, Method::GET | Method::HEAD);
        let (method, mut url, mut headers) = (ask.method.clone(), ask.url.clone(), ask.headers.clone());
        let mut answer = self.send_once(ask).await?;
        for _ in 0..MOST_REDIRECTS {
            if !follows || !is_redirect(answer.status()) {
                return Ok(answer);
            }
            let next = target_of(&url, &answer)?;
            if next.origin() != url.origin() {
                headers.remove(AUTHORIZATION);
                headers.remove(COOKIE);
            }
            url = next;
            let (method, headers, body) = (method.clone(), headers.clone(), Body::Whole(Bytes::new()));
            answer = self.send_once(Ask { method, url: url.clone(), headers, body }).await?;
        }
        if is_redirect(answer.status()) { Err(invalid(&url, "redirects in circles")) } else { Ok(answer) }
    }

    /// Asks just there: a redirect is an answer like any other.
    pub(crate) async fn send_once(&self, ask: Ask) -> Result<Answer> {
        self.expect_target(&ask.url)?;
        let host = host_of(&ask.url);
        let mut request = self.client.request(ask.method, ask.url.clone()).headers(ask.headers);
        let mut patience = HEAD;
        request = match ask.body {
            Body::Whole(bytes) if bytes.is_empty() => request,
            Body::Whole(bytes) => request.body(bytes),
            Body::Stream(stream, length) => {
                patience += Duration::from_secs(length / SLOWEST);
                let request = request.header(CONTENT_LENGTH, HeaderValue::from(length));
                request.body(reqwest::Body::wrap_stream(stream))
            }
        };
        let late = |_| Error::new(Kind::Timeout, format!("{host} did not answer in time"));
        match timeout(patience, request.send()).await.map_err(late)? {
            Ok(response) => Ok(Answer::new(response, host)),
            Err(error) => Err(failure(host, error)),
        }
    }

    /// Looks at what can be seen in the URL. Names are judged by their addresses, when they are looked up.
    pub(crate) fn expect_target(&self, url: &Url) -> Result<()> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid(url, "is neither http nor https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid(url, "has a login in its URL"));
        }
        self.policy.judge_written(url.host_str().unwrap_or_default()).map_err(Error::from)
    }
}

/// Host and port of a URL, for messages: never its path or query, which may hold a signature.
pub(crate) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or("nowhere");
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn target_of(from: &Url, answer: &Answer) -> Result<Url> {
    let location = answer.header(LOCATION.as_str()).ok_or_else(|| invalid(from, "redirects to nowhere"))?;
    let target = from.join(location).map_err(|_| invalid(from, "redirects to what is no URL"))?;
    if from.scheme() == "https" && target.scheme() == "http" {
        return Err(Error::new(Kind::Denied, format!("{} redirects from https to http", host_of(from))));
    }
    Ok(target)
}

fn invalid(url: &Url, what: &str) -> Error {
    Error::new(Kind::Invalid, format!("{} {what}", host_of(url)))
}

/// What TLS failed with, by what the other end showed. It arrives wrapped as if reading had failed.
fn of_tls<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e rustls::Error> {
    let wrapped = || error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error.downcast_ref().or_else(|| wrapped().and_then(|inner| of_tls(inner)))
}

/// Whether what answered plain HTTP speaks something else, as a port of TLS does. No type of the client tells it.
fn is_no_http(error: &(dyn std::error::Error + 'static)) -> bool {
    error.to_string().contains("invalid HTTP version")
}

/// What became of a request that got no answer, in words. The URL, which may hold a signature, is not among them.
fn failure(host: String, error: reqwest::Error) -> Error {
    let error = error.without_url();
    if let Some(refused) = causes(&error).find_map(|cause| cause.downcast_ref::<Refused>()) {
        return refused.clone().into();
    }
    let what = match causes(&error).find_map(of_tls) {
        Some(rustls::Error::InvalidMessage(_)) => {
            Some("does not speak TLS: begin its address with http:// if that is meant")
        }
        Some(_) => Some("is not believed over TLS"),
        None if causes(&error).any(is_no_http) => {
            Some("does not speak plain HTTP: begin its address with https://")
        }
        None => None,
    };
    if let Some(what) = what {
        // Another try would end alike.
        return Error::new(Kind::Denied, format!("{host} {what}")).because(error);
    }
    let kind = if error.is_timeout() { Kind::Timeout } else { Kind::Unavailable };
    let what = if error.is_connect() { "cannot be reached" } else { "broke off" };
    Error::new(kind, format!("{host} {what}")).because(error)
}
