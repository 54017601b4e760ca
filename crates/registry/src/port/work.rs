//! What a transaction can do: reads and writes of rows, one trait for each aggregate.

use std::{borrow::Cow, sync::Arc};

use async_trait::async_trait;
use wharf_core::{
    AccountId, Algorithm, Digest, Error, MediaType, ObjectKey, Page, Place, Result, Timestamp, UploadId,
    audit::{AuditRecord, Event},
    gate::{RegistryId, RepositoryId},
    manifest,
};

use super::{
    Deliveries, Hooks, Ledger, Notices, Pages, Releases, Repositories, Retention, Rules, Scrubs, Sources,
    Tags, Tenants, Usages, Warrants,
};
use crate::format::{Fact, FactCursor};

/// Everything a transaction can touch.
pub trait Work:
    Tenants
    + Repositories
    + Blobs
    + Uploads
    + Manifests
    + Tags
    + Facts
    + Releases
    + Notices
    + Pages
    + Catalog
    + Collection
    + Deliveries
    + Holds
    + Hooks
    + Inspection
    + Journal
    + Leases
    + Ledger
    + Retention
    + Rules
    + Scrubs
    + Sources
    + Usages
    + Warrants
    + Send
{
}

impl<T> Work for T where
    T: Tenants
        + Repositories
        + Blobs
        + Uploads
        + Manifests
        + Tags
        + Facts
        + Releases
        + Notices
        + Pages
        + Catalog
        + Collection
        + Deliveries
        + Holds
        + Hooks
        + Inspection
        + Journal
        + Leases
        + Ledger
        + Retention
        + Rules
        + Scrubs
        + Sources
        + Usages
        + Warrants
        + Send
{
}

/// A blob as its row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobRow {
    /// The digest.
    pub digest: Digest,
    /// Size in bytes.
    pub size: u64,
    /// Where its bytes lie.
    pub key: ObjectKey,
}

/// A repository that holds a blob the caller may pull.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountSource {
    /// The repository.
    pub repository: RepositoryId,
    /// Its place.
    pub place: Place,
}

/// Blobs and their membership in repositories.
#[async_trait]
pub trait Blobs {
    /// The blob, wherever it is, held against other changes until the transaction ends; only for deciding where bytes
    /// lie, never to answer a caller.
    async fn lock_blob(&mut self, digest: &Digest) -> Result<Option<BlobRow>>;
    /// The blob, if it is a member of the repository.
    async fn find_member(&mut self, repository: RepositoryId, digest: &Digest) -> Result<Option<BlobRow>>;
    /// Repositories that hold the blob and whose content the account may pull by its roles; at most `most`. Where very
    /// many hold it, not all need be looked at.
    async fn mount_sources(
        &mut self,
        account: Option<AccountId>,
        digest: &Digest,
        most: u32,
    ) -> Result<Vec<MountSource>>;
    /// Makes the blob's row. There must be none.
    async fn insert_blob(&mut self, blob: &BlobRow, now: Timestamp) -> Result<()>;
    /// Lets the blob's row lead to another object with the same content.
    async fn move_blob(&mut self, digest: &Digest, key: ObjectKey) -> Result<()>;
    /// Makes the blob a member of the repository, or moves the epoch of its membership; false if there is no blob.
    async fn add_member(&mut self, repository: RepositoryId, digest: &Digest, now: Timestamp)
    -> Result<bool>;
    /// Moves the epoch of a membership; false if there is none.
    async fn touch_member(&mut self, repository: RepositoryId, digest: &Digest) -> Result<bool>;
    /// Moves the epochs of memberships; says of which blobs there is one.
    async fn touch_members(&mut self, repository: RepositoryId, digests: &[Digest]) -> Result<Vec<Digest>>;
    /// Ends a membership; false if there was none.
    async fn remove_member(&mut self, repository: RepositoryId, digest: &Digest) -> Result<bool>;
    /// Ends a membership that nobody named since `epoch` and that no manifest of the repository needs; false if that is
    /// not so.
    async fn end_membership(&mut self, repository: RepositoryId, digest: &Digest, epoch: i64)
    -> Result<bool>;
    /// Removes the blob's row if the blob is a member of nothing any more; what it was.
    async fn remove_orphan(&mut self, digest: &Digest) -> Result<Option<BlobRow>>;
    /// Whether a manifest of the repository names the blob.
    async fn is_needed(&mut self, repository: RepositoryId, digest: &Digest) -> Result<bool>;
}

