//! What formats list, in more rows than one statement reads, and the names of it in memory.

use wharf_core::{Condition, Digest, Reference, RegistryPlace, action::Delete};
use wharf_registry::{
    ManifestPush, ReleaseTag,
    format::{Candidate, Contents, Fact, Format, Names, Refusal},
};

use super::*;

const FORMAT: &str = "parts";

/// A format that lists as many parts as an annotation says: in a release, or beside one.
struct Parted;

impl Format for Parted {
    fn name(&self) -> &'static str {
        FORMAT
    }

    fn found_by(&self) -> &'static [&'static str] {
        &[]
    }

    fn recognises(&self, _: &Candidate) -> bool {
        true
    }

    fn inspect(&self, candidate: &Candidate, _: &Contents) -> Result<Vec<Fact>, Refusal> {
        let annotation = |name: &str| candidate.manifest.annotations.get(name);
        let count: u64 = annotation("parts").unwrap().parse().unwrap();
        let part = |number: u64| Fact {
            subject: candidate.place.repository.to_string(),
            attributes: serde_json::Map::from_iter([("number".to_owned(), number.into())]),
            release: annotation("release").map(|release| release.parse().unwrap()),
            ..Fact::default()
        };
        Ok((0..count).map(part).collect())
    }

    fn release_type(&self) -> Option<&'static str> {
        Some("a/release")
    }
}

fn registry_of(house: &House) -> Registry {
    let database = house.database();
    Registry::new(Parts {
        store: Arc::new(database.clone()),
        blobs: Arc::new(FileStore::open(house.path(), "one").unwrap()),
        rights: Arc::new(database),
        clock: house.clock.clone(),
        entropy: Arc::new(SystemEntropy::new()),
        formats: vec![Arc::new(Parted)],
        notebook: Arc::default(),
        settings: Settings::default(),
    })
}

async fn push_parts(registry: &Registry, repository: &str, annotations: &str) -> Digest {
    let kind = "application/vnd.oci.image.index.v1+json";
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{kind}","manifests":[],"annotations":{{{annotations}}}}}"#
    );
    let bytes = Bytes::from(text);
    let grant = registry.grant::<Push>(&Actor::job("test"), &repository.parse().unwrap()).await.unwrap();
    let push = ManifestPush {
        reference: Reference::Digest(digest(Algorithm::Sha256, &bytes)),
        tags: Vec::new(),
        content_type: None,
        condition: Condition::default(),
        bytes,
        release: ReleaseTag::Kept,
    };
    registry.push_manifest(&grant, push).await.unwrap().digest
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_listed_is_read_however_much_it_is() {
    let house = House::new().await;
    let registry = registry_of(&house);
    for (release, parts) in [("2", 700), ("1", 600)] {
        push_parts(&registry, "app", &format!(r#""parts":"{parts}","release":"{release}""#)).await;
    }
    push_parts(&registry, "app", r#""parts":"501""#).await;
    let listing = registry.listing(&pull(&registry).await, FORMAT).await.unwrap().unwrap();
    let releases: Vec<&str> = listing.rows.iter().map(|row| row.release.as_str()).collect();
    assert_eq!(releases, [["2"; 700].as_slice(), &["1"; 600]].concat(), "the oldest first");
    let numbers = (0..501).map(|number| format!(r#"{{"number":{number}}}"#));
    assert_eq!(listing.beside, numbers.collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_read_once_until_one_comes_or_goes() {
    let house = House::new().await;
    let registry = registry_of(&house);
    let place: RegistryPlace =
        RegistryPlace { organisation: "library".parse().unwrap(), registry: "main".parse().unwrap() };
    let grant = registry.grant_registry(&Actor::job("test"), &place).await.unwrap();
    let names = async || registry.listed_names(&grant, FORMAT).await.unwrap();
    let told = |names: &Names| names.names.clone();
    push_parts(&registry, "app", r#""parts":"1","release":"1""#).await;
    let first = names().await;
    assert_eq!(told(&first), ["app"]);
    push_parts(&registry, "app", r#""parts":"1","release":"2""#).await;
    assert!(Arc::ptr_eq(&first, &names().await), "none came");
    let tool = push_parts(&registry, "tool", r#""parts":"1","release":"1""#).await;
    assert_eq!(told(&*names().await), ["app", "tool"]);
    let deletion = registry.grant::<Delete>(&Actor::job("test"), &"tool".parse().unwrap()).await.unwrap();
    registry.delete_manifest(&deletion, &tool, Condition::default()).await.unwrap();
    assert_eq!(told(&*names().await), ["app"]);
}
