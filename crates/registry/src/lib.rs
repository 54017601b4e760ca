//! The registry's use cases: push, pull, mount, tag, delete, list, and the housekeeping between them.
//!
//! A face parses a request and asks [`Registry::grant`] for the right; every other call takes that grant. An
//! engine call that changes something is one [`Transaction`](port::Transaction), a named struct that a store can
//! queue, batch with others and run again. Bytes go to a [`BlobStore`] before the row that names
//! them, and leave it only after the row is gone. Nothing here knows HTTP, SQL or where files lie.

mod affected;
pub mod audit;
mod blob;
mod cache;
mod catalog;
mod collection;
#[cfg(feature = "contract")]
pub mod contract;
mod deed;
pub mod format;
mod history;
mod hold;
mod housekeeping;
mod lease;
mod manifest;
mod meters;
mod notes;
pub mod policy;
pub mod port;
mod quota;
mod referrers;
mod repository;
mod room;
mod scrub;
mod strays;
mod tag;
mod tap;
mod turns;
mod upload;
pub mod upstream;
mod verify;
pub mod webhooks;

use std::sync::Arc;

use wharf_core::{
    Action, Actor, Clock, Entropy, Error, Grant, Kind, Network, Place, ReachGrant, ReadGrant, RegistryGrant,
    RegistryPlace, Result, Scope, Verb, action,
    audit::Notebook,
    gate::{self, CreateOnPush},
};

pub use crate::{
    blob::{Blob, Mounted},
    cache::{Cache, Weigh},
    collection::{Collected, CollectionWatch, Horizon, Share, Stage, Unwatched},
    history::Forgotten,
    housekeeping::Swept,
    manifest::{MOST_TAGS, ManifestPush, PushedManifest, ReleaseTag, StoredManifest},
    meters::{ForgottenMeters, Meters, ScrubMeters, UploadMeters},
    quota::{QuotaUsage, Usage},
    referrers::Referrer,
    repository::Removal,
    scrub::{Scrub, ScrubTurn},
    tap::{Taps, UploadEnd, UploadObserver},
    turns::{Turn, Turns},
    upload::{Closing, Finished, HashedBytes, Hashing, Offset, Upload},
    verify::{Finding, Inspector, Repair, Verification, Verified},
};
use crate::{
    format::{Format, Listings, NAMES_BYTES, Names, Shelf},
    port::{BlobStore, PageOf, RightsSource, Store},
    upload::{Doubts, Locks},
};

/// A page also ends where what its entries say of themselves – attributes, annotations, names – would pass this, in bytes.
const PAGE_BYTES: usize = 4 << 20;
/// How many manifests are inspected at once: it is work for the processor, of bounded but real size.
const INSPECTIONS: usize = 4;
/// How many of them for one organisation.
const INSPECTIONS_PER_ORGANISATION: usize = 2;

/// What an operator may set about the registry's work. Times are in seconds.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether the operator's push creates what it names.
    pub create_on_push: CreateOnPush,
    /// An upload nobody touched for so long is given up.
    pub upload_expiry: i64,
    /// What nothing needs is looked at by the collector no sooner than this.
    pub collection_delay: i64,
    /// So many memberships may be ended in one run, even if they are more than a tenth of all.
    pub collection_unguarded: u64,
    /// An object no row leads to any more is kept for so long, for readers that still have it open.
    pub object_grace: i64,
    /// A repository that stays empty for so long is removed.
    pub empty_repository_expiry: i64,
    /// The moves of tags are remembered for so long.
    pub tag_history: i64,
    /// The events are.
    pub event_history: i64,
    /// Whether tags, manifests and blobs can be deleted at all.
    pub deletion: Deletion,
    /// Who this process is among those that share the store; a process that has it for itself needs no name.
    pub node: String,
    /// A node keeps the housekeeping to itself for so long after it last began a round. Rounds must come more often;
    /// a node that dies is followed by another within this time.
    pub lease: i64,
    /// A client that sends nothing of a body for so long is taken for gone.
    pub stall_timeout: u64,
    /// How many bodies are taken in at once.
    pub uploads: usize,
    /// How many of them for one organisation, so that no tenant takes all.
    pub uploads_per_organisation: usize,
    /// Only clients in one of these networks are sent to where the bytes lie; none named: all.
    pub redirect_networks: Vec<Network>,
    /// Whether pulls are recorded.
    pub audit_pulls: AuditPulls,
    /// How many uploads of one organisation may be unfinished, whether their bodies are coming or not.
    pub open_uploads_per_organisation: u32,
}

