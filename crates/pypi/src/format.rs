//! Distributions as a format: whatever door a wheel comes through, it is read, held to what it says, and listed.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wharf_core::{
    Algorithm, Digest, Error, Result, Tag,
    manifest::{Descriptor, Shape},
};
use wharf_registry::{
    format::{Candidate, Claim, Contents, Document, Fact, Format, Listing, Page, Refusal},
    port::ListedRow,
};

use crate::{
    archive::{self, Readings},
    attestation::{Notary, kept},
    filename::FileName,
    metadata::LONGEST_LINE,
    name::ProjectName,
    page, release, shape, version,
};

/// What the format is called in rows, filters and URLs.
pub(crate) const NAME: &str = "python";
/// The pair by which a file is found.
pub(crate) const FILENAME: &str = "filename";
/// The document that holds the exact metadata.
pub(crate) const METADATA: &str = "metadata";

/// Python distributions as a format: those in the repositories `pypi/<project>` of a registry.
#[derive(Clone, Default)]
pub struct Distributions {
    /// Where this Wharf is reached, if that is known and secure: pages then say where attestations are found.
    origin: Option<String>,
    /// Who verifies attestations, if they can be verified.
    pub(crate) notary: Option<Notary>,
    /// What the door has read of files that are about to come.
    pub(crate) readings: Arc<Readings>,
}

impl Distributions {
    /// Distributions of a Wharf that is reached there, if that is known and secure, and that verifies attestations so, if
    /// it can. All clones are one.
    pub fn new(origin: Option<String>, notary: Option<Notary>) -> Self {
        Self { origin, notary, readings: Arc::default() }
    }
}

/// What is known of a file, as it stands in its fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct File {
    /// Its name.
    pub(crate) filename: String,
    /// `bdist_wheel` or `sdist`.
    pub(crate) kind: String,
    /// The project's name as its author writes it.
    pub(crate) name: String,
    /// The version in its normal form.
    pub(crate) version: String,
    /// The digest of its bytes.
    pub(crate) digest: String,
    /// How many they are.
    pub(crate) size: u64,
    /// The digest of its metadata.
    pub(crate) metadata: String,
    /// Which versions of Python it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) requires_python: Option<String>,
    /// What it is, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) summary: Option<String>,
}

impl File {
    /// A file as its row tells it.
    pub(crate) fn of(row: &ListedRow) -> Result<Self> {
        serde_json::from_str(&row.attributes).map_err(Error::internal)
    }

    /// The SHA-256 of a digest as hexadecimal digits; none of another algorithm.
    pub(crate) fn sha256(digest: &str) -> Option<&str> {
        digest.strip_prefix("sha256:")
    }
}

impl Format for Distributions {
    fn name(&self) -> &'static str {
        NAME
    }

    fn found_by(&self) -> &'static [&'static str] {
        &[FILENAME, kept::ATTESTS, "name", "version", "kind"]
    }

    fn recognises(&self, candidate: &Candidate) -> bool {
        candidate.manifest.shape == Shape::Image
            && ProjectName::of(&candidate.place).is_some()
            && (kept::is_one(candidate)
                || (candidate.manifest.subject.is_none() && shape::distributions(candidate).next().is_some()))
    }

    fn inspect(&self, candidate: &Candidate, contents: &Contents) -> Result<Vec<Fact>, Refusal> {
        if kept::is_one(candidate) {
            return Ok(vec![kept::inspect(candidate, contents, self.notary.as_ref())?]);
        }
        let (layer, title) = only_distribution(candidate)?;
        let file = FileName::parse(title)?;
        file.expect_normal()?;
        expect_place(candidate, &file)?;
        Ok(vec![fact(&file, layer, (contents, &self.readings))?])
    }

    fn release_type(&self) -> Option<&'static str> {
        Some(shape::RELEASE)
    }

    fn derive(&self, listed: &[ListedRow]) -> Result<Option<Bytes>> {
        release::index(listed)
    }

    fn part(&self) -> Option<&'static str> {
        Some(FILENAME)
    }

    fn release_named(&self, name: &str) -> Option<Tag> {
        let own = name.parse().ok().filter(|tag: &Tag| version::of_tag(tag).is_some());
        own.or_else(|| version::tag(&name.parse().ok()?).ok())
    }

    fn pages(&self, listing: &Listing) -> Result<Vec<Page>> {
        match listing {
            Listing::Repository(shown) => page::project(shown, self.origin.as_deref()),
            Listing::Registry(projects) => page::root(projects),
            Listing::Shown(..) => Ok(Vec::new()),
        }
    }
}

