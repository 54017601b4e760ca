//! The database, whichever it is, and the engines' ports on it.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use tracing::{Instrument as _, info_span};
use wharf_core::{
    Actor, Digest, Error, Place, Reference, RegistryPlace, Result,
    gate::{RepositoryId, Rights, Warrant},
};
use wharf_registry::port::{BlobRow, Extent, Lookups, ManifestRow, Operation, RightsSource, Store};

use crate::{
    memory::{Memory, Recall, Seen},
    meters::{Meters, State},
    one_read,
    postgres::{Postgres, PostgresSettings},
    rows::{ByRight, FindManifest, FindMember, FindRights, FindRightsAt, SqlWork},
    session::{Session, Unit},
    sqlite::Sqlite,
};

/// The database. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    backend: Backend,
    meters: Arc<Meters>,
    /// How much an organisation may store that is made, in bytes.
    organisation_quota: Option<u64>,
}

enum Backend {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Database {
    /// Opens a SQLite file, made if it is not there, and brings its schema up to date. `ballast` is a file that is
    /// given up when the disk is full, so that deletions, which write too, still find room.
    ///
    /// # Errors
    /// `Unsupported` for a newer schema; `Unavailable` for a file that cannot be opened.
    pub fn sqlite(path: &Path, ballast: &Path) -> Result<Self> {
        let meters = Arc::new(Meters::default());
        let backend = Backend::Sqlite(Sqlite::open(path, ballast, meters.clone())?);
        Ok(Self(Arc::new(Inner { backend, meters, organisation_quota: None })))
    }

    /// Connects to PostgreSQL and brings its schema up to date.
    ///
    /// # Errors
    /// `Invalid` for settings that make no sense; `Unsupported` for a newer schema; `Unavailable` for a server that
    /// cannot be reached, is older than 14 or does not flush, with the host and what to do as its cause.
    pub async fn postgres(settings: PostgresSettings) -> Result<Self> {
        let meters = Arc::new(Meters::default());
        let backend = Backend::Postgres(Postgres::open(settings, meters.clone()).await?);
        Ok(Self(Arc::new(Inner { backend, meters, organisation_quota: None })))
    }

    /// The same, in which an organisation that is made from now on may store so many bytes; as many as it likes, where
    /// that was never said.
    ///
    /// # Errors
    /// `Internal` where it was cloned already.
    pub fn with_organisation_quota(mut self, bytes: Option<u64>) -> Result<Self> {
        let shared = || Error::internal("the database is in use already");
        Arc::get_mut(&mut self.0).ok_or_else(shared)?.organisation_quota = bytes;
        Ok(self)
    }

    /// How much an organisation may store that is made, in bytes.
    pub(crate) fn organisation_quota(&self) -> Option<u64> {
        self.0.organisation_quota
    }

    /// What the database does before it acknowledges a write, for the log and for `/readyz`.
    pub fn durability(&self) -> String {
        match &self.0.backend {
            Backend::Sqlite(sqlite) => sqlite.durability().to_owned(),
            Backend::Postgres(postgres) => postgres.durability().to_owned(),
        }
    }

    /// What is counted of the work.
    pub fn meters(&self) -> &Meters {
        &self.0.meters
    }

    /// How it stands. It may block for a moment.
    pub fn state(&self) -> State {
        match &self.0.backend {
            Backend::Sqlite(sqlite) => sqlite.state(),
            Backend::Postgres(postgres) => postgres.state(),
        }
    }

    /// Clears away what it keeps for itself and nobody needs any more.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn tend(&self) -> Result<()> {
        match &self.0.backend {
            Backend::Sqlite(_) => Ok(()),
            Backend::Postgres(postgres) => postgres.prune().await,
        }
    }

    /// Whether new ids come from sequences, which do not see ids that rows brought with them.
    pub(crate) fn has_sequences(&self) -> bool {
        matches!(self.0.backend, Backend::Postgres(_))
    }

    /// Runs a step durably.
    pub(crate) async fn write<S: Step>(&self, step: S) -> Result<S::Output> {
        let slot = Arc::new(Slot { step, output: Mutex::new(None) });
        self.write_unit(slot.clone()).await?;
        slot.take()
    }

    /// Runs a step durably, if the right to it still stands.
    pub(crate) async fn write_by<S: Step>(&self, warrant: Warrant, step: S) -> Result<S::Output> {
        self.write(ByRight { warrant, step }).await
    }

    /// Runs a step that only reads.
    pub(crate) async fn read<S: Step>(&self, step: S) -> Result<S::Output> {
        let slot = Arc::new(Slot { step, output: Mutex::new(None) });
        self.read_unit(slot.clone()).await?;
        slot.take()
    }

    /// What a step yields that only reads: from memory where that is sure to still stand.
    pub(crate) async fn recall<S: Recall>(&self, step: S) -> Result<S::Output> {
        let seen = match self.recalled(&step).await? {
            Ok(output) => {
                self.0.meters.recalls.increment();
                return Ok(output);
            }
            Err(seen) => seen,
        };
        let slot = Arc::new(Slot { step, output: Mutex::new(None) });
        self.read_unit(slot.clone()).await?;
        let output = slot.take()?;
        self.memory().keep(&slot.step, &output, seen);
        Ok(output)
    }

