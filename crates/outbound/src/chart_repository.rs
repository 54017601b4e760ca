//! A chart repository somewhere else, read as helm reads it: an index, and files that lie where it says, there or elsewhere.
//!
//! What comes is distrusted: it is bounded here, and read and held against its digest by whoever takes it.

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use reqwest::{Method, StatusCode, Url, header::HeaderMap};
use wharf_core::{Error, Kind, Result, Subject};

use crate::{
    answer::Answer,
    door::{Door, host_of},
    pace::Pace,
    site::{Site, refusal},
};

/// The largest index, in bytes: that of the largest public repository has some tens of MiB.
const LARGEST_INDEX: u64 = 64 * 1024 * 1024;
/// What the index is called.
const INDEX: &str = "index.yaml";

/// A chart repository. Cheap to clone.
#[derive(Clone)]
pub struct ChartRepository {
    site: Site,
}

/// A file that an index names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartFile(Url);

impl ChartRepository {
    /// The repository of a URL, which may be that of its index, with the login that stands in it, if one does.
    ///
    /// # Errors
    /// `Invalid` for what is no URL of http or https.
    pub fn new(door: Door, url: &str) -> Result<Self> {
        let url = url.strip_suffix(INDEX).filter(|rest| rest.ends_with('/')).unwrap_or(url);
        Site::new(door, url).map(|site| Self { site })
    }

    /// The host of a repository, which whoever names the repository names too.
    ///
    /// # Errors
    /// As [`ChartRepository::new`].
    pub fn host_of(url: &str) -> Result<String> {
        Site::host_of(url)
    }

    /// Where it is, without a login.
    pub fn url(&self) -> &str {
        self.site.base().as_str()
    }

    /// Its index.
    ///
    /// # Errors
    /// What a request may fail with; `NotFound` where there is none; `TooLarge`.
    pub async fn index(&self) -> Result<Bytes> {
        let url = self.site.base().join(INDEX).map_err(Error::internal)?;
        let missing =
            || Error::new(Kind::NotFound(Subject::Name), format!("there is no {INDEX} at {}", self.url()));
        self.whole(&url, LARGEST_INDEX).await?.ok_or_else(missing)
    }

    /// The file that the index means by a URL, which may be relative to the repository.
    ///
    /// # Errors
    /// `Unsupported` for what is no URL of http or https; `Denied` where it leads from https to http.
    pub fn file(&self, reference: &str) -> Result<ChartFile> {
        let base = self.site.base();
        let unsupported =
            || Error::new(Kind::Unsupported, "the index names no address of http or https for it");
        let url = base.join(reference).map_err(|_| unsupported())?;
        match (base.scheme(), url.scheme()) {
            ("https", "http") => Err(Error::new(
                Kind::Denied,
                format!("the index leads from https to http at {}", host_of(&url)),
            )),
            (_, "http" | "https") => Ok(ChartFile(url)),
            _ => Err(unsupported()),
        }
    }

    /// The bytes of a file, if there is one, and it has no more than so many.
    ///
    /// # Errors
    /// What a request may fail with; `TooLarge`.
    pub async fn fetch(&self, file: &ChartFile, most: u64) -> Result<Option<Bytes>> {
        self.whole(&file.0, most).await
    }

    async fn whole(&self, url: &Url, most: u64) -> Result<Option<Bytes>> {
        let mut pace = Pace::default();
        loop {
            let answer = self.site.get(Method::GET, url.clone(), HeaderMap::new()).await?;
            match answer.status() {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
                _ => return Err(refusal(&answer)),
            }
            match collected(answer, most).await {
                Err(error) if error.kind() == Kind::Unavailable => pace.wait(error).await?,
                read => return read.map(Some),
            }
        }
    }
}

impl ChartFile {
    /// The provenance file beside it.
    #[must_use]
    pub fn provenance(&self) -> Self {
        let mut url = self.0.clone();
        url.set_path(&format!("{}.prov", url.path()));
        Self(url)
    }
}

async fn collected(answer: Answer, most: u64) -> Result<Bytes> {
    let host = answer.host().to_owned();
    let collect = async |mut bytes: BytesMut, piece: Bytes| {
        bytes.extend_from_slice(&piece);
        Ok(bytes)
    };
    let read = answer.into_stream(most).try_fold(BytesMut::new(), collect).await;
    read.map(BytesMut::freeze).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => {
            Error::new(Kind::TooLarge, format!("{host} sends more than {most} bytes"))
        }
        _ => Error::new(Kind::Unavailable, format!("{host} broke off")).because(error),
    })
}
