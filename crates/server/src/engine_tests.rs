//! The registry on real stores: what no request can show, or only a crash could.

#![expect(clippy::disallowed_methods, reason = "tests act as jobs and damage files")]

mod collection;
mod deletion;
mod doubt;
mod fetching;
mod governing;
mod inspecting;
mod listing;
mod nodes;
mod scrub;
mod strays;
mod verify;

use std::{
    fs,
    io::{self, ErrorKind},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, future::join, stream};
use tempfile::TempDir;
use wharf_auth::port::{Accounts, RegistryChange};
use wharf_blobs::FileStore;
use wharf_core::{
    Actor, Algorithm, ByteStream, Clock, Detail, Grant, Kind, Result, Timestamp,
    action::{Pull, Push},
    audit::AuditRecord,
};
use wharf_hash::{Extra, digest};
use wharf_meta::Database;
use wharf_registry::{
    Closing, Offset, Parts, Registry, Settings, Swept, Taps, UploadEnd, UploadObserver,
    port::{BlobStore, Store},
};

use crate::world::SystemEntropy;

/// A clock that stands until it is moved.
#[derive(Default)]
struct StillClock(AtomicI64);

impl StillClock {
    fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microseconds(1_700_000_000_000_000 + self.0.load(Ordering::SeqCst))
    }
}

struct House {
    folder: TempDir,
    clock: Arc<StillClock>,
}