/// Whether content can be deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deletion {
    /// By whoever may.
    #[default]
    On,
    /// By nobody: tags, manifests and blobs alike (CVE-2026-41888 was a switch one verb forgot).
    Off,
}

/// Whether pulls are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditPulls {
    /// They are.
    #[default]
    On,
    /// They are not.
    Off,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            create_on_push: CreateOnPush::Operator,
            upload_expiry: 24 * 3600,
            collection_delay: 24 * 3600,
            collection_unguarded: 1000,
            object_grace: 3600,
            empty_repository_expiry: 24 * 3600,
            tag_history: 30 * 24 * 3600,
            event_history: 30 * 24 * 3600,
            deletion: Deletion::On,
            node: String::new(),
            lease: 180,
            stall_timeout: 60,
            uploads: 256,
            uploads_per_organisation: 64,
            redirect_networks: Vec::new(),
            audit_pulls: AuditPulls::On,
            open_uploads_per_organisation: 10_000,
        }
    }
}

/// What the registry works with.
pub struct Parts {
    /// Where truth lives.
    pub store: Arc<dyn Store>,
    /// Where bytes live.
    pub blobs: Arc<dyn BlobStore>,
    /// Who says what an actor may.
    pub rights: Arc<dyn RightsSource>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// The kinds of content it understands.
    pub formats: Vec<Arc<dyn Format>>,
    /// What is to be recorded beside transactions.
    pub notebook: Arc<Notebook>,
    /// The settings.
    pub settings: Settings,
}

/// The registry. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    parts: Parts,
    locks: Locks,
    doubts: Doubts,
    turns: Turns,
    inspections: Turns,
    shelf: Shelf,
    names: Cache<PageOf, Names>,
    meters: Meters,
}

impl Registry {
    /// Puts a registry together.
    pub fn new(parts: Parts) -> Self {
        let Settings { uploads, uploads_per_organisation, .. } = parts.settings;
        let turns = Turns::new(uploads, uploads_per_organisation);
        let inspections = Turns::new(INSPECTIONS, INSPECTIONS_PER_ORGANISATION);
        let (locks, doubts, shelf, meters) = Default::default();
        let names = Cache::new(NAMES_BYTES);
        Self(Arc::new(Inner { parts, locks, doubts, turns, inspections, shelf, names, meters }))
    }

    /// Asks the gate for the right to do `A` at a place.
    ///
    /// # Errors
    /// Those of [`gate::decide`]; `Unavailable` when the rights cannot be read.
    #[expect(clippy::disallowed_methods, reason = "the engine is where the gate is asked")]
    pub async fn grant<A: Action>(&self, actor: &Actor, place: &Place) -> Result<Grant<A>> {
        let rights = self.0.parts.rights.rights(actor, place).await?;
        let decided = gate::decide(actor, place, &rights, self.0.parts.settings.create_on_push);
        decided.inspect_err(|error| self.note_refusal(actor, (place, A::VERB), error))
    }

    /// Asks the gate once more, after a body that may have taken long: who was sent away meanwhile finishes nothing.
    ///
    /// # Errors
    /// As [`Registry::grant`].
    pub async fn regrant<A: Action>(&self, grant: &Grant<A>) -> Result<Grant<A>> {
        self.grant(grant.actor(), grant.place()).await
    }

    /// Refuses who may push to no repository below a folder of a registry, or to none in it, before a body is read that
    /// names one. Whether he may push to that one is asked for it by name.
    ///
    /// # Errors
    /// As [`Registry::grant`].
    pub async fn expect_pusher_below(
        &self,
        actor: &Actor,
        registry: &RegistryPlace,
        folder: Option<&str>,
    ) -> Result<()> {
        let place = actor.access().likely_below(registry, folder, Verb::Push)?;
        self.grant::<action::Push>(actor, &place).await.map(drop)
    }

    /// Asks the gate for the right to list what the actor may read.
    ///
    /// # Errors
    /// `Unauthenticated` where the actor's token does not reach the catalog.
    #[expect(clippy::disallowed_methods, reason = "the engine is where the gate is asked")]
    pub fn grant_catalog(&self, actor: &Actor) -> Result<ReadGrant> {
        gate::decide_catalog(actor)
    }

