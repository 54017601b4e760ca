//! Who the client is to a registry: nobody, a login by Basic, or the bearer of a token that was had for the login
//! (token and OAuth2 specifications of docker's registry).

use std::{
    sync::{MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use reqwest::{
    Method, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE},
};
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};
use wharf_core::{Error, Kind, Recent, Result, Secret, Subject};

use super::{Upstream, challenge::Challenge, refusal::refusal};
use crate::{
    answer::Answer,
    authorization::{basic, bearer},
    door::{Ask, Body, host_of},
    pace::insist,
};

/// The largest answer of a token server, in bytes.
const LARGEST: usize = 256 * 1024;
/// What a token is good for that does not say it, in seconds.
const USUAL: u64 = 60;
/// How long before its end a token is no longer used, in seconds.
const MARGIN: u64 = 10;
/// The longest a token is kept, in seconds.
const LONGEST: u64 = 24 * 60 * 60;
/// How many bytes tokens may take: who asks for many repositories has one for each.
const MOST: usize = 4 << 20;
/// What a token is taken to weigh beside its value, in bytes: its scopes, and its place.
const EACH: usize = 512;

/// Who to be.
#[derive(Clone)]
pub enum Login {
    /// A user with a password, or with a token that goes as one.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Secret<String>,
    },
    /// A refresh token, which docker calls an identity token.
    Refresh(Secret<String>),
}

/// What was learned of a registry's ways.
pub(super) struct Credentials {
    scheme: Scheme,
    tokens: Recent<Vec<String>, Token>,
}

impl Default for Credentials {
    fn default() -> Self {
        let tokens = Recent::weighing(MOST, |token: &Token| EACH + token.value.len());
        Self { scheme: Scheme::default(), tokens }
    }
}

#[derive(Default)]
enum Scheme {
    /// Nothing was asked for yet.
    #[default]
    Unasked,
    Basic,
    Bearer(Realm),
}

/// Where tokens are had.
#[derive(Clone)]
struct Realm {
    url: Url,
    service: Option<String>,
}

#[derive(Clone)]
struct Token {
    value: HeaderValue,
    until: Instant,
}

/// The answer of a token server. Both fields mean the same, and some servers send both.
#[derive(Deserialize)]
struct Issued {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Login {
    /// As it stands in an `Authorization` of Basic; nothing of what does not go so.
    ///
    /// # Errors
    /// As [`basic`].
    pub(crate) fn basic(&self) -> Result<Option<HeaderValue>> {
        match self {
            Self::Password { user, password } => basic(user, password).map(Some),
            Self::Refresh(_) => Ok(None),
        }
    }
}

impl Upstream {
    /// What stands in `Authorization` of a request that needs these scopes.
    pub(super) async fn authorization(&self, scopes: &[String]) -> Result<Option<HeaderValue>> {
        let realm = match &self.credentials().scheme {
            Scheme::Unasked => return Ok(None),
            Scheme::Basic => return self.basic(),
            Scheme::Bearer(realm) => realm.clone(),
        };
        if let Some(value) = self.token(scopes) {
            return Ok(Some(value));
        }
        // Whoever else needs this one waits here, and finds it. Who needs another does not.
        let turn = self.fetches.hold(scopes.to_vec(), Mutex::default);
        let _turn = turn.lock().await;
        if let Some(value) = self.token(scopes) {
            return Ok(Some(value));
        }
        let token = self.fetch_token(&realm, scopes).await?;
        let value = token.value.clone();
        self.credentials().tokens.insert(scopes.to_vec(), token);
        Ok(Some(value))
    }

    fn credentials(&self) -> MutexGuard<'_, Credentials> {
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token for these scopes, if it is good for a while.
    fn token(&self, scopes: &[String]) -> Option<HeaderValue> {
        let token = self.credentials().tokens.get(scopes)?;
        (token.until > Instant::now()).then_some(token.value)
    }

    fn basic(&self) -> Result<Option<HeaderValue>> {
        self.login.as_ref().map_or(Ok(None), Login::basic)
    }

    /// Learns from a 401 what the registry wants to see.
    pub(super) async fn learn(&self, answer: &Answer, scopes: &[String]) -> Result<()> {
        let challenges: Vec<Challenge> =
            answer.headers(WWW_AUTHENTICATE.as_str()).flat_map(Challenge::parse).collect();
        let of = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme == scheme);
        if let Some(bearer) = of("bearer") {
            let realm = self.realm(bearer)?;
            let asked = bearer.parameter("scope").into_iter().flat_map(str::split_whitespace);
            let mut wanted = scopes.to_vec();
            wanted
                .extend(asked.filter(|asked| !scopes.iter().any(|scope| scope == asked)).map(str::to_owned));
            let token = self.fetch_token(&realm, &wanted).await?;
            let mut credentials = self.credentials();
            credentials.tokens.insert(scopes.to_vec(), token);
            credentials.scheme = Scheme::Bearer(realm);
            return Ok(());
        }
        if of("basic").is_some() && matches!(self.login, Some(Login::Password { .. })) {
            self.credentials().scheme = Scheme::Basic;
            return Ok(());
        }
        let words = format!("{} wants a login: see `wharf login`", answer.host());
        Err(Error::new(Kind::Unauthenticated, words))
    }

