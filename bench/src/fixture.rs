//! The data every server holds before it is measured: one image, and one blob of the size a case asks for.

use std::{fs, path::Path};

use serde_json::{Value, json};
use wharf_core::{Algorithm, Digest};
use wharf_hash::Hasher;

use crate::{
    Result, audit,
    case::{Crowd, Kind, Scale, Work},
    client::{Body, Connection, Request, Sink},
    index,
    operation::{Access, Operation},
    payload::Payload,
    plugins::{self, Plugins},
};

/// The repository; Wharf reads its first parts as organisation and registry.
pub(crate) const REPOSITORY: &str = "bench/main/app";
/// The tag that is pulled.
const TAG: &str = "latest";
/// The type of all manifests here.
pub(crate) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar";

/// How much of a blob that is to be pushed is pushed and read back beforehand, in bytes.
const LARGEST_CHECKED: u64 = 100 << 20;

/// The data.
#[derive(Debug)]
pub(crate) struct Fixture {
    /// What it is for.
    pub(crate) work: Work,
    pub(crate) image: Image,
    blob: Option<Payload>,
    /// How many tags a registry is given that has no crowd.
    pub(crate) crowd: Option<Crowd>,
    /// Those that are listed.
    pub(crate) plugins: Option<Plugins>,
    scale: Scale,
}

/// An image of one layer.
#[derive(Debug)]
pub(crate) struct Image {
    config: Payload,
    layer: Payload,
}

impl Image {
    /// An image nobody has; its layer has so many bytes.
    pub(crate) fn new(layer: u64) -> Self {
        Self { config: Payload::new(1_500), layer: Payload::new(layer) }
    }

    /// What its manifest names.
    pub(crate) fn blobs(&self) -> [&Payload; 2] {
        [&self.config, &self.layer]
    }

    /// Where its parts are, once it is pushed under the tag that is pulled.
    pub(crate) fn paths(&self) -> Vec<String> {
        let blobs = self.blobs().map(|blob| blob_path(&blob.digest));
        [Fixture::manifest_path()].into_iter().chain(blobs).collect()
    }

    /// A manifest of this image that differs from those with another number.
    pub(crate) fn manifest(&self, number: u64) -> Vec<u8> {
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": descriptor(CONFIG_TYPE, &self.config),
            "layers": [descriptor(LAYER_TYPE, &self.layer)],
            "annotations": {"org.opencontainers.image.revision": number.to_string()},
        });
        manifest.to_string().into_bytes()
    }
}

impl Fixture {
    /// The data for this work.
    ///
    /// # Errors
    /// None, as long as what is made can be.
    pub(crate) fn new(work: Work, scale: Scale) -> Result<Self> {
        let blob = match work {
            Work::GetBlob(size) => Some(Payload::new(size)),
            Work::PushBlob { size, .. } => Some(Payload::new(size.min(LARGEST_CHECKED))),
            _ => None,
        };
        let layer = if let Work::PullImage(size) = work { size } else { 4_000 };
        let crowd = matches!(work, Work::GetTagsAt(_)).then_some(Crowd::FEW);
        let plugins = work.lists_plugins().then(|| Plugins::new(scale.plugins)).transpose()?;
        Ok(Self { work, image: Image::new(layer), blob, crowd, plugins, scale })
    }

    /// How many files a contender's Python project has before the first turn.
    pub(crate) const fn files(&self, kind: Kind) -> usize {
        index::files(self.work, kind, self.scale)
    }

    /// Where the tagged manifest is.
    pub(crate) fn manifest_path() -> String {
        manifest_path(REPOSITORY, TAG)
    }

    /// Where the blob of the case is, else the layer.
    pub(crate) fn blob_path(&self) -> String {
        blob_path(&self.blob.as_ref().unwrap_or(&self.image.layer).digest)
    }

    /// Pushes everything.
    pub(crate) async fn push(&self, connection: &mut Connection, authorization: &str) -> Result<()> {
        for blob in self.blobs() {
            Operation::push_blob(blob, REPOSITORY, connection, authorization).await?;
        }
        Operation::PushManifest { tag: TAG.to_owned(), bytes: self.image.manifest(0) }
            .perform(connection, &Access::Header(authorization.to_owned()))
            .await?;
        match self.work {
            Work::UploadPlugin(_) => plugins::believe(connection).await,
            _ => Ok(()),
        }
    }

    /// Writes everything below a folder under the paths it has in a registry.
    pub(crate) fn write(&self, root: &Path) -> Result<()> {
        let at = |path: String| root.join(path.trim_start_matches('/'));
        for folder in ["blobs", "manifests"] {
            fs::create_dir_all(at(format!("/v2/{REPOSITORY}/{folder}")))?;
        }
        for blob in self.blobs() {
            fs::write(at(blob_path(&blob.digest)), blob.pieces().collect::<Vec<_>>().concat())?;
        }
        Ok(fs::write(at(Self::manifest_path()), self.image.manifest(0))?)
    }

    /// Reads everything back.
    ///
    /// # Errors
    /// Any byte that differs, any answer that is not a success.
    pub(crate) async fn check(&self, connection: &mut Connection, authorization: &str) -> Result<()> {
        for blob in self.blobs() {
            expect(connection, authorization, &blob_path(&blob.digest), &blob.digest).await?;
        }
        let manifest = wharf_hash::digest(Algorithm::Sha256, &self.image.manifest(0));
        expect(connection, authorization, &Self::manifest_path(), &manifest).await?;
        match (&self.plugins, self.work) {
            (Some(plugins), _) => plugins.check(connection).await,
            (None, Work::SearchAudit) => audit::check(connection, self.scale.crowd).await,
            (None, _) => Ok(()),
        }
    }

    fn blobs(&self) -> impl Iterator<Item = &Payload> {
        self.image.blobs().into_iter().chain(&self.blob)
    }
}

/// Where a manifest is, by tag or digest.
pub(crate) fn manifest_path(repository: &str, reference: &str) -> String {
    format!("/v2/{repository}/manifests/{reference}")
}

fn blob_path(digest: &Digest) -> String {
    format!("/v2/{REPOSITORY}/blobs/{digest}")
}

fn descriptor(media_type: &str, blob: &Payload) -> Value {
    json!({"mediaType": media_type, "digest": blob.digest.to_string(), "size": blob.size})
}

/// The bytes at a path must have this digest.
async fn expect(connection: &mut Connection, authorization: &str, path: &str, digest: &Digest) -> Result<()> {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let headers = format!("{authorization}accept: {MANIFEST_TYPE}\r\n");
    let request = Request { method: "GET", target: path, headers: &headers, body: Body::Nothing };
    connection.call(request, Sink::Reader(&mut |piece| hasher.update(piece))).await?;
    let found = hasher.finish();
    if found == *digest { Ok(()) } else { Err(format!("{path} has the digest {found}").into()) }
}
