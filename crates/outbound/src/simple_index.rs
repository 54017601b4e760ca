//! A Python index somewhere else, asked as any client asks it: for its pages, which whoever takes them reads, and for the files
//! that lie where they say, there or elsewhere.

use reqwest::{
    Method, StatusCode, Url,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE},
};
use wharf_core::{ByteStream, Error, Kind, Result};
use wharf_registry::upstream::Arrived;

use crate::{
    door::Door,
    site::{Site, refusal},
};

/// An index. Cheap to clone.
#[derive(Clone)]
pub struct SimpleIndex {
    site: Site,
}

/// A page of an index that is wanted.
#[derive(Clone, Copy, Debug)]
pub struct PageWanted<'a> {
    /// Whose page: a project's, or else the list of all.
    pub project: Option<&'a str>,
    /// Its forms, as they stand in `Accept`.
    pub accept: &'static str,
    /// How many bytes it may have.
    pub most: usize,
}

impl SimpleIndex {
    /// The index of a URL, with the login that stands in it, if one does.
    ///
    /// # Errors
    /// `Invalid` for what is no URL of http or https.
    pub fn new(door: Door, url: &str) -> Result<Self> {
        Site::new(door, url).map(|site| Self { site })
    }

    /// The host of an index, which whoever names the index names too.
    ///
    /// # Errors
    /// As [`SimpleIndex::new`].
    pub fn host_of(url: &str) -> Result<String> {
        Site::host_of(url)
    }

    /// Where it is, without a login.
    pub fn url(&self) -> &str {
        self.site.base().as_str()
    }

    /// A page; nothing where there is none.
    ///
    /// # Errors
    /// What a request may fail with; `TooLarge`.
    pub async fn page(&self, wanted: PageWanted<'_>) -> Result<Option<Arrived>> {
        let base = self.site.base();
        let url = match wanted.project {
            Some(project) => base.join(&format!("{project}/")).map_err(Error::internal)?,
            None => base.clone(),
        };
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(wanted.accept))]);
        let answer = self.site.get(Method::GET, url, headers).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !answer.status().is_success() {
            return Err(refusal(&answer));
        }
        let media_type = answer.header(CONTENT_TYPE.as_str()).unwrap_or_default().to_owned();
        let url = answer.url().to_string();
        Ok(Some(Arrived { url, media_type, bytes: answer.bytes(wanted.most).await? }))
    }

    /// How many bytes a file has, by what is told of it without sending it.
    ///
    /// # Errors
    /// What a request may fail with; `Invalid` where it is not told.
    pub async fn size(&self, url: &str) -> Result<u64> {
        let answer = self.site.get(Method::HEAD, parsed(url)?, HeaderMap::new()).await?;
        let length = answer.header(CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok());
        let untold =
            || Error::new(Kind::Invalid, format!("{} does not say how long a file is", answer.host()));
        length.filter(|_| answer.status().is_success()).ok_or_else(untold)
    }

    /// The bytes of a file from an offset on, at most so many.
    ///
    /// # Errors
    /// What a request may fail with; `NotFound`.
    pub async fn open(&self, url: &str, offset: u64, most: u64) -> Result<ByteStream> {
        let mut headers = HeaderMap::new();
        if offset > 0 {
            let range = HeaderValue::try_from(format!("bytes={offset}-")).map_err(Error::internal)?;
            headers.insert(RANGE, range);
        }
        let answer = self.site.get(Method::GET, parsed(url)?, headers).await?;
        match (answer.status(), offset) {
            (StatusCode::OK, 0) => Ok(answer.into_stream(most)),
            (StatusCode::PARTIAL_CONTENT, _) => Ok(answer.into_stream(most - offset)),
            // It cannot begin in the middle.
            (StatusCode::OK, _) => Ok(skipped(answer.into_stream(most), offset)),
            _ => Err(refusal(&answer)),
        }
    }
}

/// Where a page says that a file lies.
fn parsed(url: &str) -> Result<Url> {
    let wrong = |_| Error::new(Kind::Invalid, "the index names an address that is none");
    Url::parse(url).map_err(wrong)
}

/// What comes after the first bytes.
fn skipped(stream: ByteStream, mut left: u64) -> ByteStream {
    use futures_util::StreamExt as _;
    let rest = stream.filter_map(move |piece| {
        let piece = piece.map(|mut bytes| {
            let skip = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
            left -= skip as u64;
            bytes.split_off(skip)
        });
        std::future::ready(Some(piece).filter(|piece| !matches!(piece, Ok(bytes) if bytes.is_empty())))
    });
    Box::pin(rest)
}
