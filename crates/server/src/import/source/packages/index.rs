//! An index of packages: its pages say what there is, and each file is fetched from where they say it lies.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use tokio::task::spawn_blocking;
use wharf_core::{Digest, Error, Kind, Result, Subject};
use wharf_outbound::{Opener, PageWanted, SimpleIndex};
use wharf_pypi::{
    carried::Carried,
    simple_page::{self, Listed, ProjectPage},
};

use super::{LeftOut, Store, unknown};

/// How many files are asked at once how long they are, where the page does not tell.
const BREADTH: usize = 8;

pub(super) struct Index {
    index: SimpleIndex,
    /// What lies where.
    places: Mutex<HashMap<Digest, String>>,
}

impl Index {
    pub(super) fn new(index: SimpleIndex) -> Self {
        Self { index, places: Mutex::default() }
    }

    async fn page(&self, project: &str) -> Result<ProjectPage> {
        let (accept, most) = (simple_page::ACCEPT, simple_page::LARGEST);
        let missing = || Error::new(Kind::NotFound(Subject::Name), "the index has no such project");
        let wanted = PageWanted { project: Some(project), accept, most };
        let arrived = self.index.page(wanted).await?.ok_or_else(missing)?;
        let page =
            spawn_blocking(move || simple_page::project(&arrived)).await.map_err(Error::internal)??;
        if page.goes_on {
            return Err(Error::new(
                Kind::TooLarge,
                "the page of the project has more files than are read of one",
            ));
        }
        Ok(page)
    }

    async fn carried(&self, file: Listed) -> Result<Carried, LeftOut> {
        let left_out = |why: String| LeftOut { what: file.filename.clone(), why };
        let digest = file.digest().map_err(|error| left_out(error.to_string()))?;
        let size = match file.size {
            Some(size) => size,
            None => self.index.size(&file.url).await.map_err(|error| left_out(error.to_string()))?,
        };
        let carried = Carried::new(&file.filename, digest, size);
        let carried = carried.map_err(|refusal| left_out(refusal.to_string()))?;
        self.places.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, file.url);
        Ok(carried)
    }
}

#[async_trait]
impl Store for Index {
    fn name(&self) -> String {
        self.index.url().to_owned()
    }

    async fn projects(&self) -> Result<Vec<String>> {
        let (accept, most) = (simple_page::ACCEPT, simple_page::LARGEST_LIST);
        let wanted = PageWanted { project: None, accept, most };
        let arrived = self.index.page(wanted).await?.ok_or_else(|| Error::not_found(Subject::Name))?;
        spawn_blocking(move || simple_page::projects(&arrived)).await.map_err(Error::internal)?
    }

    async fn files(&self, project: &str) -> Result<(Vec<Carried>, Vec<LeftOut>)> {
        let ProjectPage { files, unvouched, .. } = self.page(project).await?;
        let found = stream::iter(files).map(|file| self.carried(file)).buffered(BREADTH);
        let why = "the index does not tell its SHA-256";
        let unvouched = unvouched.into_iter().map(|what| LeftOut { what, why: why.to_owned() });
        let (mut carried, mut left_out) = (Vec::new(), unvouched.collect::<Vec<_>>());
        for file in found.collect::<Vec<_>>().await {
            match file {
                Ok(file) if file.project() == project => carried.push(file),
                Ok(file) => {
                    let why = format!("it is a file of {}", file.project());
                    left_out.push(LeftOut { what: file.filename().to_owned(), why });
                }
                Err(other) => left_out.push(other),
            }
        }
        Ok((carried, left_out))
    }

    fn opener<'a>(&'a self, _: &str, digest: Digest, size: u64) -> Opener<'a> {
        Box::new(move |offset| {
            let place = self.places.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned();
            Box::pin(async move {
                let url = place.ok_or_else(|| unknown(digest))?;
                self.index.open(&url, offset, size).await
            })
        })
    }
}
