//! The content of repositories, each as an OCI image layout (image-spec, image-layout.md): every manifest, tagged or not,
//! with all that it names. Its index is written last.
//!
//! What a repository shares with one before it is the same file under a second name.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    future::ready,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use wharf_core::{
    Digest, Error, Kind, MediaType, Reference, Result, Subject,
    manifest::{Descriptor, Manifest, Role},
};
use wharf_hash::digest as digest_of;
use wharf_outbound::{Repository, Upstream};

use super::{
    arguments::{Options, Trust},
    documents::{Documents, text},
    folder::{Folder, has, link, read, size},
    report::{Came, Report},
};
use crate::whole_file::WholeFile;

/// The annotation of a tag (image-spec, annotations.md).
const TAG: &str = "org.opencontainers.image.ref.name";
/// How much of a blob is asked for at once, in bytes.
const PIECE: u64 = 1 << 20;

/// All repositories, and what was put where.
pub(super) struct Layouts<'a> {
    documents: &'a Documents<'a>,
    source: Upstream,
    options: &'a Options,
    report: &'a Report,
    homes: Mutex<HashMap<Digest, PathBuf>>,
}

/// One repository.
struct Layout<'a> {
    all: &'a Layouts<'a>,
    registry: &'a str,
    /// Within its registry.
    name: &'a str,
    repository: Repository,
    folder: Folder,
}

/// A manifest as a list tells it.
struct Listed {
    media_type: Option<MediaType>,
    artifact_type: Option<String>,
}

/// A manifest that lies in its place.
struct Laid {
    digest: Digest,
    size: usize,
    artifact_type: Option<String>,
    manifest: Manifest,
}

impl<'a> Layouts<'a> {
    pub(super) fn of(
        documents: &'a Documents<'a>,
        source: Upstream,
        options: &'a Options,
        report: &'a Report,
    ) -> Self {
        Self { documents, source, options, report, homes: Mutex::default() }
    }

    /// Exports every repository of a registry. One that fails alone is noted.
    pub(super) async fn fill(&self, registry: &str, folder: &Folder) -> Result<()> {
        let mut repositories = self.documents.list(&["registries", registry, "repositories"]);
        while let Some(one) = repositories.next().await? {
            let (name, path) = (field(&one, "name")?, field(&one, "path")?);
            self.report.bar.about(path);
            let (repository, folder) = (path.parse()?, folder.repository(name)?);
            let told = self.documents.write_repository(registry, &one, &folder).await;
            self.documents.alone(path, told).await?;
            let layout = Layout { all: self, registry, name, repository, folder };
            self.documents.alone(path, layout.fill().await).await?;
        }
        Ok(())
    }
}