    /// What is remembered of a step and still stands, or the moment to keep it by.
    async fn recalled<S: Recall>(&self, step: &S) -> Result<Result<S::Output, Seen>> {
        let remembered = self.memory().recall(step);
        match &self.0.backend {
            // Where others write too, it stands only if they are known not to have changed it.
            Backend::Postgres(postgres) if remembered.is_ok() => {
                one_read::once(postgres.catch_up()).await?;
                Ok(self.memory().recall(step))
            }
            Backend::Sqlite(_) | Backend::Postgres(_) => Ok(remembered),
        }
    }

    fn memory(&self) -> &Memory {
        match &self.0.backend {
            Backend::Sqlite(sqlite) => sqlite.memory(),
            Backend::Postgres(postgres) => postgres.memory(),
        }
    }

    async fn write_unit(&self, unit: Arc<dyn Unit>) -> Result<()> {
        let meters = &self.0.meters;
        let write = async {
            match &self.0.backend {
                Backend::Sqlite(sqlite) => sqlite.write(unit).await,
                Backend::Postgres(postgres) => postgres.write(unit).await,
            }
        };
        let written = meters.writes.time(write.instrument(info_span!("database write"))).await;
        written.inspect_err(|error| meters.writes_failed.add(error.is_fault().into()))
    }

    async fn read_unit(&self, unit: Arc<dyn Unit>) -> Result<()> {
        let meters = &self.0.meters;
        let read = async {
            match &self.0.backend {
                Backend::Sqlite(sqlite) => sqlite.read(unit).await,
                Backend::Postgres(postgres) => postgres.read(unit).await,
            }
        };
        let done = meters.reads.time(read.instrument(info_span!("database read"))).await;
        done.inspect_err(|error| meters.reads_failed.add(error.is_fault().into()))
    }
}

/// Something done in one transaction.
#[async_trait]
pub(crate) trait Step: Send + Sync + 'static {
    /// What it yields.
    type Output: Send + 'static;
    async fn run(&self, session: &mut dyn Session) -> Result<Self::Output>;
}

/// A step and the output of its latest run.
struct Slot<S: Step> {
    step: S,
    output: Mutex<Option<S::Output>>,
}

impl<S: Step> Slot<S> {
    fn take(&self) -> Result<S::Output> {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        output.take().ok_or_else(|| Error::internal("a step was reported done that never ran"))
    }
}

#[async_trait]
impl<S: Step> Unit for Slot<S> {
    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        let output = self.step.run(session).await?;
        *self.output.lock().unwrap_or_else(PoisonError::into_inner) = Some(output);
        Ok(())
    }
}

/// An engine's operation, over the rows of a session, with the quota of an organisation that it makes.
struct OverRows {
    operation: Arc<dyn Operation>,
    organisation_quota: Option<u64>,
}

#[async_trait]
impl Unit for OverRows {
    fn extent(&self) -> Extent {
        self.operation.extent()
    }

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        let mut work = SqlWork { session, organisation_quota: self.organisation_quota };
        self.operation.perform(&mut work).await
    }
}

#[async_trait]
impl Store for Database {
    async fn write(&self, operation: Arc<dyn Operation>) -> Result<()> {
        let organisation_quota = self.organisation_quota();
        self.write_unit(Arc::new(OverRows { operation, organisation_quota })).await
    }

    async fn read(&self, operation: Arc<dyn Operation>) -> Result<()> {
        self.read_unit(Arc::new(OverRows { operation, organisation_quota: None })).await
    }

    async fn check(&self) -> Result<()> {
        self.read(Ping).await
    }

    fn is_shared(&self) -> bool {
        match &self.0.backend {
            Backend::Sqlite(_) => false,
            Backend::Postgres(_) => true,
        }
    }
}

#[async_trait]
impl Lookups for Database {
    async fn manifest(&self, repository: RepositoryId, reference: &Reference) -> Result<Option<ManifestRow>> {
        self.recall(FindManifest { repository, reference: reference.clone() }).await
    }

    async fn member(&self, repository: RepositoryId, digest: &Digest) -> Result<Option<BlobRow>> {
        self.recall(FindMember { repository, digest: *digest }).await
    }
}

#[async_trait]
impl RightsSource for Database {
    async fn rights(&self, actor: &Actor, place: &Place) -> Result<Rights> {
        let account = actor.principal().account().zip(actor.principal().version());
        self.recall(FindRightsAt { key: (account, place.clone()) }).await
    }

    async fn registry_rights(&self, actor: &Actor, place: &RegistryPlace) -> Result<Rights> {
        self.read(FindRights {
            account: actor.principal().account().zip(actor.principal().version()),
            organisation: place.organisation.clone(),
            registry: place.registry.clone(),
            repository: None,
        })
        .await
    }
}

struct Ping;

#[async_trait]
impl Step for Ping {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        session.query_first("SELECT version FROM migration LIMIT 1", &[]).await.map(drop)
    }
}