    /// Where a challenge sends for tokens. Plain HTTP is taken only from a registry that speaks it, for itself.
    fn realm(&self, bearer: &Challenge) -> Result<Realm> {
        let realm = bearer.parameter("realm").unwrap_or_default();
        let host = host_of(&self.base);
        let refused = |what: &str| Error::new(Kind::Denied, format!("{host} sends for tokens to {what}"));
        let url: Url = realm.parse().map_err(|_| refused("what is no URL"))?;
        let plain_and_alike = self.base.scheme() == "http" && url.host() == self.base.host();
        if url.scheme() != "https" && !(url.scheme() == "http" && plain_and_alike) {
            return Err(refused(&format!("{} without TLS", host_of(&url))));
        }
        Ok(Realm { url, service: bearer.parameter("service").map(str::to_owned) })
    }

    async fn fetch_token(&self, realm: &Realm, scopes: &[String]) -> Result<Token> {
        let answer = insist(|| async { self.door.send(self.token_request(realm, scopes)?).await }).await?;
        if answer.status().is_success() {
            return read(answer).await;
        }
        Err(refusal(answer, Subject::Name).await)
    }

    fn token_request(&self, realm: &Realm, scopes: &[String]) -> Result<Ask> {
        let mut url = realm.url.clone();
        let (mut headers, mut body, mut method) = (HeaderMap::new(), Bytes::new(), Method::GET);
        let service = realm.service.iter().map(|service| ("service", service.as_str()));
        if let Some(Login::Refresh(token)) = &self.login {
            self.expect_confidant(&realm.url)?;
            let scope = scopes.join(" ");
            let fixed = [("grant_type", "refresh_token"), ("client_id", "wharf"), ("scope", scope.as_str())];
            let mut form = Url::parse("form:").map_err(Error::internal)?;
            form.query_pairs_mut().extend_pairs(fixed).extend_pairs(service);
            form.query_pairs_mut().append_pair("refresh_token", token.expose());
            body = Bytes::from(form.query().unwrap_or_default().to_owned());
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
            method = Method::POST;
        } else {
            let scopes = scopes.iter().map(|scope| ("scope", scope.as_str()));
            url.query_pairs_mut().extend_pairs(service).extend_pairs(scopes);
            if let Some(value) = self.basic()? {
                self.expect_confidant(&realm.url)?;
                headers.insert(AUTHORIZATION, value);
            }
        }
        Ok(Ask { method, url, headers, body: Body::Whole(body) })
    }

    /// The login is told to the registry's own host, to hosts beside it or above it (`auth.docker.io` of
    /// `registry-1.docker.io`, `gitlab.com` of `registry.gitlab.com`), and to whom the user named.
    fn expect_confidant(&self, realm: &Url) -> Result<()> {
        let (own, other) = (self.base.host_str().unwrap_or_default(), realm.host_str().unwrap_or_default());
        if own == other || (realm.scheme() == "https" && (self.door.names(other) || is_beside(own, other))) {
            return Ok(());
        }
        let words =
            format!("{} sends for tokens to {other}, which is not told the login", host_of(&self.base));
        Err(Error::new(Kind::Denied, words))
    }
}

/// Whether a host lies in the domain that another one is in, or is that domain.
fn is_beside(own: &str, other: &str) -> bool {
    if crate::policy::literal(own).is_some() || crate::policy::literal(other).is_some() {
        return false;
    }
    let Some((_, domain)) = own.split_once('.') else { return false };
    let below = || other.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    domain.contains('.') && (other == domain || below())
}

async fn read(answer: Answer) -> Result<Token> {
    let wrong = format!("{} answered with what is no token", answer.host());
    let wrong = || Error::new(Kind::Unavailable, wrong.clone());
    let bytes = answer.bytes(LARGEST).await?;
    let issued: Issued = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    let token = [issued.token, issued.access_token].into_iter().flatten().find(|token| !token.is_empty());
    let value = token.and_then(|token| bearer(&token).ok()).ok_or_else(wrong)?;
    let seconds = issued.expires_in.unwrap_or(USUAL).clamp(USUAL, LONGEST) - MARGIN;
    Ok(Token { value, until: Instant::now() + Duration::from_secs(seconds) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_many_repositories_take_no_more_room_than_they_may() {
        let mut tokens = Credentials::default().tokens;
        let scopes = |repository: usize| vec![format!("repository:{repository}:pull")];
        let token = || Token { value: HeaderValue::from_static("Bearer x"), until: Instant::now() };
        tokens.insert(scopes(0), token());
        for repository in 1..4 * MOST / EACH {
            tokens.insert(scopes(repository), token());
            assert!(tokens.get(&scopes(0)).is_some(), "one that is used is fetched again");
            assert!(tokens.len() <= MOST / EACH);
        }
    }

    #[test]
    fn a_login_is_told_to_the_neighbours_of_a_registry_and_to_no_stranger() {
        for (own, other) in [
            ("registry-1.docker.io", "auth.docker.io"),
            ("registry.gitlab.com", "gitlab.com"),
            ("registry.apps.corp.example", "sso.apps.corp.example"),
        ] {
            assert!(is_beside(own, other), "{own} {other}");
        }
        for (own, other) in [
            ("registry.example", "evil.example"),
            ("registry-1.docker.io", "evildocker.io"),
            ("registry-1.docker.io", "docker.io.evil.example"),
            ("ghcr.io", "evil.io"),
            ("10.0.0.1", "11.0.0.1"),
            ("localhost", "evil"),
        ] {
            assert!(!is_beside(own, other), "{own} {other}");
        }
    }
}
