//! The collector on real stores, with time as the test wants it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use wharf_blobs::FileStore;
use wharf_core::{Algorithm, Condition, Digest, Error, Kind, Reference, Result, Subject};
use wharf_hash::digest;
use wharf_registry::{
    Collected, CollectionWatch, Horizon, ManifestPush, Mounted, Registry, ReleaseTag, Settings, Share, Stage,
    Taps, Unwatched,
};

use super::{House, body, pull, push, read};

const HOUR: u64 = 3600;
const UNKNOWN: Kind = Kind::NotFound(Subject::Blob);

/// Lets time pass, on the clock that does not jump and on the other one.
async fn pass((house, registry): (&House, &Registry), hours: u64) -> Collected {
    house.clock.advance(i64::try_from(hours * HOUR).unwrap());
    registry.sweep(Duration::from_secs(hours * HOUR)).await.unwrap().collected
}

async fn push_blob(registry: &Registry, text: &'static str) -> Digest {
    let digest = digest(Algorithm::Sha256, text.as_bytes());
    registry.push_blob(&push(registry).await, digest, body(&[text]), Taps::none()).await.unwrap();
    digest
}

/// Pushes a manifest that names one blob as its config.
async fn push_manifest(registry: &Registry, config: &Digest) -> Result<Digest> {
    let text = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"a/b","digest":"{config}","size":1}},"layers":[]}}"#
    );
    let reference = Reference::Digest(digest(Algorithm::Sha256, text.as_bytes()));
    let (tags, content_type, condition) = (Vec::new(), None, Condition::default());
    let bytes = Bytes::from(text);
    let release = ReleaseTag::Kept;
    let push_of = ManifestPush { reference, tags, content_type, condition, bytes, release };
    Ok(registry.push_manifest(&push(registry).await, push_of).await?.digest)
}

async fn is_shown(registry: &Registry, digest: &Digest) -> bool {
    registry.stat_blob(&pull(registry).await, digest).await.is_ok()
}

#[tokio::test]
async fn what_nothing_needs_goes_after_its_delay_and_its_bytes_after_the_grace() {
    let house = House::new().await;
    let registry = house.boot("one");
    let (needed, idle) = (push_blob(&registry, "needed").await, push_blob(&registry, "idle").await);
    push_manifest(&registry, &needed).await.unwrap();
    assert_eq!(pass((&house, &registry), 23).await, Collected::default());
    assert_eq!(read(&registry, &idle).await.unwrap(), b"idle");
    assert_eq!(pass((&house, &registry), 1).await, Collected { memberships: 1, blobs: 1, bytes: 4 });
    assert_eq!(read(&registry, &idle).await.unwrap_err().kind(), UNKNOWN);
    assert_eq!(house.objects().len(), 2, "who has it open reads on");
    pass((&house, &registry), 1).await;
    assert_eq!(house.objects().len(), 1);
    pass((&house, &registry), 1000).await;
    assert_eq!(read(&registry, &needed).await.unwrap(), b"needed");
}

#[tokio::test]
async fn a_blob_that_may_soon_go_is_not_shown_and_one_that_is_named_again_stays() {
    let house = House::new().await;
    let registry = house.boot("one");
    let blob = push_blob(&registry, "late").await;
    pass((&house, &registry), 21).await;
    assert!(is_shown(&registry, &blob).await);
    pass((&house, &registry), 1).await;
    assert!(!is_shown(&registry, &blob).await, "two hours before its review nobody may count on it");
    push_manifest(&registry, &blob).await.unwrap();
    assert!(is_shown(&registry, &blob).await);
    assert_eq!(pass((&house, &registry), 48).await, Collected::default());
}

#[tokio::test]
async fn what_a_deleted_manifest_named_goes_and_what_another_names_stays() {
    let house = House::new().await;
    let registry = house.boot("one");
    let blob = push_blob(&registry, "layer").await;
    let manifest = push_manifest(&registry, &blob).await.unwrap();
    pass((&house, &registry), 48).await;
    let delete = registry.grant(&wharf_core::Actor::job("test"), &"app".parse().unwrap()).await.unwrap();
    registry.delete_manifest(&delete, &manifest, Condition::default()).await.unwrap();
    assert!(is_shown(&registry, &blob).await, "it has its delay again");
    let all = registry.collectable(Horizon::All, &mut Unwatched).await.unwrap();
    assert_eq!((all.memberships, all.bytes), (1, 5));
    assert_eq!(registry.collectable(Horizon::Due, &mut Unwatched).await.unwrap(), Collected::default());
    assert_eq!(registry.collect(Horizon::All, Share::Tenth, &mut Unwatched).await.unwrap().memberships, 1);
    let refused = push_manifest(&registry, &blob).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Invalid, "what was collected must be pushed again");
    push_blob(&registry, "layer").await;
    push_manifest(&registry, &blob).await.unwrap();
    pass((&house, &registry), 48).await;
    assert_eq!(read(&registry, &blob).await.unwrap(), b"layer");
}

#[tokio::test]
async fn the_source_of_a_mount_has_its_whole_delay_again() {
    let house = House::new().await;
    let registry = house.boot("one");
    let blob = push_blob(&registry, "source").await;
    pass((&house, &registry), 23).await;
    let mounted = registry.mount(&push(&registry).await, &blob, Some(&pull(&registry).await)).await.unwrap();
    assert_eq!(mounted, Mounted::Yes);
    assert_eq!(pass((&house, &registry), 23).await, Collected::default());
    assert_eq!(pass((&house, &registry), 1).await.memberships, 1);
}

