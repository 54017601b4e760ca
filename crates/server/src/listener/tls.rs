//! TLS on a listener: 1.2 and 1.3, HTTP/2 and HTTP/1.1 by ALPN, and a certificate that can change while connections
//! stand.

mod pair;
mod renewal;

use std::{
    io,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use wharf_core::{Clock, Error, Result};

use self::pair::Pair;
use super::Stream;

/// Where certificate and key lie, both in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Files {
    /// The certificate, and those that lead from it to one that clients know.
    pub(crate) certificate: PathBuf,
    /// Its private key: PKCS#8, PKCS#1 or SEC1.
    pub(crate) key: PathBuf,
}

/// What speaks TLS for a listener. Cheap to clone; all clones show one certificate.
#[derive(Clone)]
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    shown: Arc<CurrentCertificate>,
    files: Files,
    clock: Arc<dyn Clock>,
}

/// The certificate that the next handshake shows.
#[derive(Debug)]
struct CurrentCertificate(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// `Invalid` with the file and what is wrong with it.
    pub(crate) fn open(files: Files, clock: Arc<dyn Clock>) -> Result<Self> {
        let provider = provider();
        let pair = Pair::read(&files)?.certified(&files, &provider)?;
        pair::warn_of_age(&pair, &provider, clock.now());
        let shown = Arc::new(CurrentCertificate(RwLock::new(Arc::new(pair))));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(Error::internal)?
            .with_no_client_auth()
            .with_cert_resolver(shown.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), shown, files, clock })
    }

    /// Agrees with the other end within so long.
    ///
    /// # Errors
    /// What the handshake failed with.
    pub(super) async fn accept(
        &self,
        stream: Box<dyn Stream>,
        within: Duration,
    ) -> io::Result<Box<dyn Stream>> {
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        let stream = timeout(within, self.acceptor.accept(stream)).await.map_err(late)??;
        Ok(Box::new(stream))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
