//! Deleting a manifest with many tags: in steps that others get in between, and that a crash may come between.

use std::sync::atomic::AtomicU32;

use async_trait::async_trait;
use wharf_core::{
    Condition, Digest, Error, Limit, Reference, Subject, Tag, action::Delete, gate::RepositoryId,
};
use wharf_registry::{
    ManifestPush, ReleaseTag, Removal,
    policy::ImmutabilityRule,
    port::{BlobRow, Lookups, ManifestRow, Operation, Store},
};

use super::{governing::set, *};

/// What happens between its writes.
enum Between {
    /// Somebody else sets a tag before the second.
    OneTag(Registry),
    /// Somebody else sets one more tag before each, from a number on.
    Tags(Registry, u32),
    /// The process ends before the second.
    Death,
}

/// A store that counts writes, and to which something happens in between.
struct Interrupted {
    database: Database,
    writes: AtomicU32,
    between: Between,
}

#[async_trait]
impl Lookups for Interrupted {
    async fn manifest(&self, repository: RepositoryId, reference: &Reference) -> Result<Option<ManifestRow>> {
        self.database.manifest(repository, reference).await
    }

    async fn member(&self, repository: RepositoryId, digest: &Digest) -> Result<Option<BlobRow>> {
        self.database.member(repository, digest).await
    }
}

#[async_trait]
impl Store for Interrupted {
    async fn write(&self, operation: Arc<dyn Operation>) -> Result<()> {
        match (&self.between, self.writes.fetch_add(1, Ordering::SeqCst)) {
            (Between::OneTag(registry), 1) => drop(set_tags(registry, 450..451).await),
            (Between::Death, 1) => return Err(Error::unavailable("on purpose")),
            (Between::Tags(registry, first), write) => {
                set_tags(registry, first + write..first + write + 1).await;
            }
            _ => {}
        }
        self.database.write(operation).await
    }

