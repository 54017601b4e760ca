//! A site that somebody named by its URL, perhaps with a login in it: asked, and again for a while where that may help.

use bytes::Bytes;
use reqwest::{
    Method, StatusCode, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};
use wharf_core::{Error, Kind, Result, Secret, Subject};

use crate::{
    answer::Answer,
    authorization::basic,
    door::{Ask, Body, Door},
    pace::{insist, is_passing},
    upstream::kind_of,
};

/// A site. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Site {
    door: Door,
    base: Url,
    authorization: Option<HeaderValue>,
}

impl Site {
    /// The site of a URL, with the login that stands in it, if one does. What it has lies below the path.
    ///
    /// # Errors
    /// `Invalid` for what is no URL of http or https.
    pub(crate) fn new(door: Door, url: &str) -> Result<Self> {
        let mut base: Url = url.parse().map_err(|_| no_url())?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(no_url());
        }
        let login = login_of(&base)?;
        // Neither can fail on a URL that has a host.
        let _ = base.set_username("");
        let _ = base.set_password(None);
        base.set_query(None);
        base.set_fragment(None);
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        Ok(Self { door, base, authorization: login })
    }

    /// The host of such a URL, which whoever names the site names too.
    ///
    /// # Errors
    /// As [`Site::new`].
    pub(crate) fn host_of(url: &str) -> Result<String> {
        url.parse().ok().and_then(|url: Url| url.host_str().map(str::to_owned)).ok_or_else(no_url)
    }

    /// Where it is, with a slash at the end and without a login.
    pub(crate) const fn base(&self) -> &Url {
        &self.base
    }

    /// Asks, and again for a while where that may help. The login goes to the origin of the site only.
    pub(crate) async fn get(&self, method: Method, url: Url, mut headers: HeaderMap) -> Result<Answer> {
        if let Some(login) = self.authorization.as_ref().filter(|_| url.origin() == self.base.origin()) {
            headers.insert(AUTHORIZATION, login.clone());
        }
        let answer = insist(|| {
            let (method, url, headers) = (method.clone(), url.clone(), headers.clone());
            self.door.send(Ask { method, url, headers, body: Body::Whole(Bytes::new()) })
        });
        let answer = answer.await?;
        if is_passing(answer.status()) { Err(refusal(&answer)) } else { Ok(answer) }
    }
}

fn no_url() -> Error {
    Error::new(Kind::Invalid, "the address must be http://… or https://…")
}

fn login_of(url: &Url) -> Result<Option<HeaderValue>> {
    if url.username().is_empty() {
        return Ok(None);
    }
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let password = Secret::new(decoded(url.password().unwrap_or_default()));
    basic(&decoded(url.username()), &password).map(Some)
}

/// The error for an answer that is no success.
pub(crate) fn refusal(answer: &Answer) -> Error {
    let words = format!("{} answered {}", answer.host(), answer.status());
    let kind = match answer.status() {
        StatusCode::GONE => Kind::NotFound(Subject::Blob),
        status => kind_of(status, Subject::Blob),
    };
    Error::new(kind, words)
}
