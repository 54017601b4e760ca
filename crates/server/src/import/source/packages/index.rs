//! An index of packages: its pages say what there is, and each file is fetched from where they say it lies.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use wharf_core::{Digest, Error, Kind, Result, Subject};
use wharf_outbound::{IndexedFile, Opener, SimpleIndex};
use wharf_pypi::carried::Carried;

use super::{LeftOut, Store, unknown};

/// How many files are asked at once how long they are, where the page does not tell.
const BREADTH: usize = 8;

pub(super) struct Index {
    index: SimpleIndex,
    /// What lies where.
    places: Mutex<HashMap<Digest, IndexedFile>>,
}

impl Index {
    pub(super) fn new(index: SimpleIndex) -> Self {
        Self { index, places: Mutex::default() }
    }

    async fn carried(&self, file: IndexedFile) -> Result<Carried, LeftOut> {
        let left_out = |why: String| LeftOut { what: file.filename.clone(), why };
        let digest = file.digest.ok_or_else(|| left_out("the index does not tell its SHA-256".to_owned()))?;
        let size = match file.size {
            Some(size) => size,
            None => self.index.size(&file).await.map_err(|error| left_out(error.to_string()))?,
        };
        let carried = Carried::new(&file.filename, digest, size);
        let carried = carried.map_err(|refusal| left_out(refusal.to_string()))?;
        self.places.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, file);
        Ok(carried)
    }
}

#[async_trait]
impl Store for Index {
    fn name(&self) -> String {
        self.index.url().to_owned()
    }

    async fn projects(&self) -> Result<Vec<String>> {
        self.index.projects().await
    }

    async fn files(&self, project: &str) -> Result<(Vec<Carried>, Vec<LeftOut>)> {
        let missing = || Error::new(Kind::NotFound(Subject::Name), "the index has no such project");
        let files = self.index.files(project).await?.ok_or_else(missing)?;
        let found = stream::iter(files).map(|file| self.carried(file)).buffered(BREADTH);
        let (mut carried, mut left_out) = (Vec::new(), Vec::new());
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
                let file = place.ok_or_else(|| unknown(digest))?;
                self.index.open(&file, offset, size).await
            })
        })
    }
}
