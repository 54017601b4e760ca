//! Attestations (PEP 740): signed statements about a file, which come along with its upload or are attached to it later.
//!
//! What one says is read here. Whether it was signed by whoever publishes the file tells the [`Notary`]; what is kept of
//! those of one upload, and shown, is in [`kept`].

pub(crate) mod kept;
mod notary;
mod publisher;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::Value;
use wharf_core::{Digest, json::read};
use wharf_registry::format::Refusal;
use wharf_signing::SignedStatement;

pub use self::notary::Notary;

/// What may be stated: where it was published from, and where it was built.
const PREDICATES: [&str; 2] =
    ["https://docs.pypi.org/attestations/publish/v1", "https://slsa.dev/provenance/v1"];
const STATEMENT: &str = "https://in-toto.io/Statement/v1";

/// An attestation as it came, and what it states.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attestation {
    document: Value,
    signed: Signed,
    statement: Statement,
}

/// Of which file it is, and what is stated of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Statement {
    filename: String,
    digest: Digest,
    predicate: String,
}

/// An attestation on the wire.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Signed {
    version: u32,
    verification_material: Material,
    envelope: Envelope,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Material {
    certificate: String,
    transparency_entries: Vec<Value>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
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

impl Attestation {
    /// Reads the field `attestations` of an upload.
    pub(crate) fn of_field(text: &str) -> Result<Vec<Self>, Refusal> {
        let all: Vec<Value> = read(text.as_bytes()).map_err(|fault| {
            Refusal::new(format!("Malformed attestations: not a list of objects: {fault}"))
        })?;
        all.into_iter().map(Self::read).collect()
    }

    fn read(document: Value) -> Result<Self, Refusal> {
        let malformed = |what: &str| Refusal::new(format!("Malformed attestations: {what}"));
        let Some(signed) = Signed::deserialize(&document).ok().filter(|signed| signed.version == 1) else {
            return Err(malformed("an attestation has version 1, verification material and an envelope"));
        };
        let decoded = |text: &str| BASE64_STANDARD.decode(text).ok();
        let (Some(statement), Some(_)) =
            (decoded(&signed.envelope.statement), decoded(&signed.envelope.signature))
        else {
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
        Ok(Self { document, signed, statement })
    }

    /// The exact bytes that are stored.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.document.to_string().into_bytes()
    }

    /// What is to be verified.
    fn signed(&self) -> SignedStatement<'_> {
        let Signed { verification_material, envelope, .. } = &self.signed;
        SignedStatement {
            statement: &envelope.statement,
            signature: &envelope.signature,
            certificate: &verification_material.certificate,
            entries: &verification_material.transparency_entries,
        }
    }
}

impl Statement {
    fn read(told: Told) -> Option<Self> {
        let [subject] = <[Named; 1]>::try_from(told.subject).ok()?;
        let digest = format!("sha256:{}", subject.digest.sha256.to_ascii_lowercase()).parse().ok()?;
        let (filename, predicate) = (subject.name, told.predicate_type);
        (told.kind == STATEMENT).then_some(Self { filename, digest, predicate })
    }
}

/// Refuses attestations that are not about a file, and two of one kind.
pub(crate) fn expect_about(
    attestations: &[Attestation],
    filename: &str,
    digest: &Digest,
) -> Result<(), Refusal> {
    for (at, Attestation { statement, .. }) in attestations.iter().enumerate() {
        if statement.filename != filename || statement.digest != *digest {
            return Err(Refusal::new(format!(
                "Attestation is not about the file: it is about {:?} with {}",
                statement.filename, statement.digest
            )));
        }
        let earlier = attestations.iter().take(at);
        if earlier.clone().any(|other| other.statement.predicate == statement.predicate) {
            return Err(Refusal::new("Multiple attestations with the same predicate type"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
        let material = json!({ "certificate": "", "transparency_entries": [] });
        json!({ "version": 1, "verification_material": material, "envelope": envelope })
    }

    fn read(all: &[Value]) -> Result<(), Refusal> {
        let read = Attestation::of_field(&json!(all).to_string())?;
        expect_about(&read, NAME, &format!("sha256:{SHA256}").parse().unwrap())
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
            ("/verification_material/certificate", json!(null)),
            ("/verification_material/transparency_entries", json!({})),
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
