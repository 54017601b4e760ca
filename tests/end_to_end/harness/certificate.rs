//! A certificate of the server's own making, on disk as the server reads it, and renewed as an operator does.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tempfile::TempDir;

/// A certificate for the loopback address and its key, in two files.
pub(crate) struct Certificate {
    directory: TempDir,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let certificate = Self { directory: TempDir::new().unwrap() };
        certificate.renew();
        certificate
    }

    /// One whose time is over.
    pub(crate) fn expired() -> Self {
        let certificate = Self::new();
        let mut parameters = parameters();
        parameters.not_before = date_time_ymd(2020, 1, 1);
        parameters.not_after = date_time_ymd(2020, 2, 1);
        certificate.write(&parameters);
        certificate
    }

    /// Puts another pair in the place of this one.
    pub(crate) fn renew(&self) {
        self.write(&parameters());
    }

    fn write(&self, parameters: &CertificateParams) {
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        fs::write(self.key(), key.serialize_pem()).unwrap();
        fs::write(self.path(), certificate.pem()).unwrap();
    }

    /// The file with the certificate.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("certificate.pem")
    }

    /// The file with the key.
    pub(crate) fn key(&self) -> PathBuf {
        self.directory.path().join("key.pem")
    }

    /// The certificate as it stands in its file now.
    pub(crate) fn pem(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    /// The settings of a server that is to show it.
    pub(crate) fn environment(&self) -> [(&'static str, String); 2] {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        [("WHARF_TLS_CERTIFICATE", text(&self.path())), ("WHARF_TLS_KEY", text(&self.key()))]
    }
}

fn parameters() -> CertificateParams {
    CertificateParams::new(["127.0.0.1".to_owned()]).unwrap()
}