impl Layout<'_> {
    async fn fill(&self) -> Result<()> {
        let tags = self.tags().await?;
        let listed = self.listed(&tags).await?;
        let laying = listed.into_iter().map(|(digest, listed)| self.lay(digest, listed));
        let laid = stream::iter(laying).buffer_unordered(self.all.options.transfers);
        let mut laid: Vec<Laid> = laid.try_filter_map(|laid| ready(Ok(laid))).try_collect().await?;
        laid.sort_by_key(|one| one.digest);
        let contents: BTreeMap<Digest, Descriptor> = laid.iter().flat_map(blobs).collect();
        let fetching = contents.into_iter().map(|(digest, content)| self.bring(digest, content));
        let fetching = stream::iter(fetching).buffer_unordered(self.all.options.transfers);
        fetching.try_collect::<()>().await?;
        self.note_absent(&laid);
        self.folder.put("tags.json", &json!(tags)).await?;
        self.folder.put("oci-layout", &json!({ "imageLayoutVersion": "1.0.0" })).await?;
        self.folder.put("index.json", &index(&laid, &tags)).await?;
        self.all.report.note_repository(self.repository.as_str(), laid.len(), tags.len());
        Ok(())
    }

    /// Its tags, as the management tells them.
    async fn tags(&self) -> Result<Vec<Value>> {
        self.all.documents.list(&["registries", self.registry, "repositories", self.name, "tags"]).all().await
    }

    /// Its manifests, and those that a tag was moved to meanwhile.
    async fn listed(&self, tags: &[Value]) -> Result<BTreeMap<Digest, Listed>> {
        let mut all = BTreeMap::new();
        let path = ["registries", self.registry, "repositories", self.name, "manifests"];
        let mut manifests = self.all.documents.list(&path);
        while let Some(one) = manifests.next().await? {
            let media_type = text(&one, "media_type").and_then(|text| text.parse().ok());
            let artifact_type = text(&one, "artifact_type").map(str::to_owned);
            all.insert(field(&one, "digest")?.parse()?, Listed { media_type, artifact_type });
        }
        for tag in tags {
            let digest = field(tag, "digest")?.parse()?;
            all.entry(digest).or_insert(Listed { media_type: None, artifact_type: None });
        }
        Ok(all)
    }

    /// Puts a manifest in its place; none where it is gone meanwhile, which is noted.
    async fn lay(&self, digest: Digest, listed: Listed) -> Result<Option<Laid>> {
        let what = format!("{}@{digest}", self.repository);
        self.all.documents.alone(&what, self.try_lay(digest, listed).await).await
    }

    async fn try_lay(&self, digest: Digest, Listed { media_type, artifact_type }: Listed) -> Result<Laid> {
        let kept = read(&self.place(digest)).await?;
        let kept = kept.filter(|bytes| digest_of(digest.algorithm(), bytes) == digest);
        let bytes = match kept {
            Some(bytes) => bytes.into(),
            None => {
                let found = self.all.source.manifest(&self.repository, &Reference::Digest(digest)).await?;
                let bytes = found.ok_or_else(|| Error::not_found(Subject::Manifest))?.bytes;
                let mut file = self.begin(digest).await?;
                file.write(&bytes).await?;
                file.keep().await?;
                bytes
            }
        };
        let manifest = Manifest::parse(media_type.as_ref(), &bytes)?;
        Ok(Laid { digest, size: bytes.len(), artifact_type, manifest })
    }

    /// Puts a blob in its place.
    async fn bring(&self, digest: Digest, content: Descriptor) -> Result<()> {
        let came = match self.try_bring(digest, content.size).await {
            // Such a layer may lie only where its URLs say.
            Err(error) if content.is_nondistributable() && matches!(error.kind(), Kind::NotFound(_)) => None,
            done => self.all.documents.alone(&format!("{}@{digest}", self.repository), done).await?,
        };
        if let Some(came) = came {
            self.all.report.note_blob(came, content.size);
            let mut homes = self.all.homes.lock().unwrap_or_else(PoisonError::into_inner);
            homes.entry(digest).or_insert_with(|| self.place(digest));
        }
        Ok(())
    }

    async fn try_bring(&self, digest: Digest, length: u64) -> Result<Came> {
        let path = self.place(digest);
        if size(&path).await? == Some(length) && self.is_believed(digest).await? {
            return Ok(Came::Present);
        }
        let home = self.all.homes.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned();
        if let Some(home) = home
            && link(&home, &path).await?
        {
            return Ok(Came::Present);
        }
        let bar = &self.all.report.bar;
        bar.more(length);
        let mut download = self.all.source.blob(&self.repository, digest, length);
        let mut file = self.begin(digest).await?;
        while let Some(piece) = download.next(PIECE).await? {
            file.write(&piece).await?;
            bar.over(piece.len() as u64);
        }
        file.keep().await.map(|()| Came::Fetched)
    }

    /// Whether a file of the right size is taken for the blob.
    async fn is_believed(&self, digest: Digest) -> Result<bool> {
        match self.all.options.trust {
            Trust::Name => Ok(true),
            Trust::Bytes => has(&self.place(digest), digest).await,
        }
    }

    /// Notes the manifests that an index names and the repository lacks.
    fn note_absent(&self, laid: &[Laid]) {
        let there: BTreeSet<Digest> = laid.iter().map(|one| one.digest).collect();
        for absent in laid.iter().flat_map(children).filter(|child| !there.contains(child)) {
            self.all
                .report
                .fail(&format!("{}@{absent}", self.repository), &Error::not_found(Subject::Manifest));
        }
    }

    fn place(&self, digest: Digest) -> PathBuf {
        self.folder.at(&["blobs", digest.algorithm().name(), &digest.hex()])
    }

    async fn begin(&self, digest: Digest) -> Result<WholeFile> {
        self.folder.begin(&["blobs", digest.algorithm().name(), &digest.hex()]).await
    }
}

/// The entry point of a layout: each tag; what has none and is in no index; and so whatever is about something.
fn index(laid: &[Laid], tags: &[Value]) -> Value {
    let inside: BTreeSet<Digest> = laid.iter().flat_map(children).collect();
    let mut named: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for tag in tags {
        if let (Some(name), Some(digest)) = (text(tag, "name"), text(tag, "digest")) {
            named.entry(digest.to_owned()).or_default().push(name);
        }
    }
    let mut entries = Vec::new();
    for one in laid {
        let names = named.get(&one.digest.to_string());
        entries.extend(names.into_iter().flatten().map(|name| descriptor(one, Some(name))));
        if names.is_none() && !inside.contains(&one.digest) {
            entries.push(descriptor(one, None));
        }
    }
    json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries })
}

fn descriptor(of: &Laid, tag: Option<&str>) -> Value {
    let mut written = json!({
        "mediaType": of.manifest.media_type.as_str(), "digest": of.digest.to_string(), "size": of.size,
    });
    if let Some(fields) = written.as_object_mut() {
        fields.extend(of.artifact_type.iter().map(|kind| ("artifactType".to_owned(), json!(kind))));
        fields.extend(tag.map(|tag| ("annotations".to_owned(), json!({ TAG: tag }))));
    }
    written
}

/// The blobs that a manifest names, of algorithms that are known.
fn blobs(laid: &Laid) -> impl Iterator<Item = (Digest, Descriptor)> + '_ {
    let named = laid.manifest.references.iter().filter(|(role, _)| *role != Role::Manifest);
    named.filter_map(|(_, content)| Some((content.digest()?, content.clone())))
}

/// The manifests that an index names.
fn children(laid: &Laid) -> impl Iterator<Item = Digest> + '_ {
    let named = laid.manifest.references.iter().filter(|(role, _)| *role == Role::Manifest);
    named.filter_map(|(_, content)| content.digest())
}

fn field<'a>(of: &'a Value, name: &str) -> Result<&'a str> {
    text(of, name).ok_or_else(|| Error::new(Kind::Invalid, format!("the server leaves out a {name}")))
}
