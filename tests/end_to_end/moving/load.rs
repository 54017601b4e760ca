//! A house that is used while it is backed up: pushes, deletions, and a collector in a hurry.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{back_up, told};
use crate::harness::{Image, Repository, Wharf, noise, sha256};

/// What is deleted goes within a second.
pub(super) const HURRY: [(&str, &str); 2] =
    [("WHARF_OBJECT_GRACE", "0s"), ("WHARF_HOUSEKEEPING_INTERVAL", "1s")];

/// What a backup under load told, and the images that were acknowledged before it began and never deleted.
pub(super) struct Loaded {
    pub(super) told: String,
    acknowledged: Vec<(String, u64)>,
}

/// What clients that use the house share.
#[derive(Default)]
struct Load {
    stop: AtomicBool,
    /// Repository and image of what was acknowledged and is never deleted.
    acknowledged: Mutex<Vec<(String, u64)>>,
}

pub(super) async fn back_up_under_load(wharf: &Wharf, directory: &Path) -> Loaded {
    let load = Arc::new(Load::default());
    let client = |name| tokio::spawn(push_and_delete(wharf.admin().repository(name), load.clone()));
    let clients = ["load/one", "load/two"].map(client);
    let begun = Instant::now();
    while load.acknowledged.lock().unwrap().len() < 5 {
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody can push");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let acknowledged = load.acknowledged.lock().unwrap().clone();

    let told = told(&back_up(wharf, directory));

    load.stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    Loaded { told, acknowledged }
}

impl Loaded {
    /// All that was acknowledged is there, whole.
    pub(super) async fn is_in(&self, wharf: &Wharf) {
        for (name, seed) in &self.acknowledged {
            let (restored, image) = (wharf.admin().repository(name), Image::oci(*seed));
            restored.manifest(&format!("v{seed}")).await.is(200).has_body(&image.manifest);
            for blob in &image.blobs {
                restored.blob(&sha256(blob)).await.is(200).has_body(blob);
            }
        }
    }
}

/// Pushes and deletions until told to stop; every third image is deleted right after its push.
async fn push_and_delete(repository: Repository, load: Arc<Load>) {
    for seed in 100.. {
        if load.stop.load(Ordering::Relaxed) {
            break;
        }
        let image = Image::oci(seed);
        repository.push_image(&image, &format!("v{seed}")).await;
        let idle = repository.push_blob(&noise(seed + 10_000, 5_000)).await;
        repository.delete_blob(&idle).await.is(202);
        match seed % 3 {
            0 => drop(repository.delete_manifest(&image.digest()).await.is(202)),
            _ => load.acknowledged.lock().unwrap().push((repository.name.clone(), seed)),
        }
    }
}