/// An upload as its row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadRow {
    /// Its id.
    pub id: UploadId,
    /// The repository it is bound to.
    pub repository: RepositoryId,
    /// The account it is bound to; `None` for a job.
    pub account: Option<AccountId>,
    /// Where its bytes go.
    pub key: ObjectKey,
    /// The algorithm that runs over them.
    pub algorithm: Algorithm,
    /// How far it is.
    pub progress: Progress,
    /// Moves with every change of progress.
    pub version: i64,
    /// What its bytes were found to be, if they were read once more.
    pub reread: Option<Reread>,
}

/// The digests of an upload's bytes at the moment when they were read once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reread {
    /// In the upload's own algorithm, which tells whether they are still the same.
    pub own: Digest,
    /// In one that was never announced.
    pub other: Digest,
}

/// How far an upload is: everything another node needs to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes taken.
    pub offset: u64,
    /// The saved state of the hash.
    pub hash_state: Vec<u8>,
    /// What the blob store wants to remember.
    pub store_state: Vec<u8>,
    /// The incarnation of the blob store that took the bytes.
    pub incarnation: String,
}

/// How long an upload must have lain to be stale, by both clocks: by one of them alone it is after the clock jumped, by
/// the other alone while the collector's time is late.
#[derive(Clone, Copy, Debug)]
pub struct Stale {
    /// Nobody touched it since, by the clock.
    pub before: Timestamp,
    /// Nor for so many seconds of the collector's time, which no jump moves.
    pub seconds: i64,
}

/// Uploads.
#[async_trait]
pub trait Uploads {
    /// Makes the row.
    async fn insert_upload(&mut self, upload: &UploadRow, now: Timestamp) -> Result<()>;
    /// The upload.
    async fn find_upload(&mut self, id: UploadId) -> Result<Option<UploadRow>>;
    /// Saves progress if nobody did since `seen` was read; false if somebody did, or the upload is gone.
    async fn save_progress(&mut self, seen: &UploadRow, progress: &Progress, now: Timestamp) -> Result<bool>;
    /// Notes that somebody works on it, if it is there. No progress: what was `seen` still holds.
    async fn touch_upload(&mut self, id: UploadId, now: Timestamp) -> Result<()>;
    /// Keeps what the upload's bytes were found to be.
    async fn keep_reread(&mut self, id: UploadId, reread: &Reread) -> Result<()>;
    /// Removes the row if nobody changed it since `seen` was read; false if somebody did, or it is gone.
    async fn remove_upload_at(&mut self, seen: &UploadRow) -> Result<bool>;
    /// As [`Uploads::remove_upload_at`], but only if nobody touched it since either.
    async fn remove_stale_upload(&mut self, seen: &UploadRow, stale: Stale) -> Result<bool>;
    /// Uploads nobody touched for so long; at most `most`.
    async fn stale_uploads(&mut self, stale: Stale, most: u32) -> Result<Vec<UploadRow>>;
    /// How many uploads there are; nobody counts further than to `most`.
    async fn count_uploads(&mut self, most: u32) -> Result<u64>;
    /// How many there are in the organisation of a repository, counted as far.
    async fn count_uploads_beside(&mut self, repository: RepositoryId, most: u32) -> Result<u64>;
}

/// A manifest to be stored.
#[derive(Clone, Debug)]
pub struct NewManifest {
    /// The digest it was pushed under.
    pub digest: Digest,
    /// The exact bytes.
    pub bytes: bytes::Bytes,
    /// What was read of it.
    pub manifest: Arc<manifest::Manifest>,
    /// Its annotations as a JSON object, if it has some and is about another manifest: in the list of referrers.
    pub annotations: Option<String>,
}

impl NewManifest {
    /// A manifest with its annotations ready to be listed, so that nobody has to read it again for that.
    ///
    /// # Errors
    /// `Internal`, which cannot be.
    pub fn new(digest: Digest, bytes: bytes::Bytes, manifest: Arc<manifest::Manifest>) -> Result<Self> {
        let is_listed = manifest.subject.is_some() && !manifest.annotations.is_empty();
        let annotations = is_listed.then(|| serde_json::to_string(&manifest.annotations));
        let annotations = annotations.transpose().map_err(Error::internal)?;
        Ok(Self { digest, bytes, manifest, annotations })
    }
}

