//! A chart repository: its index says what there is, and each chart is fetched from where it says it lies.

use async_trait::async_trait;
use bytes::Bytes;
use tokio::task::spawn_blocking;
use wharf_core::{Algorithm, Digest, Error, Kind, Result, Subject};
use wharf_helm::listed;
use wharf_outbound::ChartRepository;

use super::{Inventory, LARGEST, LARGEST_PROVENANCE, LeftOut, Listed, Store};

/// What every provenance file begins with. Some servers answer with a page of theirs where there is no file.
const SIGNED: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";

pub(super) struct Index(pub(super) ChartRepository);

#[async_trait]
impl Store for Index {
    fn name(&self) -> String {
        self.0.url().to_owned()
    }

    async fn inventory(&self) -> Result<Inventory> {
        let index = self.0.index().await?;
        let versions = spawn_blocking(move || listed(&index)).await.map_err(Error::internal)??;
        let mut inventory = Inventory::default();
        for version in versions {
            let what = format!("{} {}", version.name, version.version);
            match found(version) {
                Ok(listed) => inventory.add("", listed),
                Err(error) => inventory.leave_out(None, LeftOut { what, why: error.to_string() }),
            }
        }
        Ok(inventory)
    }

    async fn packaged(&self, place: &str) -> Result<Bytes> {
        let missing = || Error::new(Kind::NotFound(Subject::Blob), format!("there is nothing at {place}"));
        self.0.fetch(&self.0.file(place)?, LARGEST as u64).await?.ok_or_else(missing)
    }

    async fn provenance(&self, place: &str) -> Result<Option<Bytes>> {
        let file = self.0.file(place)?.provenance();
        match self.0.fetch(&file, LARGEST_PROVENANCE as u64).await {
            // Buckets say so of what is not there; what is there came with its chart.
            Err(error) if error.kind() == Kind::Denied => Ok(None),
            fetched => Ok(fetched?.filter(|bytes| bytes.starts_with(SIGNED))),
        }
    }
}

/// What an index tells of a version, in words of ours.
fn found(version: wharf_helm::Listed) -> Result<Listed> {
    let wrong = |words: &str| Error::new(Kind::Invalid, words.to_owned());
    let wharf_helm::Listed { name, version, digest, urls } = version;
    let place =
        urls.into_iter().flatten().next().ok_or_else(|| wrong("the index does not tell where it lies"))?;
    let digest = digest.filter(|digest| !digest.is_empty());
    let content =
        digest.map(|digest| sha256(&digest).ok_or_else(|| wrong("the index tells a digest that is none")));
    Ok(Listed { name, version, content: content.transpose()?, place })
}

/// A digest, with its algorithm or without.
fn sha256(text: &str) -> Option<Digest> {
    let hex = text.strip_prefix("sha256:").unwrap_or(text).to_ascii_lowercase();
    format!("{}:{hex}", Algorithm::Sha256).parse().ok()
}
