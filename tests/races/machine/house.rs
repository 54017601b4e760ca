//! The registry that they race over: two nodes, one database, objects in memory, a clock that is moved by hand.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use tokio_postgres::NoTls;
use wharf_auth::port::{Accounts, RegistryChange};
use wharf_core::{
    Action, Actor, Algorithm, Clock, Digest, Entropy, Grant, Secret, Timestamp, audit::AuditRecord,
};
use wharf_meta::{Database, PostgresSettings};
use wharf_registry::{Parts, Registry, Settings, port::BlobStore};

use super::{
    model::Model,
    stores::{TurnedBlobs, TurnedStore},
    turnstile::Turnstile,
};
use crate::{components::component, random::Random};

pub(super) const HOUR: i64 = 3600;
/// What nothing needs is looked at after this.
pub(super) const DELAY: i64 = 24 * HOUR;
/// Who was told that a blob is there may name it for so long.
pub(super) const TOLD: i64 = DELAY / 12;
/// The bytes of what has gone stay for so long.
pub(super) const GRACE: i64 = HOUR;
/// Longer than any operation takes, and shorter than a rest.
const UPLOAD_EXPIRY: i64 = 60 * HOUR;

pub(super) const REPOSITORIES: usize = 3;
pub(super) const BLOBS: usize = 90;
pub(super) const TAGS: u64 = 4;

/// A clock that stands until it is moved.
#[derive(Default)]
pub(super) struct StillClock(AtomicI64);

impl StillClock {
    pub(super) fn read(&self) -> Timestamp {
        Timestamp::from_microseconds(1_700_000_000_000_000 + self.0.load(Ordering::SeqCst))
    }

    pub(super) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        self.read()
    }
}

/// Ids that are the same in every run.
#[derive(Default)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        let mut random = Random::new(self.0.fetch_add(1, Ordering::SeqCst) << 20);
        buffer.iter_mut().for_each(|byte| *byte = random.next().to_le_bytes()[0]);
    }
}

pub(super) struct House {
    pub(super) nodes: [Registry; 2],
    pub(super) blobs: TurnedBlobs,
    pub(super) clock: Arc<StillClock>,
    pub(super) turnstile: Arc<Turnstile>,
    pub(super) model: Model,
    _folder: Option<tempfile::TempDir>,
}

impl House {
    pub(super) async fn on_sqlite(turnstile: Arc<Turnstile>) -> Self {
        let folder = folder();
        let path = folder.path();
        let database = Database::sqlite(&path.join("wharf.sqlite"), &path.join("ballast")).unwrap();
        Self::on([database.clone(), database], turnstile, Some(folder)).await
    }

    pub(super) async fn on_postgres(turnstile: Arc<Turnstile>) -> Option<Self> {
        let url = fresh_database().await?;
        let settings =
            || PostgresSettings { url: Secret::new(url.clone()), password_file: None, connections: 6 };
        let nodes =
            [Database::postgres(settings()).await.unwrap(), Database::postgres(settings()).await.unwrap()];
        Some(Self::on(nodes, turnstile, None).await)
    }

    async fn on(
        databases: [Database; 2],
        turnstile: Arc<Turnstile>,
        folder: Option<tempfile::TempDir>,
    ) -> Self {
        let clock = Arc::<StillClock>::default();
        let record = AuditRecord::new(clock.read(), &Actor::job("race"), "race");
        let (library, main) = ("library".parse().unwrap(), "main".parse().unwrap());
        databases[0].set_registry(library, main, RegistryChange::default(), record).await.unwrap();
        let (blobs, entropy) = (TurnedBlobs::new(turnstile.clone()), Arc::<Counting>::default());
        let node = |name: &str, database: Database| {
            Registry::new(Parts {
                store: Arc::new(TurnedStore { database: database.clone(), turnstile: turnstile.clone() }),
                blobs: Arc::new(blobs.clone()) as Arc<dyn BlobStore>,
                rights: Arc::new(database),
                clock: clock.clone(),
                entropy: entropy.clone(),
                formats: Vec::new(),
                notebook: Arc::default(),
                settings: settings(name),
            })
        };
        let [one, two] = databases;
        let nodes = [node("one", one), node("two", two)];
        let model = Model::new(clock.clone(), turnstile.clone());
        Self { nodes, blobs: blobs.clone(), model, clock, turnstile, _folder: folder }
    }

    pub(super) async fn grant<A: Action>(&self, registry: &Registry, repository: usize) -> Grant<A> {
        let place = format!("race-{repository}").parse().unwrap();
        registry.grant(&Actor::job("race"), &place).await.unwrap()
    }
}

fn settings(node: &str) -> Settings {
    Settings {
        collection_delay: DELAY,
        collection_unguarded: u64::MAX,
        object_grace: GRACE,
        upload_expiry: UPLOAD_EXPIRY,
        node: node.to_owned(),
        ..Settings::default()
    }
}

/// In memory, where the machine has such a folder: nothing crashes here, so no flush needs to be waited for.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// An empty database on the server of `WHARF_TEST_POSTGRES`, unless there is none.
async fn fresh_database() -> Option<String> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    if !component("postgres") {
        return None;
    }
    let server = std::env::var("WHARF_TEST_POSTGRES").expect("the rig says where PostgreSQL is");
    let name = format!("race_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let (client, connection) = tokio_postgres::connect(&server, NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).await.unwrap();
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    let (server, _) = server.rsplit_once('/').unwrap();
    Some(format!("{server}/{name}?sslmode=disable"))
}

/// The bytes of a blob.
pub(super) fn content(blob: usize) -> Bytes {
    Bytes::from(format!("blob {blob}").repeat(blob + 1))
}

pub(super) fn digest_of(bytes: &[u8]) -> Digest {
    wharf_hash::digest(Algorithm::Sha256, bytes)
}

/// Only these are ever deleted by hand: of all others a manifest that names them is never without.
pub(super) fn is_loose(blob: usize) -> bool {
    blob.is_multiple_of(5)
}
