//! A client of OCI registries (distribution-spec 1.1, and the token specifications of docker's registry).
//!
//! It pulls and pushes through one [`Door`]. Whatever has a digest is checked against it. What fails for a while –
//! no connection, 429, 5xx – is tried again for a while, as long as the registry asks but never for hours.

mod blobs;
mod challenge;
mod credentials;
mod manifests;
mod pages;
mod push;
mod refusal;
mod registry_address;

use std::sync::Mutex;

use bytes::Bytes;
use reqwest::{
    Method, StatusCode, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};
use wharf_core::{Error, Kind, Result, Shared, Subject};

use self::{credentials::Credentials, refusal::refusal};
pub use self::{credentials::Login, manifests::Document, push::Watch, registry_address::RegistryAddress};
pub(crate) use self::{pages::next_of, refusal::kind_of};
use crate::{
    answer::Answer,
    door::{Ask, Body, Door},
    pace::{insist, is_passing},
    repository::Repository,
};

/// Another registry, as one caller sees it.
pub struct Upstream {
    door: Door,
    base: Url,
    login: Option<Login>,
    credentials: Mutex<Credentials>,
    /// The fetches of tokens that are under way, by scopes.
    fetches: Shared<Vec<String>, tokio::sync::Mutex<()>>,
}

/// A request that can be sent again.
struct Call {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
    /// What a token must open for it, as `scope` parameters.
    scopes: Vec<String>,
}

impl Call {
    fn new(method: Method, url: Url, scopes: Vec<String>) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new(), scopes }
    }

    fn ask(&self, headers: HeaderMap) -> Ask {
        let body = Body::Whole(self.body.clone());
        Ask { method: self.method.clone(), url: self.url.clone(), headers, body }
    }

    fn header(mut self, name: reqwest::header::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

impl Upstream {
    /// The registry at an address, for the owner of a login or for nobody in particular.
    pub fn new(door: Door, address: &RegistryAddress, login: Option<Login>) -> Self {
        Self {
            door,
            base: address.url().clone(),
            login,
            credentials: Mutex::default(),
            fetches: Shared::default(),
        }
    }

    /// Whether the registry is there and lets the login in.
    ///
    /// # Errors
    /// `Unauthenticated` where it does not; what else a request may fail with.
    pub async fn ping(&self) -> Result<()> {
        let answer = self.exchange(&Call::new(Method::GET, self.url("")?, Vec::new())).await?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(refusal(answer, Subject::Name).await)
    }

    /// A URL below `/v2/`.
    fn url(&self, path: &str) -> Result<Url> {
        self.base.join(&format!("v2/{path}")).map_err(Error::internal)
    }

    /// Sends a call until it is answered with something that another try would not change; once more with what the registry wants
    /// to see, if that is what it says.
    async fn exchange(&self, call: &Call) -> Result<Answer> {
        let mut answer = self.insist(call).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            self.learn(&answer, &call.scopes).await?;
            answer = self.insist(call).await?;
        }
        if is_passing(answer.status()) {
            return Err(refusal(answer, Subject::Name).await);
        }
        Ok(answer)
    }

    async fn insist(&self, call: &Call) -> Result<Answer> {
        // A token may end while a registry wants to be left alone.
        insist(|| self.attempt(call)).await
    }

    /// Sends a call once.
    async fn attempt(&self, call: &Call) -> Result<Answer> {
        let headers = self.authorised(&call.url, &call.headers, &call.scopes).await?;
        self.door.send(call.ask(headers)).await
    }

    /// The headers with the login or the token, which go to the registry's own origin only.
    async fn authorised(&self, url: &Url, headers: &HeaderMap, scopes: &[String]) -> Result<HeaderMap> {
        let mut headers = headers.clone();
        if url.origin() == self.base.origin()
            && let Some(value) = self.authorization(scopes).await?
        {
            headers.insert(AUTHORIZATION, value);
        }
        Ok(headers)
    }

    /// What the answer to a relative or absolute `Location` or `Link` means, which must stay at the registry.
    fn own_url(&self, from: &Url, target: &str) -> Result<Url> {
        let at_home = |url: &Url| url.origin() == self.base.origin() && url.username().is_empty();
        let elsewhere = || {
            Error::new(Kind::Denied, format!("{} sends to another origin", crate::door::host_of(&self.base)))
        };
        from.join(target).ok().filter(at_home).ok_or_else(elsewhere)
    }
}

fn pull(repository: &Repository) -> Vec<String> {
    vec![format!("repository:{repository}:pull")]
}