/// A manifest as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestRow {
    /// The digest it was pushed under.
    pub digest: Digest,
    /// The media type it was pushed with.
    pub media_type: MediaType,
    /// The exact bytes.
    pub bytes: bytes::Bytes,
}

/// Which referrers are wanted.
#[derive(Clone, Debug)]
pub struct ReferrersOf {
    /// In which repository.
    pub repository: RepositoryId,
    /// About which manifest.
    pub subject: Digest,
    /// Of which artifact type; the empty one is that of manifests without.
    pub artifact_type: Option<String>,
    /// After which digest.
    pub last: Option<Digest>,
    /// How many at most.
    pub most: u32,
    /// How many bytes of annotations at most; one referrer may have more.
    pub most_bytes: u64,
}

/// A referrer as its row tells it, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferrerRow {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: MediaType,
    /// Its size in bytes.
    pub size: u64,
    /// Its artifact type.
    pub artifact_type: Option<String>,
    /// Its annotations as a JSON object, if it has some.
    pub annotations: Option<String>,
}

/// A membership that may have come to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewRow {
    /// Its row.
    pub id: i64,
    /// The repository.
    pub repository: RepositoryId,
    /// The blob.
    pub blob: BlobRow,
    /// The membership's epoch when the review was asked for.
    pub epoch: i64,
    /// When it is due, by the collector's time.
    pub due_at: Timestamp,
    /// Whether a manifest of the repository names the blob.
    pub needed: bool,
    /// Whether a deletion asked for it, and not an upload or a mount.
    pub after_deletion: bool,
}

/// Which reviews are wanted.
#[derive(Clone, Copy, Debug)]
pub struct ReviewsOf {
    /// Due by so many seconds from now on, by the collector's time.
    pub within: i64,
    /// After this one, by when it is due and its row.
    pub last: Option<(Timestamp, i64)>,
    /// How many at most.
    pub most: u32,
}

/// What the collector works with: its own time, reviews, and objects that no row leads to.
#[async_trait]
pub trait Collection {
    /// Moves the collector's time forward by so many microseconds, but by no more than what `now` says to have passed
    /// since the last time, on whichever node that was.
    async fn advance(&mut self, microseconds: i64, now: Timestamp) -> Result<()>;
    /// Asks for a review of a membership in so many seconds; one asked for before is put off. Nothing where there is no
    /// such membership.
    async fn ask_review(&mut self, repository: RepositoryId, digest: &Digest, delay: i64) -> Result<()>;
    /// The same for everything a manifest names.
    async fn ask_reviews_of(&mut self, repository: RepositoryId, manifest: &Digest, delay: i64)
    -> Result<()>;
    /// Reviews in the order in which they are due.
    async fn reviews(&mut self, wanted: ReviewsOf) -> Result<Vec<ReviewRow>>;
    /// Takes a review off the list; false if it was put off or taken since.
    async fn take_review(&mut self, review: &ReviewRow) -> Result<bool>;
    /// Whether a membership that nothing needs is due for its review within so many seconds.
    async fn is_leaving(&mut self, repository: RepositoryId, digest: &Digest, within: i64) -> Result<bool>;
    /// How many memberships there are, counted no further than `most`.
    async fn count_memberships(&mut self, most: u64) -> Result<u64>;
    /// Notes an object that no row leads to, to be removed in so many seconds.
    async fn condemn(&mut self, key: ObjectKey, delay: i64) -> Result<()>;
    /// The same for several, in one statement.
    async fn condemn_all(&mut self, keys: &[ObjectKey], delay: i64) -> Result<()>;
    /// Puts condemned objects off that could not be removed, by so many seconds; in one statement.
    async fn postpone_objects(&mut self, keys: &[ObjectKey], delay: i64) -> Result<()>;
    /// Condemned objects that are due and that no row leads to; at most `most`. None while a hold stands.
    async fn due_objects(&mut self, most: u32) -> Result<Vec<ObjectKey>>;
    /// Forgets condemned objects, which are gone; in one statement.
    async fn forget_objects(&mut self, keys: &[ObjectKey]) -> Result<()>;
}

