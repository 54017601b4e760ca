//! Someone who speaks to the server: nobody in particular, a user with a password, or the bearer of a token.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::{Certificate, Client, Method, Response, redirect::Policy};

use super::{Answer, Repository};

/// Longer than any answer takes. A client may miss that its server was killed, and would wait for ever.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Clone)]
pub(crate) struct Caller {
    client: Client,
    pub(crate) base: String,
    authorization: Option<String>,
}

impl Caller {
    pub(crate) fn anonymous(base: &str) -> Self {
        Self::trusting(base, &[])
    }

    /// Nobody in particular, who believes in no server but one with such a certificate, in PEM.
    pub(crate) fn trusting(base: &str, certificates: &[String]) -> Self {
        let certificates = certificates.iter().map(|pem| Certificate::from_pem(pem.as_bytes()).unwrap());
        let client = Client::builder().no_proxy().redirect(Policy::none()).tls_certs_only(certificates);
        let client = client.timeout(PATIENCE);
        Self { client: client.build().unwrap(), base: base.to_owned(), authorization: None }
    }

    /// The same server and certificates as a user.
    pub(crate) fn logged_in(&self, name: &str, password: &str) -> Self {
        let pair = BASE64_STANDARD.encode(format!("{name}:{password}"));
        Self { authorization: Some(format!("Basic {pair}")), ..self.clone() }
    }

    /// The same connection pool under another `Authorization`.
    pub(crate) fn bearing(&self, token: &str) -> Self {
        Self { authorization: Some(format!("Bearer {token}")), ..self.clone() }
    }

    /// The `Authorization` header that this caller sends, for requests made by hand.
    pub(crate) fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }

    pub(crate) fn repository(&self, name: &str) -> Repository {
        Repository::new(self.clone(), name)
    }

    /// A request to a path on the server, or to a whole URL.
    pub(crate) fn request(&self, method: &str, target: &str) -> Request {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let url =
            if target.starts_with("http") { target.to_owned() } else { format!("{}{target}", self.base) };
        let described = format!("{method} {target}");
        let mut builder = self.client.request(method, url);
        if let Some(authorization) = &self.authorization {
            builder = builder.header("authorization", authorization);
        }
        Request { described, builder }
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.request("GET", target).send().await
    }

    pub(crate) async fn head(&self, target: &str) -> Answer {
        self.request("HEAD", target).send().await
    }

    pub(crate) async fn delete(&self, target: &str) -> Answer {
        self.request("DELETE", target).send().await
    }

    pub(crate) async fn post(&self, target: &str) -> Answer {
        self.request("POST", target).header("content-length", "0").send().await
    }
}

/// One request being put together.
pub(crate) struct Request {
    described: String,
    builder: reqwest::RequestBuilder,
}

impl Request {
    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self { builder: self.builder.header(name, value), ..self }
    }

    pub(crate) fn body(self, body: impl Into<reqwest::Body>) -> Self {
        Self { builder: self.builder.body(body), ..self }
    }

    pub(crate) async fn send(self) -> Answer {
        let described = self.described.clone();
        self.try_send().await.unwrap_or_else(|error| panic!("{described}: {error:?}"))
    }

    /// As `send`, for those who expect the server to vanish under them.
    pub(crate) async fn try_send(self) -> Result<Answer, reqwest::Error> {
        let response: Response = self.builder.send().await?;
        let status = response.status().as_u16();
        let (version, headers) = (response.version(), response.headers().clone());
        let body = response.bytes().await?;
        Ok(Answer { request: self.described, version, status, headers, body })
    }
}
