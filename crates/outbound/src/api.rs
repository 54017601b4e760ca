//! A client of a server's own API beside that of OCI: JSON and files, by one login, which goes along from the first
//! request on. The command line speaks to formats' doors by it.
//!
//! What fails for a while is tried again for a while, so everything that is sent must bear being sent twice.

use std::{io, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use reqwest::{
    Method, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, LINK},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use wharf_core::{ByteStream, Error, Kind, Result, Subject};

use crate::{
    answer::Answer,
    door::{Ask, Body, Door},
    pace::{Pace, insist},
    upstream::{Login, RegistryAddress, kind_of, next_of},
};

/// The largest answer in JSON, in bytes.
const LARGEST: usize = 16 * 1024 * 1024;
/// The longest body that is read as it comes, in bytes.
const LONGEST_STREAM: u64 = 1 << 40;
/// The most of a refusal that is read, in bytes.
const LARGEST_REFUSAL: usize = 64 * 1024;
/// The most of its words that are repeated, in characters.
const LONGEST: usize = 300;
/// How much of a body is sent at once, in bytes.
const PIECE: usize = 64 * 1024;

/// The API of a server, as one caller sees it.
pub struct Api {
    door: Door,
    base: Url,
    authorization: Option<HeaderValue>,
}

/// Told how far a body is, and how long it is on the whole, 0 where nobody knows; in bytes. Where it is tried again it
/// begins again.
pub type Progress = Arc<dyn Fn(u64, u64) + Send + Sync>;

/// Where something is, below the API: the parts of its path, and the query.
#[derive(Clone, Copy, Debug)]
pub struct Spot<'a> {
    /// The parts of the path, whatever characters are in them.
    pub path: &'a [&'a str],
    /// The parameters.
    pub query: &'a [(&'a str, String)],
}

/// Something that is asked of an API that speaks JSON.
pub struct Asked<'a> {
    /// How.
    pub method: Method,
    /// The parts of the path, whatever characters are in them.
    pub path: &'a [String],
    /// The parameters.
    pub query: Vec<(&'a str, String)>,
    /// What is said.
    pub body: Option<&'a Value>,
    /// Known to nobody else: by it a server tells that the same thing is asked once more.
    pub key: String,
}

/// What an API said.
#[derive(Debug)]
pub struct Said {
    /// Its body, if there is one.
    pub body: Option<Value>,
    /// For a page of a list that goes on: `last` of the page after it.
    pub next: Option<String>,
}

impl Api {
    /// The API at an address, below the parts of a path, for the owner of a login or for nobody in particular. A
    /// refresh token is good for tokens of OCI only, so its owner is nobody here.
    ///
    /// # Errors
    /// `Internal` for an address that has no paths, which cannot be.
    pub fn new(door: Door, address: &RegistryAddress, below: &[&str], login: Option<&Login>) -> Result<Self> {
        let mut base = address.url().clone();
        extend(&mut base, below)?;
        Ok(Self { door, base, authorization: login.map_or(Ok(None), Login::basic)? })
    }

    /// What JSON says there.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for what is not the JSON that was expected; what else a request may fail with.
    pub async fn json<T: DeserializeOwned>(&self, spot: Spot<'_>) -> Result<T> {
        let answer = self.get(spot).await?;
        let odd = format!("{} answered with what nobody expected", answer.host());
        let bytes = answer.bytes(LARGEST).await?;
        serde_json::from_slice(&bytes).map_err(|error| Error::new(Kind::Invalid, odd).because(error))
    }

    /// A file of at most so many bytes.
    ///
    /// # Errors
    /// `NotFound`; `TooLarge`; what else a request may fail with.
    pub async fn file(&self, spot: Spot<'_>, most: u64, progress: &Progress) -> Result<Bytes> {
        let mut pace = Pace::default();
        loop {
            let answer = self.get(spot).await?;
            let host = answer.host().to_owned();
            let too_large = || Error::new(Kind::TooLarge, format!("{host} sends more than {most} bytes"));
            let cut = || Error::new(Kind::Unavailable, format!("{host} broke off"));
            let length = answer.header(CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok());
            if length.is_some_and(|length: u64| length > most) {
                return Err(too_large());
            }
            let broken = match whole(answer.into_stream(most), length.unwrap_or_default(), progress).await {
                Ok(bytes) if length.is_none_or(|length| length == bytes.len() as u64) => return Ok(bytes),
                Ok(_) => cut(),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(too_large()),
                Err(error) => cut().because(error),
            };
            pace.wait(broken).await?;
        }
    }

    /// A body as it comes. Where it breaks off, it says so and is not asked for again.
    ///
    /// # Errors
    /// `NotFound`; what else a request may fail with.
    pub async fn stream(&self, spot: Spot<'_>) -> Result<ByteStream> {
        Ok(self.get(spot).await?.into_stream(LONGEST_STREAM))
    }

