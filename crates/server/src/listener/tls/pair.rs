//! A certificate and its private key: two files, read together, and held against each other.

use std::{fs, path::Path, sync::Arc, time::Duration};

use aws_lc_rs::digest::{self, SHA256};
use rustls::{
    CertificateError, InconsistentKeys, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier as _},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
    sign::CertifiedKey,
};
use wharf_core::{Error, Kind, Result, Secret, Timestamp};

use super::Files;

/// What the two files hold, not yet looked at.
pub(super) struct Pair {
    certificate: Vec<u8>,
    key: Secret<Vec<u8>>,
}

impl Pair {
    /// Reads both files.
    ///
    /// # Errors
    /// `Invalid` with the file that cannot be read.
    pub(super) fn read(files: &Files) -> Result<Self> {
        Ok(Self {
            certificate: read(&files.certificate, "tls_certificate")?,
            key: Secret::new(read(&files.key, "tls_key")?),
        })
    }

    /// By what two pairs are told apart.
    pub(super) fn fingerprint(&self) -> [Vec<u8>; 2] {
        [&self.certificate, self.key.expose()].map(|bytes| digest::digest(&SHA256, bytes).as_ref().to_vec())
    }

    /// The chain with its key, ready for handshakes.
    ///
    /// # Errors
    /// `Invalid` with the file and what is wrong with it.
    pub(super) fn certified(&self, files: &Files, provider: &CryptoProvider) -> Result<CertifiedKey> {
        let (certificate, key) = (
            |words: &str| wrong("tls_certificate", &files.certificate, words),
            |words: &str| wrong("tls_key", &files.key, words),
        );
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<_, _>>()
            .map_err(|error| certificate("is not PEM").because(error))?;
        if chain.is_empty() {
            return Err(certificate("holds no certificate in PEM"));
        }
        // The cause stays out: it could quote the file.
        let private = PrivateKeyDer::from_pem_slice(self.key.expose())
            .map_err(|_| key("holds no private key in PEM that can be read; an encrypted one cannot"))?;
        CertifiedKey::from_der(chain, private, provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                key(&format!("is not the key of the certificate in {}", files.certificate.display()))
            }
            rustls::Error::InvalidCertificate(_) => certificate("holds a certificate that cannot be read"),
            _ => key("holds a private key of a kind that is not known"),
        })
    }
}

/// Says so if clients will refuse the certificate for its age. It is no reason not to serve: the clock may be wrong.
pub(super) fn warn_of_age(pair: &CertifiedKey, provider: &Arc<CryptoProvider>, now: Timestamp) {
    match age_fault(&pair.cert, provider, now) {
        Some(Age::Expired) => tracing::warn!("the certificate has expired"),
        Some(Age::NotYetValid) => tracing::warn!("the certificate is not valid yet"),
        None => {}
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Age {
    Expired,
    NotYetValid,
}

/// Asks as a client does that trusts the end of the chain. Whatever else it has to say, such as about names, is
/// nothing we can judge.
fn age_fault(
    chain: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
    now: Timestamp,
) -> Option<Age> {
    let (first, rest) = chain.split_first()?;
    let mut roots = RootCertStore::empty();
    roots.add(chain.last()?.clone()).ok()?;
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().ok()?;
    let now =
        UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.seconds()).unwrap_or_default()));
    let name = ServerName::try_from("wharf.invalid").ok()?;
    match verifier.verify_server_cert(first, rest, &name, &[], now).err()? {
        rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => Some(Age::Expired),
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => Some(Age::NotYetValid),
        _ => None,
    }
}

#[expect(clippy::disallowed_methods, reason = "the certificate and its key are files of the operator's")]
fn read(path: &Path, key: &str) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| wrong(key, path, &format!("cannot be read: {error}")))
}

fn wrong(key: &str, path: &Path, words: &str) -> Error {
    Error::new(Kind::Invalid, format!("{key}: {} {words}", path.display()))
}