impl House {
    async fn new() -> Self {
        let house = Self { folder: tempfile::tempdir().unwrap(), clock: Arc::default() };
        let record = AuditRecord::new(house.clock.now(), &Actor::job("test"), "test");
        let (library, main) = ("library".parse().unwrap(), "main".parse().unwrap());
        house.database().set_registry(library, main, RegistryChange::default(), record).await.unwrap();
        house
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn database(&self) -> Database {
        Database::sqlite(&self.path().join("wharf.sqlite"), &self.path().join("ballast")).unwrap()
    }

    /// The registry as a process of this boot would have it.
    fn boot(&self, boot: &str) -> Registry {
        self.node(self.database(), Arc::new(FileStore::open(self.path(), boot).unwrap()))
    }

    /// A registry on these stores.
    fn node(&self, database: Database, blobs: Arc<dyn BlobStore>) -> Registry {
        self.registry(database, blobs, Settings::default())
    }

    fn registry(&self, database: Database, blobs: Arc<dyn BlobStore>, settings: Settings) -> Registry {
        self.beside(Arc::new(database.clone()), database, blobs, settings)
    }

    /// The same where its rows go through a store in front of the database.
    fn beside(
        &self,
        store: Arc<dyn Store>,
        database: Database,
        blobs: Arc<dyn BlobStore>,
        settings: Settings,
    ) -> Registry {
        Registry::new(Parts {
            store,
            blobs,
            rights: Arc::new(database),
            clock: self.clock.clone(),
            entropy: Arc::new(SystemEntropy::new()),
            formats: Vec::new(),
            notebook: Arc::default(),
            settings,
        })
    }

    /// Every object on the disk.
    fn objects(&self) -> Vec<std::path::PathBuf> {
        let folders = fs::read_dir(self.path().join("objects")).unwrap();
        let files = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
        files.map(|file| file.unwrap().path()).collect()
    }
}

async fn push(registry: &Registry) -> Grant<Push> {
    registry.grant(&Actor::job("test"), &"app".parse().unwrap()).await.unwrap()
}

async fn pull(registry: &Registry) -> Grant<Pull> {
    registry.grant(&Actor::job("test"), &"app".parse().unwrap()).await.unwrap()
}

fn body(pieces: &[&'static str]) -> ByteStream {
    let pieces: Vec<io::Result<Bytes>> =
        pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
    stream::iter(pieces).boxed()
}

/// A body whose client goes away after its pieces.
fn broken(pieces: &[&'static str]) -> ByteStream {
    body(pieces).chain(stream::once(async { Err(ErrorKind::ConnectionReset.into()) })).boxed()
}

fn closing(whole: &str, body: ByteStream) -> Closing {
    Closing { digest: digest(Algorithm::Sha256, whole.as_bytes()), start: Offset::Here, body }
}

/// Keeps what it saw, and how the upload ended.
#[derive(Clone, Default)]
struct Witness(Arc<Mutex<(Vec<u8>, Option<UploadEnd>)>>);

impl UploadObserver for Witness {
    fn observe(&mut self, bytes: &Bytes) {
        self.0.lock().unwrap().0.extend_from_slice(bytes);
    }

    fn end(self: Box<Self>, end: UploadEnd) {
        self.0.lock().unwrap().1 = Some(end);
    }
}

#[tokio::test]
async fn taps_see_every_byte_once_and_learn_how_it_ended() {
    let house = House::new().await;
    let registry = house.boot("one");
    let grant = push(&registry).await;
    let witness = Witness::default();
    let taps =
        || Taps::none().digest(Extra::Md5).digest(Extra::Blake2b256).observer(Box::new(witness.clone()));
    let right = digest(Algorithm::Sha256, b"abc");
    let finished = registry.push_blob(&grant, right, body(&["a", "", "bc"]), taps()).await.unwrap();
    assert_eq!((finished.digest, finished.size), (right, 3));
    let lengths: Vec<_> = finished.extra.iter().map(|(extra, value)| (*extra, value.len())).collect();
    assert_eq!(lengths, [(Extra::Md5, 16), (Extra::Blake2b256, 32)]);
    assert_eq!(*witness.0.lock().unwrap(), (b"abc".to_vec(), Some(UploadEnd::Stored)));
    let refused = registry.push_blob(&grant, right, body(&["abd"]), taps()).await.unwrap_err();
    assert_eq!(refused.detail(), Some(&Detail::Digest));
    assert_eq!(witness.0.lock().unwrap().1, Some(UploadEnd::Abandoned));
    assert_eq!(registry.sweep(Duration::ZERO).await.unwrap().objects, 1);
    assert_eq!(house.objects().len(), 1, "nothing is kept of a push that failed");
}

#[tokio::test]
async fn what_arrived_before_the_client_went_is_kept_and_said() {
    let house = House::new().await;
    let registry = house.boot("one");
    let grant = push(&registry).await;
    let id = registry.begin_upload(&grant, Algorithm::Sha256).await.unwrap().id;
    let grant = push(&registry).await;
    let gone = registry.append(&grant, id, Offset::At(0), broken(&["some ", "by"])).await;
    assert_eq!(gone.unwrap_err().kind(), Kind::Invalid);
    assert_eq!(registry.upload(&grant, id).await.unwrap().offset, 7);
    let again = registry.append(&grant, id, Offset::At(0), body(&["some bytes"])).await.unwrap_err();
    assert_eq!(again.detail(), Some(&Detail::Offset(7)));
    registry.append(&grant, id, Offset::At(7), body(&["tes"])).await.unwrap();
    let wrong = registry.finish_upload(&grant, id, closing("other bytes", body(&[]))).await.unwrap_err();
    assert_eq!(wrong.detail(), Some(&Detail::Digest));
    let finished = registry.finish_upload(&grant, id, closing("some bytes", body(&[]))).await.unwrap();
    assert_eq!(finished.size, 10);
}

#[tokio::test]
async fn an_upload_is_read_once_more_for_a_digest_nobody_announced_and_never_again() {
    let house = House::new().await;
    let registry = house.boot("one");
    let id = registry.begin_upload(&push(&registry).await, Algorithm::Sha256).await.unwrap().id;
    let grant = push(&registry).await;
    registry.append(&grant, id, Offset::At(0), body(&["some "])).await.unwrap();
    let close = async |whole: &str, last: &'static str| {
        let (digest, start) = (digest(Algorithm::Sha512, whole.as_bytes()), Offset::At(5));
        let closed = registry.finish_upload(&grant, id, Closing { digest, start, body: body(&[last]) }).await;
        (closed, registry.meters().uploads.reread.value())
    };
    for (whole, last) in [("wrong", "bytes"), ("wrong too", "bytes"), ("some other", "other")] {
        let (refused, reread) = close(whole, last).await;
        assert_eq!(refused.unwrap_err().detail(), Some(&Detail::Digest), "{whole}");
        assert_eq!(reread, 1, "{whole}");
        assert_eq!(registry.upload(&grant, id).await.unwrap().offset, 5, "{whole}");
    }
    let (closed, reread) = close("some bytes", "bytes").await;
    assert_eq!((closed.unwrap().size, reread), (10, 1), "a right one is known from what was found");
    assert_eq!(read(&registry, &digest(Algorithm::Sha512, b"some bytes")).await.unwrap(), b"some bytes");
    assert_eq!(registry.turns_held(), 0);
}

#[tokio::test]
async fn after_another_boot_an_upload_is_worth_no_more_than_its_bytes() {
    let house = House::new().await;
    let first = house.boot("one");
    let id = first.begin_upload(&push(&first).await, Algorithm::Sha256).await.unwrap().id;
    first.append(&push(&first).await, id, Offset::Here, body(&["written, ", "never flushed"])).await.unwrap();
    drop(first);
    let object = house.objects().pop().unwrap();
    fs::OpenOptions::new().write(true).open(object).unwrap().set_len(9).unwrap();

    let second = house.boot("two");
    let grant = push(&second).await;
    assert_eq!(second.upload(&grant, id).await.unwrap().offset, 9, "the offset moves back to the truth");
    let jump = second.append(&grant, id, Offset::At(22), body(&["!"])).await.unwrap_err();
    assert_eq!(jump.detail(), Some(&Detail::Offset(9)));
    let finished =
        second.finish_upload(&grant, id, closing("written, then resumed", body(&["then resumed"]))).await;
    assert_eq!(finished.unwrap().size, 21);
}

#[tokio::test]
async fn an_upload_whose_object_is_gone_begins_anew() {
    let house = House::new().await;
    let registry = house.boot("one");
    let id = registry.begin_upload(&push(&registry).await, Algorithm::Sha256).await.unwrap().id;
    let grant = push(&registry).await;
    registry.append(&grant, id, Offset::Here, body(&["lost"])).await.unwrap();
    fs::remove_file(house.objects().pop().unwrap()).unwrap();
    assert_eq!(registry.upload(&grant, id).await.unwrap().offset, 0);
    let finished = registry.finish_upload(&grant, id, closing("found", body(&["found"]))).await.unwrap();
    assert_eq!(finished.size, 5);
}

#[tokio::test]
async fn of_two_chunks_at_once_one_is_taken_and_the_other_told_the_offset() {
    let house = House::new().await;
    let registry = house.boot("one");
    let id = registry.begin_upload(&push(&registry).await, Algorithm::Sha256).await.unwrap().id;
    let grant = push(&registry).await;
    let (a, b) = join(
        registry.append(&grant, id, Offset::At(0), body(&["aaaa"])),
        registry.append(&grant, id, Offset::At(0), body(&["bbbb"])),
    )
    .await;
    let (won, lost) = if a.is_ok() { ("aaaa", b) } else { ("bbbb", a) };
    assert_eq!(lost.unwrap_err().detail(), Some(&Detail::Offset(4)));
    registry.finish_upload(&grant, id, closing(won, body(&[]))).await.unwrap();
}

#[tokio::test]
async fn equal_uploads_at_once_leave_one_object_after_the_grace() {
    let house = House::new().await;
    let registry = house.boot("one");
    let grant = push(&registry).await;
    let same = digest(Algorithm::Sha256, b"same");
    let both = join(
        registry.push_blob(&grant, same, body(&["same"]), Taps::none()),
        registry.push_blob(&grant, same, body(&["same"]), Taps::none()),
    );
    let (a, b) = both.await;
    assert!(a.is_ok() && b.is_ok());
    house.clock.advance(48 * 3600);
    let swept = registry.sweep(Duration::from_secs(3599)).await.unwrap();
    assert_eq!(swept, Swept::default(), "not before the grace, by a clock that does not jump");
    assert_eq!(house.objects().len(), 2);
    house.clock.advance(1);
    assert_eq!(registry.sweep(Duration::from_secs(1)).await.unwrap().objects, 1);
    assert_eq!(house.objects().len(), 1);
    assert_eq!(read(&registry, &same).await.unwrap(), b"same");
}

#[tokio::test]
async fn stale_uploads_and_empty_repositories_go_away() {
    let house = House::new().await;
    let registry = house.boot("one");
    let id = registry.begin_upload(&push(&registry).await, Algorithm::Sha256).await.unwrap().id;
    house.clock.advance(24 * 3600 + 1);
    let swept = registry.sweep(Duration::from_secs(24 * 3600 + 1)).await.unwrap();
    assert_eq!(swept, Swept { uploads: 1, objects: 1, repositories: 1, ..Swept::default() });
    assert!(registry.upload(&push(&registry).await, id).await.is_err());
    assert!(house.objects().is_empty());
}

#[tokio::test]
async fn a_jump_of_the_clock_gives_up_no_upload() {
    let house = House::new().await;
    let registry = house.boot("one");
    let id = registry.begin_upload(&push(&registry).await, Algorithm::Sha256).await.unwrap().id;
    for years in [30, -60, 30] {
        house.clock.advance(years * 365 * 24 * 3600);
        assert_eq!(registry.sweep(Duration::from_secs(60)).await.unwrap().uploads, 0);
        registry.upload(&push(&registry).await, id).await.unwrap();
    }
    house.clock.advance(24 * 3600 + 1);
    assert_eq!(registry.sweep(Duration::from_secs(24 * 3600)).await.unwrap().uploads, 1);
}

#[tokio::test]
async fn an_organisation_may_have_so_many_unfinished_uploads() {
    let house = House::new().await;
    let settings = Settings { open_uploads_per_organisation: 2, ..Settings::default() };
    let blobs = Arc::new(FileStore::open(house.path(), "one").unwrap());
    let registry = house.registry(house.database(), blobs, settings);
    let id = registry.begin_upload(&push(&registry).await, Algorithm::Sha256).await.unwrap().id;
    let grant = push(&registry).await;
    registry.begin_upload(&grant, Algorithm::Sha256).await.unwrap();
    let refused = registry.begin_upload(&grant, Algorithm::Sha256).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::RateLimited);
    assert!(refused.message().contains("2 unfinished uploads"), "{refused}");
    assert!(house.objects().is_empty(), "an upload without bytes takes no file");
    registry.cancel_upload(&grant, id).await.unwrap();
    registry.begin_upload(&grant, Algorithm::Sha256).await.unwrap();
}

#[tokio::test]
async fn a_damaged_blob_is_never_served_and_the_next_push_heals_it() {
    let house = House::new().await;
    let registry = house.boot("one");
    let grant = push(&registry).await;
    let whole = digest(Algorithm::Sha256, b"whole");
    registry.push_blob(&grant, whole, body(&["whole"]), Taps::none()).await.unwrap();
    fs::OpenOptions::new().write(true).open(house.objects().pop().unwrap()).unwrap().set_len(3).unwrap();
    assert_eq!(read(&registry, &whole).await.unwrap_err().kind(), Kind::NotFound(wharf_core::Subject::Blob));
    let mounted = registry.mount(&grant, &whole, Some(&pull(&registry).await)).await.unwrap();
    assert_eq!(mounted, wharf_registry::Mounted::No, "a damaged blob is no source of a mount");
    registry.push_blob(&grant, whole, body(&["whole"]), Taps::none()).await.unwrap();
    assert_eq!(read(&registry, &whole).await.unwrap(), b"whole");
}

async fn read(registry: &Registry, digest: &wharf_core::Digest) -> Result<Vec<u8>> {
    use std::io::Read as _;
    let blob = registry.open_blob(&pull(registry).await, digest).await?;
    let size = blob.size;
    match blob.body(0..size).await? {
        wharf_core::BlobBody::File { file, .. } => {
            let mut bytes = Vec::new();
            file.as_ref().read_to_end(&mut bytes).unwrap();
            Ok(bytes)
        }
        _ => panic!("a file store hands out files"),
    }
}
