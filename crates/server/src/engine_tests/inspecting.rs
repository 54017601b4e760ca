//! What a push is answered with when its format cannot find out what it needs.

use wharf_core::{Condition, Error, Reference};
use wharf_registry::{
    ManifestPush, ReleaseTag,
    format::{Candidate, Contents, Fact, Format, Refusal},
};

use super::*;

/// A format that asks somebody who does not answer, and takes the silence for broken content.
struct Asking;

impl Format for Asking {
    fn name(&self) -> &'static str {
        "asking"
    }

    fn found_by(&self) -> &'static [&'static str] {
        &[]
    }

    fn recognises(&self, _: &Candidate) -> bool {
        true
    }

    fn inspect(&self, _: &Candidate, contents: &Contents) -> Result<Vec<Fact>, Refusal> {
        contents.ask(async { Err::<(), Error>(Error::unavailable("on purpose")) })?;
        Ok(Vec::new())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_format_that_gets_no_answer_is_no_refusal_of_the_content() {
    let house = House::new().await;
    let database = house.database();
    let registry = Registry::new(Parts {
        store: Arc::new(database.clone()),
        blobs: Arc::new(FileStore::open(house.path(), "one").unwrap()),
        rights: Arc::new(database),
        clock: house.clock.clone(),
        entropy: Arc::new(SystemEntropy::new()),
        formats: vec![Arc::new(Asking)],
        notebook: Arc::default(),
        settings: Settings::default(),
    });
    let text = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    let push_of = ManifestPush {
        reference: Reference::Digest(digest(Algorithm::Sha256, text.as_bytes())),
        tags: Vec::new(),
        content_type: None,
        condition: Condition::default(),
        bytes: Bytes::from(text),
        release: ReleaseTag::Kept,
    };
    let refused = registry.push_manifest(&push(&registry).await, push_of).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Unavailable);
}
