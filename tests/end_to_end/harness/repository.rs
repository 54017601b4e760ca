//! The registry's words for one caller and one repository.

use bytes::Bytes;

use super::caller::Request;
use super::{Answer, Caller, Image, Upload, media_type, sha256};

#[derive(Clone)]
pub(crate) struct Repository {
    pub(crate) caller: Caller,
    pub(crate) name: String,
}

impl Repository {
    pub(crate) fn new(caller: Caller, name: &str) -> Self {
        Self { caller, name: name.to_owned() }
    }

    /// A path below this repository.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/v2/{}/{rest}", self.name)
    }

    pub(crate) async fn blob(&self, digest: &str) -> Answer {
        self.caller.get(&self.path(&format!("blobs/{digest}"))).await
    }

    pub(crate) async fn head_blob(&self, digest: &str) -> Answer {
        self.caller.head(&self.path(&format!("blobs/{digest}"))).await
    }

    pub(crate) async fn delete_blob(&self, digest: &str) -> Answer {
        self.caller.delete(&self.path(&format!("blobs/{digest}"))).await
    }

    pub(crate) async fn manifest(&self, reference: &str) -> Answer {
        self.caller.get(&self.path(&format!("manifests/{reference}"))).await
    }

    pub(crate) async fn head_manifest(&self, reference: &str) -> Answer {
        self.caller.head(&self.path(&format!("manifests/{reference}"))).await
    }

    pub(crate) async fn delete_manifest(&self, reference: &str) -> Answer {
        self.caller.delete(&self.path(&format!("manifests/{reference}"))).await
    }

    pub(crate) async fn put_manifest(&self, reference: &str, media_type: &str, bytes: &Bytes) -> Answer {
        self.manifest_push(reference, media_type, bytes).send().await
    }

    /// The push of a manifest before it is sent, for those who add a header.
    pub(crate) fn manifest_push(&self, reference: &str, media_type: &str, bytes: &Bytes) -> Request {
        let request = self.caller.request("PUT", &self.path(&format!("manifests/{reference}")));
        request.header("content-type", media_type).body(bytes.clone())
    }

    /// The names of the tags, following no page.
    pub(crate) async fn tags(&self, query: &str) -> Answer {
        self.caller.get(&self.path(&format!("tags/list{query}"))).await
    }

    /// A page of the manifests that are about this one; the query begins with its `?`.
    pub(crate) async fn referrers(&self, subject: &str, query: &str) -> Answer {
        self.caller.get(&self.path(&format!("referrers/{subject}{query}"))).await
    }

    /// Asks for an upload: POST with nothing in it.
    pub(crate) async fn open_upload(&self) -> Answer {
        self.caller.post(&self.path("blobs/uploads/")).await
    }

    pub(crate) async fn upload(&self) -> Upload {
        Upload::of(self.caller.clone(), &self.open_upload().await.is(202))
    }

    /// Asks for a blob of another repository, or of any if none is named.
    pub(crate) async fn mount(&self, digest: &str, from: Option<&str>) -> Answer {
        let from = from.map(|name| format!("&from={name}")).unwrap_or_default();
        self.caller.post(&self.path(&format!("blobs/uploads/?mount={digest}{from}"))).await
    }

    /// Pushes a blob and says its digest.
    pub(crate) async fn push_blob(&self, content: &Bytes) -> String {
        let digest = sha256(content);
        self.upload().await.finish(&digest, content.clone()).await.is(201);
        digest
    }

    /// Pushes what an image is made of, without its manifest.
    pub(crate) async fn push_blobs_of(&self, image: &Image) {
        for blob in &image.blobs {
            self.push_blob(blob).await;
        }
    }

    /// Pushes a whole image and says its digest.
    pub(crate) async fn push_image(&self, image: &Image, reference: &str) -> String {
        self.push_blobs_of(image).await;
        self.put_manifest(reference, image.media_type, &image.manifest).await.is(201);
        image.digest()
    }

    /// Pushes a manifest that names nothing, under any number of tags: the cheapest way to be listed.
    pub(crate) async fn push_empty_index(&self, tags: &[&str]) -> String {
        let index = Image::index(media_type::OCI_INDEX, &[]);
        for tag in tags {
            self.put_manifest(tag, media_type::OCI_INDEX, &index).await.is(201);
        }
        sha256(&index)
    }
}