/// The one distribution of a manifest and its file name. Reading is dear, so a manifest of many is refused unread.
fn only_distribution(candidate: &Candidate) -> Result<(&Descriptor, &str), Refusal> {
    let mut found = shape::distributions(candidate);
    let (Some((layer, title)), None) = (found.next(), found.next()) else {
        return Err(Refusal::new("a manifest must hold exactly one distribution"));
    };
    let words = || format!("a distribution needs its file name in the annotation {}", shape::TITLE);
    title.map(|title| (layer, title)).ok_or_else(|| Refusal::new(words()))
}

/// A file lies in the repository of its project, under the tag of its version; tags that are no version are free.
fn expect_place(candidate: &Candidate, file: &FileName) -> Result<(), Refusal> {
    shape::expect_project(candidate, file)?;
    let is_other = |tag: &&Tag| version::of_tag(tag).is_some_and(|version| version != file.version);
    match candidate.tags.iter().find(is_other) {
        None => Ok(()),
        Some(tag) => {
            Err(Refusal::new(format!("{:?} has version {}, but is tagged {tag}", file.text, file.version)))
        }
    }
}

/// What a file says of itself, read unless its door just did.
fn fact(
    file: &FileName,
    layer: &Descriptor,
    (contents, readings): (&Contents, &Readings),
) -> Result<Fact, Refusal> {
    let digest = layer.digest().filter(|digest| digest.algorithm() == Algorithm::Sha256);
    let digest = digest.ok_or_else(|| Refusal::new("a distribution must be named by its SHA-256"))?;
    let reader = contents.open(layer)?;
    let size = reader.size();
    let inside = readings.take(&digest, file).map_or_else(|| archive::read(reader, file), Ok);
    let archive::Inside { bytes, metadata } = inside?;
    let text = |name: &str| metadata.get(name).map(str::to_owned);
    let attributes = File {
        filename: file.text.clone(),
        kind: file.kind.word().to_owned(),
        name: text("name").unwrap_or_default(),
        version: file.version.to_string(),
        digest: digest.to_string(),
        size,
        metadata: wharf_hash::digest(Algorithm::Sha256, &bytes).to_string(),
        requires_python: text("requires_python"),
        summary: text("summary").map(|summary| summary.chars().take(LONGEST_LINE).collect()),
    };
    let index = [
        (FILENAME, file.text.clone()),
        ("name", file.project.to_string()),
        ("version", attributes.version.clone()),
        ("kind", attributes.kind.clone()),
    ];
    let Ok(Value::Object(attributes)) = serde_json::to_value(attributes) else {
        return Err(Refusal::new("the metadata cannot be indexed"));
    };
    Ok(Fact {
        subject: file.project.to_string(),
        sort_key: version::sort_key(&file.version),
        attributes,
        index: index.into(),
        documents: vec![Document { name: METADATA, media_type: "application/octet-stream", bytes }],
        release: Some(version::tag(&file.version)?),
        claims: vec![claim(&file.text, digest)],
        ..Fact::default()
    })
}

/// A name stands for the same bytes for ever, for installers keep what they know of it.
fn claim(name: &str, digest: Digest) -> Claim {
    Claim { kind: "file", name: name.to_owned(), digest }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wharf_core::{Actor, manifest::Manifest};

    use super::*;

    fn candidate(titles: &[&str]) -> Candidate {
        let digest = wharf_hash::digest(Algorithm::Sha256, b"x");
        let part = |title: &str| json!({ "mediaType": "a/b", "digest": digest.to_string(), "size": 1, "annotations": { shape::TITLE: title } });
        let layers: Vec<_> = titles.iter().map(|title| part(title)).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": part("config"),
            "layers": layers,
        });
        let manifest = Arc::new(Manifest::parse(None, manifest.to_string().as_bytes()).unwrap());
        let pusher = Actor::nobody(None, "");
        let place = "acme/main/pypi/foo".parse().unwrap();
        Candidate { place, pusher, tags: Vec::new(), digest, manifest }
    }

    #[test]
    fn a_manifest_of_many_distributions_is_refused_unread() {
        let [wheel, source] = ["foo-1.0-py3-none-any.whl", "foo-1.0.tar.gz"];
        let one = candidate(&[wheel, "foo-1.0-py3-none-any.whl.metadata"]);
        assert_eq!(only_distribution(&one).unwrap().1, wheel);
        for many in [vec![wheel, wheel], vec![wheel, source], vec![wheel; 1500]] {
            let many = candidate(&many);
            assert!(Distributions::default().recognises(&many));
            assert!(only_distribution(&many).unwrap_err().to_string().contains("exactly one"));
        }
    }
}