    async fn read(&self, operation: Arc<dyn Operation>) -> Result<()> {
        Store::read(&self.database, operation).await
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    fn is_shared(&self) -> bool {
        self.database.is_shared()
    }
}

/// Pushes the one manifest of these tests with tags of these numbers.
async fn set_tags(registry: &Registry, numbers: std::ops::Range<u32>) -> Digest {
    let text = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    let tags = numbers.map(|number| format!("t{number:03}").parse::<Tag>().unwrap()).collect();
    let reference = Reference::Digest(digest(Algorithm::Sha256, text.as_bytes()));
    let (content_type, condition) = (None, Condition::default());
    let bytes = Bytes::from(text);
    let release = ReleaseTag::Kept;
    let push_of = ManifestPush { reference, tags, content_type, condition, bytes, release };
    registry.push_manifest(&push(registry).await, push_of).await.unwrap().digest
}

/// A repository whose one manifest has 450 tags.
async fn tagged(registry: &Registry) -> Digest {
    for from in (0..450).step_by(90) {
        set_tags(registry, from..from + 90).await;
    }
    set_tags(registry, 0..1).await
}

async fn tags(registry: &Registry) -> usize {
    registry.tags(&pull(registry).await, None, Limit::MOST).await.unwrap().entries.len()
}

async fn delete(registry: &Registry, digest: &Digest) -> Result<()> {
    let grant: Grant<Delete> = registry.grant(&Actor::job("test"), &"app".parse().unwrap()).await.unwrap();
    registry.delete_manifest(&grant, digest, Condition::default()).await
}

fn interrupted(house: &House, between: Between) -> (Registry, Arc<Interrupted>) {
    let database = house.database();
    let store = Arc::new(Interrupted { database: database.clone(), writes: AtomicU32::new(0), between });
    let registry = Registry::new(Parts {
        store: store.clone(),
        blobs: Arc::new(FileStore::open(house.path(), "one").unwrap()),
        rights: Arc::new(database),
        clock: house.clock.clone(),
        entropy: Arc::new(SystemEntropy::new()),
        formats: Vec::new(),
        notebook: Arc::default(),
        settings: Settings::default(),
    });
    (registry, store)
}

#[tokio::test]
async fn a_manifest_with_many_tags_goes_in_steps_and_a_tag_set_in_between_goes_with_it() {
    let house = House::new().await;
    let other = house.boot("one");
    let manifest = tagged(&other).await;
    let (registry, store) = interrupted(&house, Between::OneTag(other.clone()));
    delete(&registry, &manifest).await.unwrap();
    assert_eq!(
        store.writes.load(Ordering::SeqCst),
        3,
        "two hundred tags a step, the last one with the manifest"
    );
    assert_eq!(tags(&other).await, 0);
    assert_eq!(delete(&other, &manifest).await.unwrap_err().kind(), Kind::NotFound(Subject::Manifest));
}

#[tokio::test]
async fn tags_that_never_move_are_looked_for_before_others_must_wait_and_again_where_one_came_meanwhile() {
    let house = House::new().await;
    let other = house.boot("one");
    let manifest = tagged(&other).await;
    let kept = |tag: &str| format!(r#"{{"select":{{"tags":["{tag}"]}}}}"#);
    let refused = |deleted: Result<()>| {
        let refused = deleted.unwrap_err();
        assert_eq!(refused.detail(), Some(&Detail::Rule("kept".to_owned())), "{refused}");
    };
    set::<ImmutabilityRule>(&other, "kept", &kept("t449")).await;
    let (registry, store) = interrupted(&house, Between::OneTag(other.clone()));
    refused(delete(&registry, &manifest).await);
    assert_eq!((store.writes.load(Ordering::SeqCst), tags(&other).await), (0, 450), "nobody waited for it");
    // One that comes after the first step is found by the second, which does nothing.
    set::<ImmutabilityRule>(&other, "kept", &kept("t450")).await;
    refused(delete(&registry, &manifest).await);
    assert_eq!((store.writes.load(Ordering::SeqCst), tags(&other).await), (2, 251));
    set::<ImmutabilityRule>(&other, "kept", &kept("v*")).await;
    delete(&registry, &manifest).await.unwrap();
    assert_eq!(tags(&other).await, 0);
}

#[tokio::test]
async fn a_deletion_comes_to_its_end_although_somebody_pushes_all_the_time() {
    let house = House::new().await;
    let other = house.boot("one");
    let manifest = set_tags(&other, 0..1).await;
    set::<ImmutabilityRule>(&other, "kept", r#"{"select":{"tags":["t003"]}}"#).await;
    // The third push sets the tag that stays, and the third step looks itself.
    let (registry, store) = interrupted(&house, Between::Tags(other.clone(), 1));
    let refused = delete(&registry, &manifest).await.unwrap_err();
    assert_eq!(refused.detail(), Some(&Detail::Rule("kept".to_owned())), "{refused}");
    assert_eq!((store.writes.load(Ordering::SeqCst), tags(&other).await), (3, 4));

    set::<ImmutabilityRule>(&other, "kept", r#"{"select":{"tags":["v*"]}}"#).await;
    let (registry, store) = interrupted(&house, Between::Tags(other.clone(), 10));
    delete(&registry, &manifest).await.unwrap();
    assert_eq!((store.writes.load(Ordering::SeqCst), tags(&other).await), (3, 0));
}

#[tokio::test]
async fn a_deletion_that_is_cut_off_leaves_fewer_tags_and_can_be_asked_again() {
    let house = House::new().await;
    let other = house.boot("one");
    let manifest = tagged(&other).await;
    let (registry, _) = interrupted(&house, Between::Death);
    assert_eq!(delete(&registry, &manifest).await.unwrap_err().kind(), Kind::Unavailable);
    assert_eq!(tags(&other).await, 250);
    assert!(other.manifest(&pull(&other).await, &Reference::Digest(manifest)).await.is_ok());
    delete(&other, &manifest).await.unwrap();
    assert_eq!(tags(&other).await, 0);
}

async fn remove(registry: &Registry, removal: Removal) -> Result<()> {
    let grant: Grant<Delete> = registry.grant(&Actor::job("test"), &"app".parse().unwrap()).await.unwrap();
    registry.delete_repository(&grant, removal).await
}

#[tokio::test]
async fn a_repository_that_was_to_be_empty_keeps_a_manifest_that_came_before_or_meanwhile() {
    let house = House::new().await;
    let other = house.boot("one");
    for _ in 0..2 {
        other.begin_upload(&push(&other).await, Algorithm::Sha256).await.unwrap();
    }
    let (registry, store) = interrupted(&house, Between::OneTag(other.clone()));
    let refused = remove(&registry, Removal::Empty).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Conflict);
    assert_eq!(refused.message(), "app was pushed to meanwhile: no manifest of it was removed");
    assert!(store.writes.load(Ordering::SeqCst) > 1, "the push came in between");
    assert_eq!(remove(&other, Removal::Empty).await.unwrap_err().kind(), Kind::Conflict);
    assert_eq!(tags(&other).await, 1);
    remove(&other, Removal::Everything).await.unwrap();
    let gone = remove(&other, Removal::Everything).await.unwrap_err();
    assert_eq!(gone.kind(), Kind::NotFound(Subject::Name));
}