    /// Asks the gate for the right to list what a registry holds.
    ///
    /// # Errors
    /// Those of [`gate::decide_registry`]; `Unavailable` when the rights cannot be read.
    #[expect(clippy::disallowed_methods, reason = "the engine is where the gate is asked")]
    pub async fn grant_registry(&self, actor: &Actor, place: &RegistryPlace) -> Result<RegistryGrant> {
        let rights = self.0.parts.rights.registry_rights(actor, place).await?;
        gate::decide_registry(actor, place, &rights)
    }

    /// Asks the gate for the right to list what of a registry the actor reaches.
    ///
    /// # Errors
    /// Those of [`gate::decide_reach`]; `Unavailable` when the rights cannot be read.
    #[expect(clippy::disallowed_methods, reason = "the engine is where the gate is asked")]
    pub async fn grant_reach(&self, actor: &Actor, place: &RegistryPlace) -> Result<ReachGrant> {
        let rights = self.0.parts.rights.registry_rights(actor, place).await?;
        gate::decide_reach(actor, place, &rights)
    }

    /// What of the asked scopes an actor may have, for a token that is to hold no more than that.
    ///
    /// # Errors
    /// `Unavailable` when the rights cannot be read.
    pub async fn narrow(&self, actor: &Actor, asked: Vec<Scope>) -> Result<Vec<Scope>> {
        let mut granted = Vec::new();
        for scope in asked {
            if scope == Scope::catalog() {
                granted.extend(self.grant_catalog(actor).is_ok().then_some(scope));
            } else if let Some(place) = scope.place() {
                let rights = self.0.parts.rights.rights(actor, &place).await?;
                let create = self.0.parts.settings.create_on_push;
                granted.extend(scope.narrowed(&gate::reachable(actor, &place, &rights, create)));
            }
        }
        Ok(granted)
    }

    /// Waits for the turn to take a body into memory: a face does before it collects a manifest.
    ///
    /// # Errors
    /// `RateLimited` when too many wait.
    pub async fn turn(&self, grant: &Grant<action::Push>) -> Result<Turn> {
        let meters = self.meters();
        let turn = meters.turn_waits.time(self.0.turns.next(&grant.place().organisation)).await;
        turn.inspect_err(|_| meters.turns_refused.increment())
    }

    /// Turns for what a door gathers by itself before the engine gets it: as many as the operator lets come in at once.
    pub fn turns(&self) -> Turns {
        let Settings { uploads, uploads_per_organisation, .. } = *self.settings();
        Turns::new(uploads, uploads_per_organisation)
    }

    /// How many bodies have their turn now.
    pub fn turns_held(&self) -> usize {
        self.0.turns.held()
    }

    /// What the registry counts of its work.
    pub fn meters(&self) -> &Meters {
        &self.0.meters
    }

    /// Whether both stores answer.
    ///
    /// # Errors
    /// `Unavailable` with the cause of the one that does not.
    pub async fn check(&self) -> Result<()> {
        self.0.parts.store.check().await?;
        self.0.parts.blobs.check().await
    }

    fn store(&self) -> &dyn Store {
        self.0.parts.store.as_ref()
    }

    fn formats(&self) -> &[Arc<dyn Format>] {
        &self.0.parts.formats
    }

    fn listings(&self) -> Listings {
        Listings(self.formats().to_vec())
    }

    fn inspections(&self) -> &Turns {
        &self.0.inspections
    }

    fn blob_store(&self) -> Arc<dyn BlobStore> {
        self.0.parts.blobs.clone()
    }

    fn blobs(&self) -> &dyn BlobStore {
        self.0.parts.blobs.as_ref()
    }

    fn settings(&self) -> &Settings {
        &self.0.parts.settings
    }

    /// The one place that knows the deletion switch: every deletion begins here.
    fn expect_deletion(&self) -> Result<()> {
        match self.settings().deletion {
            Deletion::On => Ok(()),
            Deletion::Off => Err(Error::new(Kind::Unsupported, "deletion is switched off on this server")),
        }
    }

    fn now(&self) -> wharf_core::Timestamp {
        self.0.parts.clock.now()
    }
}
