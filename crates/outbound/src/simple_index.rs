//! A Python index somewhere else, read as any client reads it (PEP 503, 691, 700): JSON where it is spoken, else HTML.
//!
//! What it says is distrusted: names, sizes and digests are held to their grammar here, and every byte to its digest by
//! whoever takes it.

mod html;

use bytes::Bytes;
use reqwest::{
    Method, StatusCode, Url,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE},
};
use serde::Deserialize;
use wharf_core::{Algorithm, ByteStream, Digest, Error, Kind, Result, Subject};

use crate::{
    door::Door,
    site::{Site, refusal},
};

/// The largest page, in bytes: the list of a whole public index has some tens of MiB.
const LARGEST_PAGE: usize = 64 * 1024 * 1024;
/// The most entries that are read of a page.
const MOST: usize = 1_000_000;
const WANTED: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/// An index. Cheap to clone.
#[derive(Clone)]
pub struct SimpleIndex {
    site: Site,
}

/// A file as its index tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedFile {
    /// Its name.
    pub filename: String,
    /// Where it lies.
    url: Url,
    /// The digest of its bytes, if the index tells one that is served here.
    pub digest: Option<Digest>,
    /// How many they are, if the index tells.
    pub size: Option<u64>,
}

#[derive(Deserialize)]
struct Root {
    projects: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Page {
    files: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    filename: String,
    url: String,
    hashes: Hashes,
    size: Option<u64>,
}

#[derive(Deserialize)]
struct Hashes {
    sha256: Option<String>,
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

    /// The projects it lists, as it writes them.
    ///
    /// # Errors
    /// What a request may fail with; `Invalid` for a page that is none.
    pub async fn projects(&self) -> Result<Vec<String>> {
        let page =
            self.page(self.site.base().clone()).await?.ok_or_else(|| Error::not_found(Subject::Name))?;
        let names = match &page {
            Fetched::Json(_, bytes) => {
                let root: Root = read(bytes)?;
                root.projects.into_iter().map(|project| project.name).collect()
            }
            Fetched::Html(_, text) => {
                html::links(text).map(|link| link.text).take(MOST + 1).collect::<Vec<_>>()
            }
        };
        bounded(names)
    }

    /// The files of a project, in the order of the index; nothing where it has no such project.
    ///
    /// # Errors
    /// As [`SimpleIndex::projects`].
    pub async fn files(&self, project: &str) -> Result<Option<Vec<IndexedFile>>> {
        let url = self.site.base().join(&format!("{project}/")).map_err(Error::internal)?;
        let Some(page) = self.page(url).await? else { return Ok(None) };
        let files = match &page {
            Fetched::Json(url, bytes) => {
                let page: Page = read(bytes)?;
                page.files.into_iter().filter_map(|listed| of_json(url, listed)).collect()
            }
            Fetched::Html(url, text) => {
                html::links(text).filter_map(|link| of_html(url, link)).take(MOST + 1).collect()
            }
        };
        bounded(files).map(Some)
    }

    /// How many bytes a file has, by what is told of it without sending it.
    ///
    /// # Errors
    /// What a request may fail with; `Invalid` where it is not told.
    pub async fn size(&self, file: &IndexedFile) -> Result<u64> {
        let answer = self.site.get(Method::HEAD, file.url.clone(), HeaderMap::new()).await?;
        let length = answer.header(CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok());
        let untold =
            || Error::new(Kind::Invalid, format!("{} does not say how long a file is", answer.host()));
        length.filter(|_| answer.status().is_success()).ok_or_else(untold)
    }

    /// The bytes of a file from an offset on, at most so many.
    ///
    /// # Errors
    /// What a request may fail with; `NotFound`.
    pub async fn open(&self, file: &IndexedFile, offset: u64, most: u64) -> Result<ByteStream> {
        let mut headers = HeaderMap::new();
        if offset > 0 {
            let range = HeaderValue::try_from(format!("bytes={offset}-")).map_err(Error::internal)?;
            headers.insert(RANGE, range);
        }
        let answer = self.site.get(Method::GET, file.url.clone(), headers).await?;
        match (answer.status(), offset) {
            (StatusCode::OK, 0) => Ok(answer.into_stream(most)),
            (StatusCode::PARTIAL_CONTENT, _) => Ok(answer.into_stream(most - offset)),
            // It cannot begin in the middle.
            (StatusCode::OK, _) => Ok(skipped(answer.into_stream(most), offset)),
            _ => Err(refusal(&answer)),
        }
    }

    async fn page(&self, url: Url) -> Result<Option<Fetched>> {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(WANTED))]);
        let answer = self.site.get(Method::GET, url, headers).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !answer.status().is_success() {
            return Err(refusal(&answer));
        }
        let is_json = answer.header(CONTENT_TYPE.as_str()).is_some_and(|kind| kind.contains("json"));
        let from = answer.url().clone();
        let bytes = answer.bytes(LARGEST_PAGE).await?;
        if is_json {
            return Ok(Some(Fetched::Json(from, bytes)));
        }
        let text = String::from_utf8(bytes.into());
        let text =
            text.map_err(|_| Error::new(Kind::Invalid, "the index answered with what is not UTF-8"))?;
        Ok(Some(Fetched::Html(from, text)))
    }
}

/// A page, and where it came from after redirects.
enum Fetched {
    Json(Url, Bytes),
    Html(Url, String),
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a Bytes) -> Result<T> {
    let wrong =
        |error| Error::new(Kind::Invalid, "the index answered with what is no page of one").because(error);
    serde_json::from_slice(bytes).map_err(wrong)
}

fn bounded<T>(entries: Vec<T>) -> Result<Vec<T>> {
    if entries.len() > MOST {
        return Err(Error::new(Kind::TooLarge, format!("the index lists more than {MOST} entries")));
    }
    Ok(entries)
}

/// A file with a URL that is none is left out: nobody could fetch it.
fn of_json(page: &Url, listed: Listed) -> Option<IndexedFile> {
    let Listed { filename, url, hashes, size } = listed;
    let digest = hashes.sha256.and_then(|hex| digest_of(&hex));
    Some(IndexedFile { filename, url: file_url(page, &url)?, digest, size })
}

fn of_html(page: &Url, link: html::Link) -> Option<IndexedFile> {
    let mut url = file_url(page, &link.href)?;
    let digest = url.fragment().and_then(|fragment| digest_of(fragment.strip_prefix("sha256=")?));
    url.set_fragment(None);
    Some(IndexedFile { filename: link.text, url, digest, size: None })
}

fn file_url(page: &Url, url: &str) -> Option<Url> {
    page.join(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

fn digest_of(hex: &str) -> Option<Digest> {
    format!("{}:{}", Algorithm::Sha256, hex.to_ascii_lowercase()).parse().ok()
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
