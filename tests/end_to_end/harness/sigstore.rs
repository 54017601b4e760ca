//! A Sigstore in this process: an authority that makes certificates for jobs, the log that sees them, and the log of what they
//! sign, with real keys all of them. What it makes can be made wrong in one thing at a time.

mod log;
mod structure;

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PublicKeyData as _, SanType, SigningKey as _,
    date_time_ymd,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use self::log::{Log, sha256_of};
use self::structure::{first_within, octets, text};
use super::issuer::now;

/// The type of what is signed.
const STATEMENT: &str = "application/vnd.in-toto+json";

pub(crate) struct Sigstore {
    root: CertifiedIssuer<'static, KeyPair>,
    authority: CertifiedIssuer<'static, KeyPair>,
    /// The log of certificates.
    certificates: KeyPair,
    signatures: Log,
    directory: TempDir,
}

/// Whom a certificate is made for, and on whose word.
#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) source: String,
    pub(crate) instructions: String,
}

/// What is wrong with an attestation, if anything is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    Nothing,
    /// The certificate is for servers and not for signing.
    OtherPurpose,
    /// No log saw the certificate.
    Unseen,
    /// A log saw it that nobody knows.
    SeenElsewhere,
    /// The log of signatures took the entry in after the certificate's time.
    LoggedLate,
    /// It took it in before.
    LoggedEarly,
    /// The signature is by another key.
    OtherKey,
}

impl Sigstore {
    pub(crate) fn new() -> Self {
        let root = CertifiedIssuer::self_signed(authority("root"), key()).unwrap();
        let authority = CertifiedIssuer::signed_by(authority("intermediate"), key(), &root).unwrap();
        let (certificates, signatures) = (key(), Log::new());
        let directory = TempDir::new().unwrap();
        let made = Self { root, authority, certificates, signatures, directory };
        std::fs::write(made.roots(), made.trusted_root().to_string()).unwrap();
        made
    }

    /// The file that says whom to believe.
    pub(crate) fn roots(&self) -> PathBuf {
        self.directory.path().join("trusted_root.json")
    }

    fn trusted_root(&self) -> Value {
        let since = json!({ "start": "2021-01-01T00:00:00Z" });
        let log = |key: &KeyPair| {
            let key = key.subject_public_key_info();
            json!({
                "baseUrl": "https://log.example", "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": BASE64_STANDARD.encode(&key), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": since,
                },
                "logId": { "keyId": BASE64_STANDARD.encode(sha256_of(&key)) },
            })
        };
        let chain = [&self.authority, &self.root];
        let chain = chain.map(|one| json!({ "rawBytes": BASE64_STANDARD.encode(one.der()) }));
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log(self.signatures.key())],
            "certificateAuthorities": [{
                "subject": { "organization": "wharf.example", "commonName": "tests" },
                "uri": "https://authority.example", "certChain": { "certificates": chain }, "validFor": since,
            }],
            "ctlogs": [log(&self.certificates)],
            "timestampAuthorities": [],
        })
    }

    /// A statement signed as it should be, with all that proves it.
    pub(crate) fn attest(&self, signer: &Signer, statement: &Value) -> Value {
        self.attest_with(signer, statement, Flaw::Nothing)
    }

    /// The same with something wrong.
    pub(crate) fn attest_with(&self, signer: &Signer, statement: &Value, flaw: Flaw) -> Value {
        let (own, statement) = (key(), statement.to_string());
        let certificate = self.certificate(signer, &own, flaw);
        let signing = if flaw == Flaw::OtherKey { &key() } else { &own };
        let signature = signing.sign(&enveloped(statement.as_bytes())).unwrap();
        let at = match flaw {
            Flaw::LoggedLate => now() - 10,
            Flaw::LoggedEarly => now() - 3600,
            _ => now() - 60,
        };
        let entry = self.signatures.enter((statement.as_bytes(), &signature, &certificate), at);
        json!({
            "version": 1,
            "verification_material": {
                "certificate": BASE64_STANDARD.encode(&certificate), "transparency_entries": [entry],
            },
            "envelope": {
                "statement": BASE64_STANDARD.encode(&statement), "signature": BASE64_STANDARD.encode(&signature),
            },
        })
    }

    /// A certificate of two minutes, most of which are over; or of one, which is over.
    fn certificate(&self, signer: &Signer, key: &KeyPair, flaw: Flaw) -> Vec<u8> {
        let mut parameters = CertificateParams::default();
        let ends = if flaw == Flaw::LoggedLate { -30 } else { 30 };
        let moment =
            |seconds: i64| date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds.try_into().unwrap());
        (parameters.not_before, parameters.not_after) = (moment(now() - 90), moment(now() + ends));
        parameters.distinguished_name = DistinguishedName::new();
        parameters.subject_alt_names = vec![SanType::URI(signer.subject.as_str().try_into().unwrap())];
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![match flaw {
            Flaw::OtherPurpose => ExtendedKeyUsagePurpose::ServerAuth,
            _ => ExtendedKeyUsagePurpose::CodeSigning,
        }];
        let said = [(8, &signer.issuer), (12, &signer.source), (18, &signer.instructions)];
        parameters.custom_extensions = said.map(|(number, value)| claim(number, value)).into();
        let unseen = parameters.signed_by(key, &self.authority).unwrap();
        if flaw == Flaw::Unseen {
            return unseen.der().to_vec();
        }
        let seen_by = if flaw == Flaw::SeenElsewhere { &self::key() } else { &self.certificates };
        parameters.custom_extensions.push(self.timestamp(seen_by, first_within(unseen.der())));
        parameters.signed_by(key, &self.authority).unwrap().der().to_vec()
    }

    /// What a log of certificates says of one that is to be made (RFC 6962, section 3.2).
    fn timestamp(&self, log: &KeyPair, certificate: &[u8]) -> CustomExtension {
        let at = u64::try_from(now() - 80).unwrap() * 1000;
        let authority = sha256_of(&self.authority.key().subject_public_key_info());
        let length = u32::try_from(certificate.len()).unwrap().to_be_bytes();
        let signed =
            [&[0, 0][..], &at.to_be_bytes(), &[0, 1], &authority, &length[1..], certificate, &[0, 0]]
                .concat();
        let signature = log.sign(&signed).unwrap();
        let id = sha256_of(&log.subject_public_key_info());
        let timestamp = [&[0][..], &id, &at.to_be_bytes(), &[0, 0], &[4, 3], &counted(&signature)].concat();
        let list = counted(&counted(&timestamp));
        CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2], octets(&list))
    }
}

impl Signer {
    /// Who signs in a workflow on a server.
    pub(crate) fn workflow(server: &str, repository: &str, workflow: &str) -> Self {
        let below = |path: &str| format!("{server}/{path}");
        Self {
            issuer: server.to_owned(),
            subject: below(workflow),
            source: below(repository),
            instructions: below(workflow),
        }
    }
}

fn key() -> KeyPair {
    KeyPair::generate().unwrap()
}

fn authority(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters
}

/// What the authority says of whom it makes a certificate for, by its number (Fulcio, oid-info.md).
fn claim(number: u64, value: &str) -> CustomExtension {
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 57264, 1, number], text(value))
}

/// What is signed of a statement (DSSE, protocol.md).
fn enveloped(statement: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {STATEMENT} {} ", STATEMENT.len(), statement.len());
    [head.as_bytes(), statement].concat()
}

/// Bytes behind their number in two bytes.
fn counted(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    [&length, bytes].concat()
}
