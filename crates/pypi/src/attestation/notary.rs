//! Who tells whether attestations are those of whoever publishes: signed with a certificate that was made for the very job
//! that uploads (PEP 740, "upload endpoint changes").

use std::sync::Arc;

use wharf_core::{Actor, Error, Result, Workload, Workloads};
use wharf_registry::format::Refusal;
use wharf_signing::AttestationRoots;

use super::{Attestation, publisher::Publisher};

/// Verifies attestations against the roots that the operator gave.
#[derive(Clone)]
pub struct Notary {
    /// Whom they are believed from.
    pub roots: Arc<AttestationRoots>,
    /// Who knows the jobs that upload.
    pub workloads: Arc<dyn Workloads>,
}

impl Notary {
    /// The job that uploads with attestations.
    ///
    /// # Errors
    /// A refusal for whoever is none; `Unavailable`.
    pub(crate) async fn expect_workload(&self, actor: &Actor) -> Result<Workload> {
        let words = "Attestations are taken from a trusted publisher only: upload as a job whose issuer this index \
                     believes, or without them.";
        let found = self.workloads.workload(actor).await?;
        found.ok_or_else(|| Error::from(Refusal::new(words)))
    }

    /// Verifies attestations of one file, each against its own statement, and that they are of this job. Costs a few
    /// milliseconds.
    ///
    /// # Errors
    /// A refusal with the reason.
    pub(crate) fn publisher(
        &self,
        workload: &Workload,
        attestations: &[Attestation],
    ) -> Result<Publisher, Refusal> {
        for attestation in attestations {
            let digest = attestation.statement.digest;
            let certificate = self.roots.verify(&attestation.signed(), &digest);
            let refused = |error: Error| Refusal::new(format!("Invalid attestation: {}", error.message()));
            certificate.and_then(|certificate| certificate.expect_of(workload)).map_err(refused)?;
        }
        Ok(Publisher::of(workload))
    }
}