    /// Sends bytes of this type, and returns what JSON says to that.
    ///
    /// # Errors
    /// The server's refusal, in its words; what else a request may fail with.
    pub async fn post<T: DeserializeOwned>(
        &self,
        spot: Spot<'_>,
        media_type: &str,
        body: &Bytes,
        progress: &Progress,
    ) -> Result<T> {
        let url = self.url(spot)?;
        let mut headers = self.headers();
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(media_type).map_err(Error::internal)?);
        let ask = || Ask {
            method: Method::POST,
            url: url.clone(),
            headers: headers.clone(),
            body: Body::Stream(told(body.clone(), progress.clone()), body.len() as u64),
        };
        let answer = self.exchange(ask).await?;
        let odd = format!("{} answered with what nobody expected", answer.host());
        let bytes = answer.bytes(LARGEST).await?;
        serde_json::from_slice(&bytes).map_err(|error| Error::new(Kind::Invalid, odd).because(error))
    }

    /// Asks for anything in JSON.
    ///
    /// # Errors
    /// The server's refusal, in its words; `Invalid` for what is not JSON; what else a request may fail with.
    pub async fn ask(&self, asked: Asked<'_>) -> Result<Said> {
        let path: Vec<&str> = asked.path.iter().map(String::as_str).collect();
        let url = self.url(Spot { path: &path, query: &asked.query })?;
        let mut headers = self.headers();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("idempotency-key", HeaderValue::from_str(&asked.key).map_err(Error::internal)?);
        let text = asked.body.map(Value::to_string).unwrap_or_default();
        let ask = || Ask {
            method: asked.method.clone(),
            url: url.clone(),
            headers: headers.clone(),
            body: Body::Whole(text.clone().into()),
        };
        let answer = self.exchange(ask).await?;
        let next = answer.headers(LINK.as_str()).find_map(next_of).and_then(|next| url.join(next).ok());
        let next = next.and_then(|next| {
            next.query_pairs().find_map(|(name, value)| (name == "last").then(|| value.into_owned()))
        });
        let odd = format!("{} answered with what nobody expected", answer.host());
        let bytes = answer.bytes(LARGEST).await?;
        let body = (!bytes.is_empty()).then(|| serde_json::from_slice(&bytes)).transpose();
        let body = body.map_err(|error| Error::new(Kind::Invalid, odd).because(error))?;
        Ok(Said { body, next })
    }

    async fn get(&self, spot: Spot<'_>) -> Result<Answer> {
        let url = self.url(spot)?;
        let body = || Body::Whole(Bytes::new());
        self.exchange(|| Ask { method: Method::GET, url: url.clone(), headers: self.headers(), body: body() })
            .await
    }

    /// Asks until there is a success, or a refusal that another try would not change.
    async fn exchange(&self, ask: impl Fn() -> Ask) -> Result<Answer> {
        let answer = insist(|| self.door.send(ask())).await?;
        if answer.status().is_success() { Ok(answer) } else { Err(refusal(answer).await) }
    }

    fn headers(&self) -> HeaderMap {
        self.authorization.iter().map(|value| (AUTHORIZATION, value.clone())).collect()
    }

    fn url(&self, Spot { path, query }: Spot<'_>) -> Result<Url> {
        let mut url = self.base.clone();
        extend(&mut url, path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }
}

fn extend(url: &mut Url, path: &[&str]) -> Result<()> {
    let mut segments = url.path_segments_mut().map_err(|()| Error::internal("a registry has no paths"))?;
    segments.pop_if_empty().extend(path);
    Ok(())
}

/// The words of a refusal: plain text, or the detail of problem+json.
async fn refusal(answer: Answer) -> Error {
    let (status, host) = (answer.status(), answer.host().to_owned());
    let body = answer.bytes(LARGEST_REFUSAL).await.unwrap_or_default();
    let problem: Option<Value> = serde_json::from_slice(&body).ok();
    let detail = problem.as_ref().and_then(|problem| problem.get("detail")?.as_str());
    let words = detail.map_or_else(|| String::from_utf8_lossy(&body).into_owned(), str::to_owned);
    let words: String = words.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    if status == StatusCode::UNAUTHORIZED {
        let told =
            format!("{host} wants a login with a password or an API token: see `wharf login` ({words})");
        return Error::new(Kind::Unauthenticated, told);
    }
    let told = if words.is_empty() { String::new() } else { format!(": {words}") };
    Error::new(kind_of(status, Subject::Name), format!("{host} answered {}{told}", status.as_u16()))
}

async fn whole(mut stream: ByteStream, length: u64, progress: &Progress) -> io::Result<Bytes> {
    let mut bytes = BytesMut::new();
    while let Some(piece) = stream.next().await {
        bytes.extend_from_slice(&piece?);
        progress(bytes.len() as u64, length);
    }
    Ok(bytes.freeze())
}

/// Bytes in pieces, of which somebody is told when they are taken.
fn told(body: Bytes, progress: Progress) -> ByteStream {
    let (whole, mut left) = (body.len(), body);
    let pieces = std::iter::from_fn(move || {
        let piece = left.split_to(left.len().min(PIECE));
        progress((whole - left.len()) as u64, whole as u64);
        (!piece.is_empty()).then_some(Ok(piece))
    });
    Box::pin(stream::iter(pieces))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_path_stays_one_whatever_is_in_it() {
        let mut url: Url = "http://a.example/memflow/acme/main/".parse().unwrap();
        extend(&mut url, &["plugins", "acme/dump evil?#%2e"]).unwrap();
        assert_eq!(url.path(), "/memflow/acme/main/plugins/acme%2Fdump%20evil%3F%23%252e");
        let mut url: Url = "http://a.example/".parse().unwrap();
        extend(&mut url, &["plugins"]).unwrap();
        assert_eq!(url.path(), "/plugins");
    }

    #[tokio::test]
    async fn a_body_is_told_of_as_it_goes() {
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (kept, body) = (seen.clone(), Bytes::from(vec![7; PIECE + 1]));
        let progress: Progress = Arc::new(move |position, _| kept.lock().unwrap().push(position));
        let gone = whole(told(body.clone(), progress), 0, &(Arc::new(|_, _| ()) as Progress)).await.unwrap();
        assert_eq!(gone, body);
        assert_eq!(seen.lock().unwrap()[..2], [PIECE as u64, PIECE as u64 + 1]);
    }
}
