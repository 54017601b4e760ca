//! What a certificate that was verified says of whom it was made for (Fulcio, oid-info.md).

use sigstore_verify::VerificationResult;

/// Whom a certificate was made for, and on whose word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The issuer that spoke of him.
    pub(super) issuer: String,
    /// Himself: a URL or an e-mail address.
    pub(super) subject: String,
    /// The source repository, of a job.
    pub(super) source: Option<String>,
    /// The file that tells a job what to do, with its branch.
    pub(super) instructions: Option<String>,
}

impl Certificate {
    /// The certificate of something that was verified whole; none where it was not, or names nobody.
    pub(super) fn of(verified: &VerificationResult) -> Option<Self> {
        if !verified.certificate_verified() || !verified.tlog_verified() {
            return None;
        }
        let claims = &verified.certificate()?.ci_claims;
        Some(Self {
            issuer: verified.issuer()?.to_owned(),
            subject: verified.identity()?.as_str().to_owned(),
            source: claims.source_repository_uri.clone(),
            instructions: claims.build_config_uri.clone(),
        })
    }
}
