//! Attestations (PEP 740): signed statements about a file, which come along with its upload or are attached to it later.
//!
//! Nobody speaks for a trusted publisher here yet, so no signature is checked: an attestation is kept if what it states
//! is about the file, by name and SHA-256, and is served as one that was not verified.

use std::io::Read as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use wharf_core::{
    MediaType,
    manifest::{Descriptor, Role},
};
use wharf_registry::format::{Candidate, Contents, Document, Fact, Refusal};

use crate::{
    filename::FileName,
    shape::{self, Part},
    version,
};

/// The artifact type of the manifest that holds the attestations of one upload. Its subject is the file's manifest.
const ARTIFACT: &str = "application/vnd.wharf.python.attestations.v1";
/// The type of its layers, one for each attestation.
const ATTESTATION: &str = "application/vnd.wharf.python.attestation.v1+json";
/// The pair by which the attestations of a file are found.
pub(crate) const ATTESTS: &str = "attests";
/// The document that holds them, as a list.
pub(crate) const ATTESTATIONS: &str = "attestations";

/// What may be stated: where it was published from, and where it was built.
const PREDICATES: [&str; 2] =
    ["https://docs.pypi.org/attestations/publish/v1", "https://slsa.dev/provenance/v1"];
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// The largest attestation, in bytes.
const LARGEST: u64 = 256 * 1024;

/// An attestation as it came, and what it states.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attestation {
    document: Value,
    statement: Statement,
}

/// Of which file it is, and what is stated of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Statement {
    filename: String,
    sha256: String,
    predicate: String,
}

/// An attestation on the wire. What is in its verification material is for whoever checks the signature.
#[derive(Deserialize)]
struct Outer {
    version: u32,
    #[serde(rename = "verification_material")]
    _material: Map<String, Value>,
    envelope: Envelope,
}

#[derive(Deserialize)]
struct Envelope {
    statement: String,
    signature: String,
}

/// A statement on the wire (in-toto attestation framework, statement layer v1).
#[derive(Deserialize)]
struct Told {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Named>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    digest: Digests,
}

#[derive(Deserialize)]
struct Digests {
    sha256: String,
}

/// What is known of the attestations of an upload, as it stands in their fact.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Attested {
    /// `attestation`, to tell the fact from a file's.
    pub(crate) kind: String,
    /// The file they are about.
    pub(crate) filename: String,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub(crate) sha256: String,
    /// What they state, by the type of predicate.
    pub(crate) predicates: Vec<String>,
}

impl Attestation {
    /// Reads the field `attestations` of an upload.
    pub(crate) fn of_field(text: &str) -> Result<Vec<Self>, Refusal> {
        let all: Vec<Value> = serde_json::from_str(text).map_err(|error| {
            Refusal::new(format!("Malformed attestations: not a list of objects: {error}"))
        })?;
        all.into_iter().map(Self::read).collect()
    }

    fn read(document: Value) -> Result<Self, Refusal> {
        let malformed = |what: &str| Refusal::new(format!("Malformed attestations: {what}"));
        let outer = Outer::deserialize(&document).ok().filter(|outer| outer.version == 1);
        let Some(Outer { envelope, .. }) = outer else {
            return Err(malformed("an attestation has version 1, verification material and an envelope"));
        };
        let decoded = |text: &str| BASE64_STANDARD.decode(text).ok();
        let (Some(statement), Some(_)) = (decoded(&envelope.statement), decoded(&envelope.signature)) else {
            return Err(malformed("an envelope has a statement and a signature in base64"));
        };
        let statement =
            serde_json::from_slice(&statement).ok().and_then(Statement::read).ok_or_else(|| {
                malformed("the statement is not one of in-toto, version 1, about one file with a SHA-256")
            })?;
        if !PREDICATES.contains(&statement.predicate.as_str()) {
            return Err(Refusal::new(format!(
                "Attestation with unsupported predicate type {:?}; use {}",
                statement.predicate,
                PREDICATES.join(" or ")
            )));
        }
        Ok(Self { document, statement })
    }

