//! Pushing, pulling and deleting manifests.

mod contents;
mod delete;
mod push;

use std::sync::Arc;

use bytes::Bytes;
use wharf_core::{
    Algorithm, Condition, Detail, Digest, Error, Grant, Kind, MediaType, Reference, Result, Subject, Tag,
    action::{Delete, Pull, Push},
    manifest::{Descriptor, Manifest},
};

use self::{
    delete::{DeleteManifest, Deleted},
    push::PushManifest,
};
use crate::{
    Registry,
    format::{Candidate, RegistryPage},
    policy::Leaving,
    port::{ManifestRow, NewManifest, PageOf},
    upload::on_its_own,
};

/// A manifest as it was pushed.
pub type StoredManifest = ManifestRow;

/// The most tags one push can set.
pub const MOST_TAGS: usize = 100;

/// A manifest that is pushed.
pub struct ManifestPush {
    /// The tag it is to get, or the digest it must have.
    pub reference: Reference,
    /// Tags it is to get beside.
    pub tags: Vec<Tag>,
    /// The type it was sent with, if with any.
    pub content_type: Option<MediaType>,
    /// What must stand before under a reference that is a tag, else under each of the tags, else under the digest.
    pub condition: Condition,
    /// The exact bytes.
    pub bytes: Bytes,
    /// What becomes of the tag of the release it is listed in, if its format lists it in one.
    pub release: ReleaseTag,
}

/// What becomes of the tag of a release when something is listed in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReleaseTag {
    /// Nothing: a tag keeps what its client pushed.
    #[default]
    Kept,
    /// It points to the index that the format derives of the release. A format's own door asks for that.
    Derived,
}

/// What a push made of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedManifest {
    /// The digest it is stored under.
    pub digest: Digest,
    /// The manifest it is about, by which it can be found.
    pub subject: Option<Digest>,
}

impl Registry {
    /// Stores a manifest, and points tags at it. Durable and whole when it returns.
    ///
    /// # Errors
    /// `Invalid` with [`Detail::Manifest`] for what is no manifest, with [`Detail::Digest`] for bytes of another
    /// digest, with [`Detail::Missing`] for content the repository lacks, and with the words of the format whose
    /// content contradicts itself; `Exists` or `Conflict` for a name that stands, or stood, for other content;
    /// `TooLarge`; `PreconditionFailed`; `StorageFull`; `Unavailable`.
    pub async fn push_manifest(&self, grant: &Grant<Push>, push: ManifestPush) -> Result<PushedManifest> {
        self.expect_room().await?;
        let ManifestPush { reference, mut tags, content_type, condition, bytes, release } = push;
        let manifest = Arc::new(Manifest::parse(content_type.as_ref(), &bytes)?);
        let digest = digest_of(&reference, &bytes)?;
        let subject = manifest.subject.as_ref().and_then(Descriptor::digest);
        if let Reference::Tag(tag) = &reference {
            tags.push(tag.clone());
        }
        if tags.len() > MOST_TAGS {
            let message = format!("at most {MOST_TAGS} tags can be set at once");
            return Err(Error::new(Kind::TooLarge, message).with(Detail::Target));
        }
        let (place, named) = (grant.place().clone(), tags.clone());
        let pusher = grant.actor().clone();
        let candidate = Candidate { place, pusher, tags: named, digest, manifest: manifest.clone() };
        self.expect_contents(grant, &manifest).await?;
        let inspected = self.inspect(grant, candidate).await?;
        // An inspection takes its time; who was sent away meanwhile stores nothing.
        let grant = if inspected.format.is_some() { self.regrant(grant).await? } else { grant.clone() };
        let new = NewManifest::new(digest, bytes, manifest)?;
        let now = self.now();
        let lister = inspected.format.clone();
        let push =
            PushManifest { grant: grant.clone(), reference, tags, condition, new, inspected, release, now };
        let repository = self.store().commit_by(&grant, push).await?;
        if let (Some(format), Some(registry)) = (lister, grant.registry()) {
            let of = PageOf { registry: registry.id, repository: Some(repository), format: format.name() };
            match format.registry_page() {
                RegistryPage::Facts => self.refresh(PageOf { repository: None, ..of }),
                RegistryPage::Subjects if format.release_type().is_some() => self.refresh(of),
                RegistryPage::Subjects => {}
            }
        }
        Ok(PushedManifest { digest, subject })
    }

    /// The manifest a reference names: exactly the bytes and the type that were pushed.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn manifest(&self, grant: &Grant<Pull>, reference: &Reference) -> Result<StoredManifest> {
        let repository = grant.repository().ok_or_else(|| Error::not_found(Subject::Name))?;
        let found = self.store().manifest(repository, reference).await?;
        found.ok_or_else(|| Error::not_found(Subject::Manifest))
    }

    /// Removes a manifest and every tag that points to it, those too that are set meanwhile. Many tags go in steps, and
    /// who is sent away meanwhile, or is cut off by a crash, leaves a manifest with fewer tags.
    ///
    /// # Errors
    /// `Unsupported` where deletion is switched off; `NotFound`; `PreconditionFailed`; those of [`Registry::grant`].
    pub async fn delete_manifest(
        &self,
        grant: &Grant<Delete>,
        digest: &Digest,
        condition: Condition,
    ) -> Result<()> {
        self.expect_deletion()?;
        let repository = grant.repository().ok_or_else(|| Error::not_found(Subject::Name))?;
        let leaving = Leaving { repository, place: grant.place().clone(), digest: *digest };
        let (registry, grant) = (self.clone(), grant.clone());
        // A client that hangs up leaves nothing half done.
        on_its_own(async move {
            let (now, delay) = (registry.now(), registry.settings().collection_delay);
            let formats = registry.listings();
            let unneeded = registry.expect_unneeded(&leaving, None).await?;
            let mut delete = DeleteManifest { grant, leaving, unneeded, condition, formats, now, delay };
            loop {
                match registry.store().commit_by(&delete.grant, delete.clone()).await? {
                    Deleted::All => return Ok(()),
                    Deleted::SomeTags(unneeded) => delete.unneeded = unneeded,
                    Deleted::Nothing => {
                        let before = Some(&delete.unneeded);
                        delete.unneeded = registry.expect_unneeded(&delete.leaving, before).await?;
                    }
                }
                delete.grant = registry.regrant(&delete.grant).await?;
                delete.now = registry.now();
            }
        })
        .await
    }
}

/// How many contents a refusal names at most.
const MOST_NAMED: usize = 100;

/// The refusal of a manifest whose content is not there.
pub(crate) fn missing_content(mut digests: Vec<String>) -> Error {
    digests.truncate(MOST_NAMED);
    let message = "manifest names content that is unknown to the repository";
    Error::new(Kind::Invalid, message).with(Detail::Missing(digests))
}

/// The digest to store under: the client's if it gave one and it is true, else SHA-256.
fn digest_of(reference: &Reference, bytes: &[u8]) -> Result<Digest> {
    match reference {
        Reference::Tag(_) => Ok(wharf_hash::digest(Algorithm::Sha256, bytes)),
        Reference::Digest(claimed) => {
            let found = wharf_hash::digest(claimed.algorithm(), bytes);
            if found == *claimed {
                return Ok(found);
            }
            let message = format!("the manifest has the digest {found}, not {claimed}");
            Err(Error::new(Kind::Invalid, message).with(Detail::Digest))
        }
    }
}
