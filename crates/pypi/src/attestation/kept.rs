//! What is kept of the attestations of an upload: a manifest whose subject is the file's, a fact beside what is listed, and
//! their text. Shown are those that the [`Notary`] found good.

use std::io::Read as _;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wharf_core::{
    Digest, MediaType,
    json::read as read_json,
    manifest::{Descriptor, Role},
};
use wharf_registry::format::{Candidate, Contents, Document, Fact, Refusal};

use super::{Attestation, Notary, PREDICATES, Statement, expect_about, publisher::Publisher};
use crate::{
    filename::FileName,
    format::File,
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
/// The largest attestation, in bytes.
const LARGEST: u64 = 256 * 1024;

/// What is known of the attestations of an upload, as it stands in their fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attested {
    /// `attestation`, to tell the fact from a file's.
    pub(crate) kind: String,
    /// The file they are about.
    pub(crate) filename: String,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub(crate) sha256: String,
    /// What they state, by the type of predicate.
    pub(crate) predicates: Vec<String>,
    /// Who published the file, if all of them were found to be his. Others are shown to nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) publisher: Option<Publisher>,
}

/// What was attested in one upload, and by whom.
pub(crate) struct Bundle {
    /// Who published the file.
    pub(crate) publisher: Publisher,
    /// The attestations, as a list.
    pub(crate) attestations: Value,
}

/// The manifest of the attestations of one upload, always the same for the same parts. Its subject is the file's manifest.
pub(crate) fn manifest(subject: Part, config: Part, layers: &[Part]) -> String {
    let part = |media_type: &str, Part { digest, size }: &Part| json!({ "mediaType": media_type, "digest": digest.to_string(), "size": size });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "artifactType": ARTIFACT,
        "config": part(shape::EMPTY_TYPE, &config),
        "layers": layers.iter().map(|layer| part(ATTESTATION, layer)).collect::<Vec<_>>(),
        "subject": part(MediaType::OCI_MANIFEST, &subject),
    });
    manifest.to_string()
}

/// Whether a manifest holds attestations.
pub(crate) fn is_one(candidate: &Candidate) -> bool {
    candidate.manifest.subject.is_some() && candidate.manifest.artifact_type.as_deref() == Some(ARTIFACT)
}

/// Reads the attestations of a manifest. They stand beside what is listed. What comes through the upload form was verified
/// there already; whatever comes is kept, and shown if whoever pushes it is its publisher.
pub(crate) fn inspect(
    candidate: &Candidate,
    contents: &Contents,
    notary: Option<&Notary>,
) -> Result<Fact, Refusal> {
    let attestations = read(candidate, contents)?;
    let workload = match notary {
        Some(notary) => contents.ask(notary.workloads.workload(&candidate.pusher))?,
        None => None,
    };
    let verified = notary.zip(workload).map(|(notary, workload)| notary.publisher(&workload, &attestations));
    fact(candidate, attestations, verified.and_then(Result::ok))
}

fn read(candidate: &Candidate, contents: &Contents) -> Result<Vec<Attestation>, Refusal> {
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
        let document =
            read_json(&bytes).map_err(|fault| Refusal::new(format!("Malformed attestations: {fault}")))?;
        Attestation::read(document)
    };
    layers.into_iter().map(read).collect()
}

fn fact(
    candidate: &Candidate,
    attestations: Vec<Attestation>,
    publisher: Option<Publisher>,
) -> Result<Fact, Refusal> {
    let Some(Statement { filename, digest, .. }) = attestations.first().map(|first| first.statement.clone())
    else {
        return Err(Refusal::new("there is no attestation"));
    };
    expect_about(&attestations, &filename, &digest)?;
    let file = FileName::parse(&filename)?;
    shape::expect_project(candidate, &file)?;
    let attested = Attested {
        kind: "attestation".to_owned(),
        filename: filename.clone(),
        sha256: sha256_of(&digest),
        predicates: attestations.iter().map(|one| one.statement.predicate.clone()).collect(),
        publisher,
    };
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
        ..Fact::default()
    })
}

fn sha256_of(digest: &Digest) -> String {
    File::sha256(&digest.to_string()).unwrap_or_default().to_owned()
}

/// The provenance of a file: everything that its publisher attested of it, one bundle for each upload (PEP 740).
pub(crate) fn provenance(bundles: Vec<Bundle>) -> Value {
    let bundle =
        |Bundle { publisher, attestations }| json!({ "publisher": publisher, "attestations": attestations });
    json!({ "version": 1, "attestation_bundles": bundles.into_iter().map(bundle).collect::<Vec<_>>() })
}
