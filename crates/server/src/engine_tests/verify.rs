//! What a verification finds that no request could have made.

use std::path::PathBuf;

use async_trait::async_trait;
use wharf_core::{Algorithm, Digest, Result, Timestamp, UploadId};
use wharf_hash::digest;
use wharf_registry::{
    Finding, Inspector, Registry, Repair, Taps, Verification,
    port::{BlobRow, Store, Transaction, Work},
};

use super::{House, body, push, read};

/// Keeps what is found.
#[derive(Default)]
struct Found(Vec<Finding>);

#[async_trait]
impl Inspector for Found {
    async fn read(&mut self, _: u64) -> Result<()> {
        Ok(())
    }

    async fn passed(&mut self, _: &Digest) -> Result<()> {
        Ok(())
    }

    async fn found(&mut self, finding: Finding) -> Result<()> {
        self.0.push(finding);
        Ok(())
    }
}

async fn found(registry: &Registry, repair: Repair) -> Vec<Finding> {
    let mut found = Found::default();
    registry.verify(&Verification { after: None, repair }, &mut found).await.unwrap();
    found.0
}

/// A blob's row without a membership, which no transaction of the engine leaves.
struct Orphan(BlobRow);

#[async_trait]
impl Transaction for Orphan {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        work.insert_blob(&self.0, Timestamp::default()).await
    }
}

#[tokio::test]
async fn a_blob_of_nobody_is_found_and_let_go() {
    let house = House::new().await;
    let registry = house.boot("one");
    let kept = digest(Algorithm::Sha256, b"kept");
    registry.push_blob(&push(&registry).await, kept, body(&["kept"]), Taps::none()).await.unwrap();
    assert_eq!(found(&registry, Repair::Not).await, []);

    let orphan = digest(Algorithm::Sha256, b"orphan");
    let key = UploadId::new(Timestamp::default(), [7; 16]).object_key();
    std::fs::write(house.path().join(key.to_string()), b"orphan").unwrap();
    let database = house.database();
    let store: &dyn Store = &database;
    store.commit(Orphan(BlobRow { digest: orphan, size: 6, key })).await.unwrap();

    let expected = [Finding::Orphan { digest: orphan }];
    assert_eq!(found(&registry, Repair::Not).await, expected);
    assert_eq!(found(&registry, Repair::Yes).await, expected);
    assert_eq!(found(&registry, Repair::Not).await, [], "its object is condemned, and no stray");
}

/// Puts the right bytes back as soon as the wrong ones were read.
struct Flicker {
    object: PathBuf,
    found: Vec<Finding>,
}

#[async_trait]
impl Inspector for Flicker {
    async fn read(&mut self, _: u64) -> Result<()> {
        std::fs::write(&self.object, b"right").unwrap();
        Ok(())
    }

    async fn passed(&mut self, _: &Digest) -> Result<()> {
        Ok(())
    }

    async fn found(&mut self, finding: Finding) -> Result<()> {
        self.found.push(finding);
        Ok(())
    }
}

#[tokio::test]
async fn a_bit_that_flips_on_its_way_sets_nothing_aside() {
    let house = House::new().await;
    let registry = house.boot("one");
    let right = digest(Algorithm::Sha256, b"right");
    registry.push_blob(&push(&registry).await, right, body(&["right"]), Taps::none()).await.unwrap();
    let object = house.objects().pop().unwrap();
    std::fs::write(&object, b"wrong").unwrap();
    let mut flicker = Flicker { object, found: Vec::new() };
    let repair = Verification { after: None, repair: Repair::Yes };

    registry.verify(&repair, &mut flicker).await.unwrap();

    assert_eq!(flicker.found, []);
    assert_eq!(read(&registry, &right).await.unwrap(), b"right");
}
