//! A folder of packaged charts, as `helm package` fills it and as ChartMuseum keeps them: each organisation of a museum has
//! a folder of its own, which becomes a part of the repository's name. Symbolic links are not followed, and nothing is
//! written. What a file holds is told by what is in it, not by its name.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::task::spawn_blocking;
use wharf_core::{Error, Kind, Result, Subject};
use wharf_helm::Artifact;

use super::{Inventory, LARGEST, LARGEST_PROVENANCE, LeftOut, Listed, Store};
use crate::import::source::tree::Tree;

/// The most files and folders that are looked at.
const MOST: usize = 1_000_000;
/// How deep folders may lie in each other.
const DEEPEST: usize = 32;

pub(super) struct Folder {
    path: PathBuf,
    tree: Arc<Tree>,
}

impl Folder {
    /// # Errors
    /// `Invalid` where the folder cannot be read.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let unreadable =
            |error| Error::new(Kind::Invalid, format!("{} cannot be read", path.display())).because(error);
        Ok(Self { path: path.to_owned(), tree: Arc::new(Tree::open(path).map_err(unreadable)?) })
    }

    async fn read(&self, place: String, most: usize) -> Result<Option<Bytes>> {
        let tree = self.tree.clone();
        let read = move || tree.read(&parts(&place), most);
        Ok(spawn_blocking(read).await.map_err(Error::internal)??.map(Bytes::from))
    }
}

#[async_trait]
impl Store for Folder {
    fn name(&self) -> String {
        format!("{}:", self.path.display())
    }

    async fn inventory(&self) -> Result<Inventory> {
        let tree = self.tree.clone();
        let inventory = spawn_blocking(move || inventory(&tree)).await.map_err(Error::internal)??;
        if inventory.charts.is_empty() && inventory.left_out.is_empty() {
            let words = format!("there is no packaged chart in {}", self.path.display());
            return Err(Error::new(Kind::Invalid, words));
        }
        Ok(inventory)
    }

    async fn packaged(&self, place: &str) -> Result<Bytes> {
        let missing = || Error::new(Kind::NotFound(Subject::Blob), format!("{place} is gone"));
        self.read(place.to_owned(), LARGEST).await?.ok_or_else(missing)
    }

    async fn provenance(&self, place: &str) -> Result<Option<Bytes>> {
        self.read(format!("{place}.prov"), LARGEST_PROVENANCE).await
    }
}

/// Reads every packaged chart below.
fn inventory(tree: &Tree) -> Result<Inventory> {
    let (mut inventory, mut seen, mut left) = (Inventory::default(), 0, vec![String::new()]);
    while let Some(below) = left.pop() {
        let (files, folders) = (tree.files(&parts(&below))?, tree.directories(&parts(&below))?);
        seen += files.len() + folders.len();
        if seen > MOST || below.matches('/').count() > DEEPEST {
            return Err(Error::new(Kind::TooLarge, "there are too many folders, or they lie too deep"));
        }
        for file in files.iter().filter(|file| file.ends_with(".tgz")) {
            let place = format!("{below}{file}");
            match look(tree, &place) {
                Ok(listed) => inventory.add(&below, listed),
                Err(error) => inventory.leave_out(None, LeftOut { what: place, why: error.to_string() }),
            }
        }
        left.extend(folders.iter().rev().map(|folder| format!("{below}{folder}/")));
    }
    Ok(inventory)
}

/// What lies at a place, without its provenance.
fn look(tree: &Tree, place: &str) -> Result<Listed> {
    let missing = || Error::new(Kind::NotFound(Subject::Blob), "it is gone");
    let packaged = tree.read(&parts(place), LARGEST)?.ok_or_else(missing)?;
    let artifact = Artifact::read(packaged.into(), None)?;
    let (name, version) = (artifact.name().to_owned(), artifact.version().to_owned());
    Ok(Listed { name, version, content: Some(artifact.content()), place: place.to_owned() })
}

fn parts(place: &str) -> Vec<&str> {
    place.split('/').filter(|part| !part.is_empty()).collect()
}
