//! TLS to the server, as strict as libpq's `sslmode` of the same name.
//!
//! `prefer` and `require` protect from listeners only: they take any certificate. `verify-ca` wants one of a known
//! authority, `verify-full` also one for the host's name.

use std::{path::PathBuf, sync::Arc};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor,
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};
use tokio_postgres_rustls::MakeRustlsConnect;
use wharf_core::{Error, Kind, Result};

/// How strict TLS is, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// Which authorities are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    /// Those in a file of PEM.
    File(PathBuf),
    /// Those the operating system trusts.
    System,
}

/// How to speak TLS.
pub(super) struct Tls {
    pub(super) mode: Mode,
    pub(super) roots: Option<Roots>,
    /// Our own certificate and its key, files of PEM.
    pub(super) identity: Option<(PathBuf, PathBuf)>,
}

/// What speaks TLS like this.
///
/// # Errors
/// `Invalid` with the file that cannot be used.
pub(super) fn connector(tls: &Tls) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?;
    let config = match tls.mode {
        Mode::VerifyFull => config.with_root_certificates(roots(tls)?),
        Mode::VerifyCa => config
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Nameless { roots: Some(roots(tls)?), provider })),
        Mode::Disable | Mode::Prefer | Mode::Require => {
            config.dangerous().with_custom_certificate_verifier(Arc::new(Nameless { roots: None, provider }))
        }
    };
    let Some((certificate, key)) = &tls.identity else {
        return Ok(MakeRustlsConnect::new(config.with_no_client_auth()));
    };
    let chain = certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, error))?;
    let config = config.with_client_auth_cert(chain, key).map_err(|error| unusable(certificate, error))?;
    Ok(MakeRustlsConnect::new(config))
}

fn roots(tls: &Tls) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    match &tls.roots {
        Some(Roots::File(file)) => {
            for certificate in certificates(file)? {
                store.add(certificate).map_err(|error| unusable(file, error))?;
            }
        }
        Some(Roots::System) => {
            let found = rustls_native_certs::load_native_certs();
            store.add_parsable_certificates(found.certs);
        }
        None => {}
    }
    if store.is_empty() {
        return Err(Error::new(Kind::Invalid, "sslrootcert holds no certificate"));
    }
    Ok(store)
}

fn certificates(file: &PathBuf) -> Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    found.map_err(|error| unusable(file, error))
}

fn unusable(file: &std::path::Path, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Kind::Invalid, format!("{} cannot be used for TLS", file.display())).because(error)
}

/// Judges a server without regard to its name: by the authority, or not at all where there are no roots.
#[derive(Debug)]
struct Nameless {
    roots: Option<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Nameless {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if let Some(roots) = &self.roots {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            let algorithms = self.provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
