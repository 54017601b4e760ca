//! Whom a door believes over TLS: the authorities of the operating system, and those the operator or user adds.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use wharf_core::{Error, Kind, Result};

/// Whom a door believes over TLS.
#[derive(Clone)]
pub struct Trust(RootCertStore);

impl Trust {
    /// The authorities that the operating system trusts; none where it has no list, and then no TLS succeeds.
    pub fn of_system() -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Self(roots)
    }

    /// These too, in PEM.
    ///
    /// # Errors
    /// `Invalid` where there is no certificate, or one that cannot be read.
    pub fn and(mut self, pem: &[u8]) -> Result<Self> {
        let unusable = || Error::new(Kind::Invalid, "the file of authorities holds no certificate in PEM");
        let mut count = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| unusable().because(error))?;
            self.0.add(certificate).map_err(|error| unusable().because(error))?;
            count += 1;
        }
        if count == 0 { Err(unusable()) } else { Ok(self) }
    }

    /// TLS 1.2 and 1.3 with what is spoken over it, HTTP/1.1: each transfer has a connection of its own, so that no
    /// slow one holds up the others.
    pub(crate) fn config(self) -> Result<ClientConfig> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(Error::internal)?
            .with_root_certificates(self.0)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}
