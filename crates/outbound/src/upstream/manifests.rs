//! Manifests of a registry: looked up, pulled, pushed, and what refers to them.

use bytes::Bytes;
use reqwest::{
    Method, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue},
};
use serde::Deserialize;
use wharf_core::{Detail, Digest, Error, Kind, MediaType, Reference, Result, Subject, manifest::LARGEST};
use wharf_hash::digest;

use super::{Call, Upstream, pages::Listing, pull, refusal::refusal};
use crate::repository::Repository;

/// The header that names what is sent.
const CONTENT_DIGEST: &str = "docker-content-digest";
/// The types that are asked for.
const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// A manifest as it came, its digest found right.
#[derive(Clone, Debug)]
pub struct Document {
    /// The digest of its bytes.
    pub digest: Digest,
    /// Its type as the registry said it, if it is one that a manifest may have; else the manifest itself must say it.
    pub media_type: Option<MediaType>,
    /// The bytes.
    pub bytes: Bytes,
}

/// An index of referrers, as far as it matters here.
#[derive(Deserialize)]
struct Referrers {
    manifests: Option<Vec<Referrer>>,
}

#[derive(Deserialize)]
struct Referrer {
    digest: String,
}

impl Upstream {
    /// Which manifest a reference names; `None` for none.
    ///
    /// # Errors
    /// What a request may fail with.
    pub async fn resolve(&self, repository: &Repository, reference: &Reference) -> Result<Option<Digest>> {
        let answer = self.exchange(&self.manifest_call(Method::HEAD, repository, reference)?).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => return Ok(None),
            // Without a body there are no words: the GET has them.
            status if !status.is_success() => {}
            _ => {
                if let Some(Ok(digest)) = answer.header(CONTENT_DIGEST).map(str::parse) {
                    return Ok(Some(digest));
                }
            }
        }
        Ok(self.manifest(repository, reference).await?.map(|document| document.digest))
    }

    /// A manifest, of at most 4 MiB; `None` for none.
    ///
    /// # Errors
    /// `Invalid` with `Detail::Digest` where the bytes are others than their digest says.
    pub async fn manifest(&self, repository: &Repository, reference: &Reference) -> Result<Option<Document>> {
        let answer = self.exchange(&self.manifest_call(Method::GET, repository, reference)?).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !answer.status().is_success() {
            return Err(refusal(answer, Subject::Manifest).await);
        }
        let promised: Option<Digest> = match reference {
            Reference::Digest(digest) => Some(*digest),
            Reference::Tag(_) => answer.header(CONTENT_DIGEST).and_then(|text| text.parse().ok()),
        };
        let media_type = answer.header(CONTENT_TYPE.as_str()).and_then(|text| text.parse().ok());
        let media_type = media_type.filter(|found: &MediaType| ACCEPTED.contains(found.as_str()));
        let bytes = answer.bytes(LARGEST).await?;
        let algorithm = promised.map_or(wharf_core::Algorithm::Sha256, |digest| digest.algorithm());
        let found = digest(algorithm, &bytes);
        match promised {
            Some(promised) if promised != found => {
                let words = format!("{promised} came with bytes of another digest");
                Err(Error::new(Kind::Invalid, words).with(Detail::Digest))
            }
            _ => Ok(Some(Document { digest: found, media_type, bytes })),
        }
    }

    /// The manifests that the registry says are about this one; `None` where it has no such list, and a tag may hold
    /// one instead (distribution-spec, referrers tag schema).
    ///
    /// # Errors
    /// `TooLarge` for a list that does not end.
    pub async fn referrers(&self, repository: &Repository, subject: Digest) -> Result<Option<Vec<Digest>>> {
        let path = format!("{repository}/referrers/{subject}");
        let found = self.list(Listing { path, scopes: pull(repository), read: digests_in }).await?;
        Ok(found.map(|digests| digests.iter().filter_map(|digest| digest.parse().ok()).collect()))
    }

    /// Pushes a manifest whose contents are there.
    ///
    /// # Errors
    /// The registry's refusal.
    pub async fn push_manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
        media_type: &MediaType,
        bytes: Bytes,
    ) -> Result<()> {
        let content_type = HeaderValue::from_str(media_type.as_str()).map_err(Error::internal)?;
        let url = self.url(&format!("{repository}/manifests/{reference}"))?;
        let call = Call::new(Method::PUT, url, push(repository)).header(CONTENT_TYPE, content_type);
        let answer = self.exchange(&Call { body: bytes, ..call }).await?;
        if answer.status() == StatusCode::CREATED {
            return Ok(());
        }
        Err(refusal(answer, Subject::Manifest).await)
    }

    fn manifest_call(&self, method: Method, repository: &Repository, reference: &Reference) -> Result<Call> {
        let url = self.url(&format!("{repository}/manifests/{reference}"))?;
        let call = Call::new(method, url, pull(repository));
        Ok(call.header(ACCEPT, HeaderValue::from_static(ACCEPTED)))
    }
}

pub(super) fn push(repository: &Repository) -> Vec<String> {
    vec![format!("repository:{repository}:pull,push")]
}

/// The digests an index names.
fn digests_in(page: &Bytes) -> Option<Vec<String>> {
    let page: Referrers = serde_json::from_slice(page).ok()?;
    Some(page.manifests.unwrap_or_default().into_iter().map(|referrer| referrer.digest).collect())
}