/// Holds on condemned objects.
#[async_trait]
pub trait Holds {
    /// Lets no condemned object be due for so many seconds from now on, by the collector's time. A holder has one hold.
    async fn hold_objects(&mut self, holder: &str, seconds: i64) -> Result<()>;
    /// Ends a hold; false where there was none, or it had ended by itself.
    async fn release_objects(&mut self, holder: &str) -> Result<bool>;
}

/// A blob, looked at among all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InspectedBlob {
    /// Its row.
    pub blob: BlobRow,
    /// Whether it is a member of any repository.
    pub held: bool,
}

/// A manifest, looked at among all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InspectedManifest {
    /// Its row.
    pub id: i64,
    /// The canonical name of its repository.
    pub path: String,
    /// Whether its registry takes manifests that name what is not there.
    pub accepts_missing_content: bool,
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// The exact bytes.
    pub bytes: bytes::Bytes,
    /// How many edges it has.
    pub edges: u64,
    /// The edges that lead nowhere: role and digest.
    pub missing: Vec<(&'static str, Digest)>,
}

/// Looking at everything there is.
#[async_trait]
pub trait Inspection {
    /// Blobs after one, in the order of their digests; at most `most`.
    async fn blobs_after(&mut self, last: Option<&Digest>, most: u32) -> Result<Vec<InspectedBlob>>;
    /// How many bytes the blobs after one have together.
    async fn bytes_after(&mut self, last: Option<&Digest>) -> Result<u64>;
    /// The object that a blob's row leads to.
    async fn find_key(&mut self, digest: &Digest) -> Result<Option<ObjectKey>>;
    /// Whether a blob is a member of any repository, or not there at all.
    async fn is_held(&mut self, digest: &Digest) -> Result<bool>;
    /// Manifests after one, in the order of their rows; at most `most`.
    async fn manifests_after(&mut self, last: i64, most: u32) -> Result<Vec<InspectedManifest>>;
    /// Those objects to which no row leads, neither a blob's nor an upload's nor one that condemns them, in the order of
    /// their keys; in one statement.
    async fn unknown_objects(&mut self, keys: &[ObjectKey]) -> Result<Vec<ObjectKey>>;
    /// The tags that need a blob, be it through an index, as `repository:tag` in byte order; at most `most`.
    async fn tags_that_need(&mut self, digest: &Digest, most: u32) -> Result<Vec<String>>;
}

/// Manifests and the edges to what they name.
#[async_trait]
pub trait Manifests {
    /// A page of the manifests that are about another one, in the order of their digests.
    async fn referrers(&mut self, wanted: &ReferrersOf) -> Result<Page<ReferrerRow>>;
    /// The manifest of this digest.
    async fn find_manifest(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Option<ManifestRow>>;
    /// Whether the repository has the manifest.
    async fn has_manifest(&mut self, repository: RepositoryId, digest: &Digest) -> Result<bool>;
    /// Which of these manifests the repository has.
    async fn known_manifests(&mut self, repository: RepositoryId, digests: &[Digest]) -> Result<Vec<Digest>>;
    /// Stores the manifest with its edges; false if it is there already.
    async fn insert_manifest(
        &mut self,
        repository: RepositoryId,
        manifest: &NewManifest,
        now: Timestamp,
    ) -> Result<bool>;
    /// Removes the manifest with its edges; its tags must be gone. False if it was not there.
    async fn remove_manifest(&mut self, repository: RepositoryId, digest: &Digest) -> Result<bool>;
}

/// Which facts are wanted.
#[derive(Clone, Debug)]
pub struct FactsOf {
    /// In which registry.
    pub registry: RegistryId,
    /// Of which format.
    pub format: String,
    /// Pairs the facts are found by, all of them.
    pub pairs: Vec<(String, String)>,
    /// After which fact.
    pub last: Option<FactCursor>,
    /// How many at most.
    pub most: u32,
}

/// Which values of an attribute are wanted.
#[derive(Clone, Debug)]
pub struct ValuesOf {
    /// In which registry.
    pub registry: RegistryId,
    /// Of which format.
    pub format: String,
    /// Which attribute's.
    pub attribute: String,
    /// After which value.
    pub last: Option<String>,
    /// How many at most.
    pub most: u32,
    /// The list ends with the fact by which those in it have more bytes of attributes than this.
    pub most_bytes: u64,
}

/// How many of a manifest's tags a fact shows: a manifest may have any number of them, and each of its facts repeats
/// them.
pub const MOST_SHOWN_TAGS: usize = 100;

/// A fact as its rows tell it, without its documents' bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct FactRow {
    /// Where it stands in a list.
    pub cursor: FactCursor,
    /// The format that read it.
    pub format: String,
    /// The repository of its manifest.
    pub place: Place,
    /// The digest of its manifest.
    pub digest: Digest,
    /// When the manifest was first pushed.
    pub created_at: Timestamp,
    /// The first [`MOST_SHOWN_TAGS`] of the manifest's tags, in byte order.
    pub tags: Vec<String>,
    /// What was read.
    pub attributes: serde_json::Map<String, serde_json::Value>,
    /// How long the attributes and all names are as text, in bytes.
    pub size: usize,
    /// The names of its documents, in byte order.
    pub documents: Vec<String>,
}