    /// The exact bytes that are stored.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.document.to_string().into_bytes()
    }
}

impl Statement {
    fn read(told: Told) -> Option<Self> {
        let [subject] = <[Named; 1]>::try_from(told.subject).ok()?;
        let sha256 = subject.digest.sha256.to_ascii_lowercase();
        let is_digest = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        let (filename, predicate) = (subject.name, told.predicate_type);
        (told.kind == STATEMENT && is_digest).then_some(Self { filename, sha256, predicate })
    }
}

/// Refuses attestations that are not about a file, and two of one kind.
pub(crate) fn expect_about(
    attestations: &[Attestation],
    (filename, sha256): (&str, &str),
) -> Result<(), Refusal> {
    for (at, Attestation { statement, .. }) in attestations.iter().enumerate() {
        if statement.filename != filename || statement.sha256 != sha256 {
            return Err(Refusal::new(format!(
                "Attestation is not about the file: it is about {:?} with sha256 {}",
                statement.filename, statement.sha256
            )));
        }
        let earlier = attestations.iter().take(at);
        if earlier.clone().any(|other| other.statement.predicate == statement.predicate) {
            return Err(Refusal::new("Multiple attestations with the same predicate type"));
        }
    }
    Ok(())
}

/// The manifest of the attestations of one upload, always the same for the same parts.
pub(crate) fn manifest((subject, size): (&str, u64), config: Part, layers: &[Part]) -> String {
    let part = |media_type: &str, Part { digest, size }: &Part| json!({ "mediaType": media_type, "digest": digest.to_string(), "size": size });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "artifactType": ARTIFACT,
        "config": part(shape::EMPTY_TYPE, &config),
        "layers": layers.iter().map(|layer| part(ATTESTATION, layer)).collect::<Vec<_>>(),
        "subject": { "mediaType": MediaType::OCI_MANIFEST, "digest": subject, "size": size },
    });
    manifest.to_string()
}

/// Whether a manifest holds attestations.
pub(crate) fn is_one(candidate: &Candidate) -> bool {
    candidate.manifest.subject.is_some() && candidate.manifest.artifact_type.as_deref() == Some(ARTIFACT)
}

/// Reads the attestations of a manifest. They stand beside what is listed, and are shown where a file fits them.
pub(crate) fn inspect(candidate: &Candidate, contents: &Contents) -> Result<Fact, Refusal> {
    let layers = candidate.manifest.references.iter().filter(|(role, _)| *role == Role::Layer);
    let layers: Vec<&Descriptor> = layers.map(|(_, layer)| layer).collect();
    if layers.is_empty() || layers.len() > PREDICATES.len() {
        return Err(Refusal::new(format!("a file has one to {} attestations", PREDICATES.len())));
    }
    let read = |layer: &Descriptor| {
        let reader = contents.open(layer)?;
        if layer.media_type != ATTESTATION || reader.size() > LARGEST {
            return Err(Refusal::new(format!("an attestation is a {ATTESTATION} of at most 256 KiB")));
        }
        let mut bytes = Vec::new();
        reader.take(LARGEST).read_to_end(&mut bytes)?;
        let document = serde_json::from_slice(&bytes)
            .map_err(|error| Refusal::new(format!("Malformed attestations: {error}")))?;
        Attestation::read(document)
    };
    fact(candidate, layers.into_iter().map(read).collect::<Result<_, _>>()?)
}