#[tokio::test]
async fn a_deleted_blob_frees_its_bytes_after_the_grace() {
    let house = House::new().await;
    let registry = house.boot("one");
    let blob = push_blob(&registry, "deleted").await;
    let delete = registry.grant(&wharf_core::Actor::job("test"), &"app".parse().unwrap()).await.unwrap();
    registry.delete_blob(&delete, &blob, Condition::default()).await.unwrap();
    assert_eq!(house.objects().len(), 1);
    pass((&house, &registry), 1).await;
    assert!(house.objects().is_empty());
}

#[tokio::test]
async fn a_jump_of_the_clock_collects_nothing() {
    let house = House::new().await;
    let registry = house.boot("one");
    let blob = push_blob(&registry, "patient").await;
    house.clock.advance(365 * 24 * 3600);
    assert_eq!(pass((&house, &registry), 0).await, Collected::default());
    assert_eq!(read(&registry, &blob).await.unwrap(), b"patient");
}

/// A registry whose collector minds more than one membership.
fn guarded(house: &House) -> Registry {
    let settings = Settings { collection_unguarded: 1, ..Settings::default() };
    let blobs = Arc::new(FileStore::open(house.path(), "one").unwrap());
    house.registry(house.database(), blobs, settings)
}

#[tokio::test]
async fn a_run_that_would_take_more_than_a_tenth_takes_nothing_until_it_is_forced() {
    let house = House::new().await;
    let registry = guarded(&house);
    for text in ["one", "two"] {
        let blob = push_blob(&registry, text).await;
        let manifest = push_manifest(&registry, &blob).await.unwrap();
        let delete = registry.grant(&wharf_core::Actor::job("test"), &"app".parse().unwrap()).await.unwrap();
        registry.delete_manifest(&delete, &manifest, Condition::default()).await.unwrap();
    }
    house.clock.advance(24 * 3600);
    let refused = registry.sweep(Duration::from_secs(24 * HOUR)).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Conflict);
    assert_eq!(
        registry.collect(Horizon::All, Share::Tenth, &mut Unwatched).await.unwrap_err().kind(),
        Kind::Conflict
    );
    assert_eq!(house.objects().len(), 2);
    let forced = registry.collect(Horizon::Due, Share::Everything, &mut Unwatched).await.unwrap();
    assert_eq!((forced.memberships, forced.blobs), (2, 2));
}

#[tokio::test]
async fn what_was_uploaded_and_never_named_does_not_stop_the_collector() {
    let house = House::new().await;
    let registry = guarded(&house);
    for text in ["one", "two", "three"] {
        push_blob(&registry, text).await;
    }
    assert_eq!(pass((&house, &registry), 24).await.memberships, 3);
}

#[tokio::test]
async fn what_is_held_stays_until_it_is_released() {
    let house = House::new().await;
    let registry = house.boot("one");
    push_blob(&registry, "deleted while somebody copies").await;
    assert_eq!(pass((&house, &registry), 24).await.blobs, 1);

    for _ in 0..8 {
        registry.hold_objects("a backup").await.unwrap();
        house.clock.advance(i64::try_from(HOUR / 4).unwrap() - 1);
        registry.sweep(Duration::from_secs(HOUR / 4 - 1)).await.unwrap();
    }
    assert_eq!(house.objects().len(), 1, "it is long due, and held");
    assert!(registry.release_objects("a backup").await.unwrap());
    registry.sweep(Duration::ZERO).await.unwrap();
    assert!(house.objects().is_empty());
}

/// Keeps what it was told, and may have enough of it.
struct Diary {
    told: Vec<(Stage, u64)>,
    enough: usize,
}

impl CollectionWatch for Diary {
    fn reviewed(&mut self, stage: Stage, reviews: u64) -> Result<()> {
        self.told.push((stage, reviews));
        if self.told.len() < self.enough { Ok(()) } else { Err(Error::unavailable("nobody listens")) }
    }
}

#[tokio::test]
async fn each_page_of_reviews_is_told_and_whoever_has_enough_ends_the_run() {
    let house = House::new().await;
    let registry = house.boot("one");
    for number in 0..150 {
        push_blob(&registry, format!("idle {number}").leak()).await;
    }
    let mut diary = Diary { told: Vec::new(), enough: 3 };

    let ended = registry.collect(Horizon::All, Share::Tenth, &mut diary).await.unwrap_err();

    assert_eq!(ended.kind(), Kind::Unavailable);
    let pages = [(Stage::Counting, 100), (Stage::Counting, 150), (Stage::Collecting, 100)];
    assert_eq!(diary.told, pages);
    let mut diary = Diary { told: Vec::new(), enough: 9 };
    let rest = registry.collect(Horizon::All, Share::Everything, &mut diary).await.unwrap();
    assert_eq!((rest.memberships, diary.told), (50, vec![(Stage::Collecting, 50)]));
}

#[tokio::test]
async fn a_collection_without_the_delay_leaves_the_bytes_for_the_grace() {
    let house = House::new().await;
    let registry = house.boot("one");
    push_blob(&registry, "open somewhere").await;
    let taken = registry.collect(Horizon::All, Share::Tenth, &mut Unwatched).await.unwrap();
    assert_eq!(taken.blobs, 1);
    pass((&house, &registry), 0).await;
    assert_eq!(house.objects().len(), 1, "who has it open reads on");
    pass((&house, &registry), 1).await;
    assert!(house.objects().is_empty());
}