/// A document as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRow {
    /// Its media type.
    pub media_type: String,
    /// The exact bytes.
    pub bytes: bytes::Bytes,
}

/// The index of what formats read.
#[async_trait]
pub trait Facts {
    /// Stores the facts that a format read of a manifest. The manifest must be there.
    async fn insert_facts(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
        read: (&str, &[Fact]),
    ) -> Result<()>;
    /// The facts of one manifest.
    async fn facts_of(&mut self, repository: RepositoryId, digest: &Digest) -> Result<Vec<FactRow>>;
    /// Facts of tagged manifests, by subject, within it by sort key; at most `most`.
    async fn facts(&mut self, wanted: &FactsOf) -> Result<Vec<FactRow>>;
    /// The values that an attribute has among the facts of tagged manifests, in byte order: of each its first fact by
    /// subject and sort key. However many facts a value has, it costs one look into an index.
    async fn values(&mut self, wanted: &ValuesOf) -> Result<Vec<FactRow>>;
    /// A document of a manifest's first fact that has one of this name.
    async fn document(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
        name: &str,
    ) -> Result<Option<DocumentRow>>;
}

/// Lists across tenants.
#[async_trait]
pub trait Catalog {
    /// Canonical names after `last`, in byte order, of shown repositories. At most `most`.
    async fn catalog(&mut self, of: CatalogOf, last: Option<&str>, most: u32) -> Result<Vec<String>>;
}

/// Which repositories a catalog lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatalogOf {
    /// All: for a job.
    Everything,
    /// Those that an account may read; of nobody, those that are public.
    ReadableBy(Option<AccountId>),
}

/// Records.
#[async_trait]
pub trait Journal {
    /// Adds a line to the audit log.
    async fn audit(&mut self, record: &AuditRecord) -> Result<()>;
    /// Adds an event to the outbox under the repository's next sequence number.
    async fn publish(&mut self, repository: RepositoryId, event: &Event) -> Result<()>;
    /// The number of the repository's latest event; 0 where it is gone.
    async fn latest_event(&mut self, repository: RepositoryId) -> Result<i64>;
    /// Whether anything but removals ([`Event::is_removal`]) happened in a repository since an event, however soon events are
    /// forgotten.
    async fn has_grown_since(&mut self, repository: RepositoryId, event: i64) -> Result<bool>;
    /// Forgets up to `most` events that are older and wait for no webhook; says how many.
    async fn forget_events(&mut self, before: Timestamp, most: u32) -> Result<u64>;
}

/// A wish to be the one node that does something.
#[derive(Clone, Debug)]
pub struct LeaseClaim {
    /// What is done.
    pub name: Cow<'static, str>,
    /// Who wishes it.
    pub holder: String,
    /// Until when; whoever has it may take it again before.
    pub until: Timestamp,
}

/// What only one node does at a time.
#[async_trait]
pub trait Leases {
    /// Takes a lease, or prolongs it; false while another holder has it. A holder that is gone loses it by time, so
    /// what is done under a lease must bear to be done twice. One that ends further ahead than twice the claim's length is
    /// of a node whose clock was wrong, and over.
    async fn take_lease(&mut self, claim: &LeaseClaim, now: Timestamp) -> Result<bool>;
    /// Gives a lease back before its time, if its holder still has it.
    async fn end_lease(&mut self, claim: &LeaseClaim) -> Result<()>;
    /// Forgets leases that ended before; says how many.
    async fn forget_leases(&mut self, before: Timestamp) -> Result<u64>;
}
