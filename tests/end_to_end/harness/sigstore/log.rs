//! The log of what was signed (Rekor): each entry is the second leaf of a tree of two.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};
use serde_json::{Value, json};

/// What it calls itself where it says how large it is.
const ORIGIN: &str = "log.example";

pub(super) struct Log(KeyPair);

impl Log {
    pub(super) fn new() -> Self {
        Self(KeyPair::generate().unwrap())
    }

    pub(super) const fn key(&self) -> &KeyPair {
        &self.0
    }

    /// Takes in a signature over a statement, by the key of a certificate: the entry as the log tells it.
    pub(super) fn enter(&self, (statement, signature, certificate): (&[u8], &[u8], &[u8]), at: i64) -> Value {
        let body = body(statement, signature, certificate).to_string();
        let id = sha256_of(&self.0.subject_public_key_info());
        let promised = json!({
            "body": BASE64_STANDARD.encode(&body), "integratedTime": at, "logID": hex(&id), "logIndex": 41,
        });
        let promise = self.0.sign(promised.to_string().as_bytes()).unwrap();
        let beside = sha256_of(b"another leaf");
        let root = node(&beside, &leaf(body.as_bytes()));
        let encoded = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
        json!({
            "logIndex": "41",
            "logId": { "keyId": encoded(&id) },
            "kindVersion": { "kind": "dsse", "version": "0.0.1" },
            "integratedTime": at.to_string(),
            "inclusionPromise": { "signedEntryTimestamp": encoded(&promise) },
            "inclusionProof": {
                "logIndex": "1",
                "treeSize": "2",
                "rootHash": encoded(&root),
                "hashes": [encoded(&beside)],
                "checkpoint": { "envelope": self.checkpoint(&root, &id) },
            },
            "canonicalizedBody": encoded(body.as_bytes()),
        })
    }

    /// How large it is, signed (C2SP, tlog-checkpoint).
    fn checkpoint(&self, root: &[u8], id: &[u8]) -> String {
        let said = format!("{ORIGIN}\n2\n{}\n", BASE64_STANDARD.encode(root));
        let signature = self.0.sign(said.as_bytes()).unwrap();
        format!("{said}\n\u{2014} {ORIGIN} {}\n", BASE64_STANDARD.encode([&id[..4], &signature].concat()))
    }
}

fn body(statement: &[u8], signature: &[u8], certificate: &[u8]) -> Value {
    let sum = |bytes: &[u8]| json!({ "algorithm": "sha256", "value": hex(&sha256_of(bytes)) });
    let lines = BASE64_STANDARD.encode(certificate);
    let lines: Vec<_> = lines.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"));
    json!({
        "apiVersion": "0.0.1",
        "kind": "dsse",
        "spec": {
            "envelopeHash": sum(b"as it was sent"),
            "payloadHash": sum(statement),
            "signatures": [{
                "signature": BASE64_STANDARD.encode(signature), "verifier": BASE64_STANDARD.encode(pem),
            }],
        },
    })
}

/// RFC 6962, section 2.1.
fn leaf(bytes: &[u8]) -> Vec<u8> {
    sha256_of(&[&[0], bytes].concat())
}

fn node(left: &[u8], right: &[u8]) -> Vec<u8> {
    sha256_of(&[&[1], left, right].concat())
}

pub(super) fn sha256_of(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