fn fact(candidate: &Candidate, attestations: Vec<Attestation>) -> Result<Fact, Refusal> {
    let Some(Statement { filename, sha256, .. }) = attestations.first().map(|first| first.statement.clone())
    else {
        return Err(Refusal::new("there is no attestation"));
    };
    expect_about(&attestations, (&filename, &sha256))?;
    let file = FileName::parse(&filename)?;
    shape::expect_project(candidate, &file)?;
    let predicates = attestations.iter().map(|one| one.statement.predicate.clone()).collect();
    let attested =
        Attested { kind: "attestation".to_owned(), filename: filename.clone(), sha256, predicates };
    let Ok(Value::Object(attributes)) = serde_json::to_value(attested) else {
        return Err(Refusal::new("the attestations cannot be indexed"));
    };
    let all = attestations.into_iter().map(|one| one.document).collect();
    let document = Document {
        name: ATTESTATIONS,
        media_type: "application/json",
        bytes: Value::Array(all).to_string().into_bytes(),
    };
    Ok(Fact {
        subject: file.project.to_string(),
        sort_key: version::sort_key(&file.version),
        attributes,
        index: vec![(ATTESTS, filename)],
        documents: vec![document],
        release: None,
        shown_as: None,
        claims: Vec::new(),
    })
}

/// The provenance of a file: everything that was attested of it, one bundle for each upload (PEP 740).
pub(crate) fn provenance(bundles: Vec<Value>) -> Value {
    let bundle = |attestations| {
        // Who published is known by nobody but the one who checks the signatures.
        json!({ "publisher": { "kind": "unverified" }, "attestations": attestations })
    };
    json!({ "version": 1, "attestation_bundles": bundles.into_iter().map(bundle).collect::<Vec<_>>() })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const SHA256: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const NAME: &str = "foo-1.0.tar.gz";

    fn statement() -> Value {
        json!({
            "_type": STATEMENT,
            "subject": [{ "name": NAME, "digest": { "sha256": SHA256 } }],
            "predicateType": PREDICATES[0],
            "predicate": null,
        })
    }

    fn attestation(statement: &Value) -> Value {
        let statement = BASE64_STANDARD.encode(statement.to_string());
        let envelope = json!({ "statement": statement, "signature": BASE64_STANDARD.encode("signed") });
        json!({ "version": 1, "verification_material": { "certificate": "" }, "envelope": envelope })
    }

    fn read(all: &[Value]) -> Result<(), Refusal> {
        let read = Attestation::of_field(&json!(all).to_string())?;
        expect_about(&read, (NAME, SHA256))
    }

    #[test]
    fn what_is_attested_of_a_file_is_read() {
        let mut other = statement();
        other["predicateType"] = PREDICATES[1].into();
        read(&[attestation(&statement()), attestation(&other)]).unwrap();
        read(&[]).unwrap();
    }

    #[test]
    fn what_is_about_something_else_or_about_nothing_is_refused() {
        let mut wrong = Vec::new();
        for (at, value) in [
            ("/_type", json!("https://in-toto.io/Statement/v0.1")),
            ("/subject", json!([])),
            ("/subject", json!([statement()["subject"][0], statement()["subject"][0]])),
            ("/subject/0/name", json!("foo-2.0.tar.gz")),
            ("/subject/0/digest/sha256", json!("b".repeat(64))),
            ("/subject/0/digest/sha256", json!("short")),
            ("/predicateType", json!("https://example.org/other")),
        ] {
            let mut statement = statement();
            *statement.pointer_mut(at).unwrap() = value;
            wrong.push(vec![attestation(&statement)]);
        }
        for (at, value) in [
            ("/version", json!(2)),
            ("/verification_material", json!("none")),
            ("/envelope/statement", json!("%%")),
            ("/envelope/statement", json!(BASE64_STANDARD.encode("no JSON"))),
            ("/envelope/signature", json!(7)),
        ] {
            let mut attestation = attestation(&statement());
            *attestation.pointer_mut(at).unwrap() = value;
            wrong.push(vec![attestation]);
        }
        wrong.push(vec![attestation(&statement()); 2]);
        wrong.push(vec![json!(null)]);
        for wrong in wrong {
            assert!(read(&wrong).is_err(), "{wrong:?} was accepted");
        }
        assert!(Attestation::of_field("{}").is_err());
    }
}
