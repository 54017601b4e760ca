//! Attestations: statements that somebody signed with a certificate of a few minutes and had entered in a log that all can
//! read (Sigstore). They are held against roots that the operator gave; nobody is asked.
//!
//! Of each it is verified that its certificate leads to a root and was good when the log took the entry in; that a log of
//! certificates saw it, where the roots name one; that the entry is in its log, by the log's own word, and is about this
//! very signature; and that the signature is the certificate's, over this statement. Whose certificate it is says
//! [`Certificate`].

mod certificate;
mod identity;

use serde_json::{Value, json};
use sigstore_verify::{
    VerificationPolicy, Verifier,
    trust_root::TrustedRoot,
    types::{Bundle, Sha256Hash},
};
use wharf_core::{Digest, Error, Kind, Result};

pub use self::certificate::Certificate;

/// The type of a signed statement (in-toto attestation framework).
const STATEMENT: &str = "application/vnd.in-toto+json";
/// The form in which all that is verified is put together.
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// The most entries of logs that are looked at.
const MOST_ENTRIES: usize = 4;

/// Whom attestations are believed from: authorities of certificates and logs, by their keys.
pub struct AttestationRoots {
    verifier: Verifier,
    policy: VerificationPolicy,
}

/// A statement with all that came along to verify it, as it is written in JSON.
#[derive(Clone, Copy, Debug)]
pub struct SignedStatement<'a> {
    /// The statement, in base64.
    pub statement: &'a str,
    /// The signature over it, in base64.
    pub signature: &'a str,
    /// The certificate in DER, in base64.
    pub certificate: &'a str,
    /// The entries of logs about the signature, as the logs tell them.
    pub entries: &'a [Value],
}

impl AttestationRoots {
    /// Reads a `trusted_root.json`, as Sigstore publishes it and as one's own instance has it.
    ///
    /// # Errors
    /// `Invalid` for what is none, and where it names no authority or no log of signatures.
    pub fn from_json(text: &str) -> Result<Self> {
        let invalid = |words: &str| Error::new(Kind::Invalid, format!("the roots of attestations {words}"));
        let roots = TrustedRoot::from_json(text)
            .map_err(|error| invalid("are no trusted root of Sigstore in JSON").because(error))?;
        if roots.certificate_authorities.is_empty() || roots.tlogs.is_empty() {
            return Err(invalid("name no authority of certificates, or no log"));
        }
        let verifier = Verifier::new(&roots).map_err(|error| invalid("cannot be used").because(error))?;
        // Whose certificate it is is asked of what was verified.
        let policy = VerificationPolicy::any_identity();
        let policy = if roots.ctlogs.is_empty() { policy.skip_sct() } else { policy };
        Ok(Self { verifier, policy })
    }

    /// Verifies a statement about a file of this SHA-256; whose it is.
    ///
    /// # Errors
    /// `Invalid` with the reason.
    pub fn verify(&self, signed: &SignedStatement<'_>, digest: &Digest) -> Result<Certificate> {
        if !(1..=MOST_ENTRIES).contains(&signed.entries.len()) {
            return Err(unverified(format!("it comes with 1 to {MOST_ENTRIES} entries of logs")));
        }
        let bundle = json!({
            "mediaType": BUNDLE,
            "verificationMaterial": {
                "certificate": { "rawBytes": signed.certificate },
                "tlogEntries": signed.entries,
            },
            "dsseEnvelope": {
                "payload": signed.statement,
                "payloadType": STATEMENT,
                "signatures": [{ "sig": signed.signature }],
            },
        });
        let bundle = Bundle::from_json(&bundle.to_string()).map_err(unverified)?;
        let file = Sha256Hash::from_hex(&digest.hex()).map_err(unverified)?;
        let verified = self.verifier.verify(file, &bundle, &self.policy).map_err(unverified)?;
        Certificate::of(&verified).ok_or_else(|| unverified("its certificate names no issuer, or nobody"))
    }
}

/// A refusal in words for whoever attests.
fn unverified(why: impl std::fmt::Display) -> Error {
    Error::new(Kind::Invalid, format!("the attestation does not verify: {why}"))
}
