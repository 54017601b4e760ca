//! What the registry needs of the world: truth, bytes and rights. Adapters implement these; the contract suites
//! in `contract` (a feature of this crate) say what an implementation must keep.

mod blob_store;
mod courier;
mod hooks;
mod ledger;
mod listing;
mod notices;
mod pieces;
mod repositories;
mod retention;
mod rules;
mod scrubs;
mod sources;
mod store;
mod tags;
mod tenants;
mod upstream_door;
mod usages;
mod warrants;
mod work;

use async_trait::async_trait;
use wharf_core::{Actor, Place, RegistryPlace, Result, gate::Rights};

pub use crate::quota::Usage;
pub use blob_store::{BlobStore, BlobWriter, Ended, Leftovers, Room, Sink, StoreState, Unfinished};
pub use courier::{Courier, DELIVERY_TIMEOUT, Letter};
pub use hooks::{Deliveries, DeliveryRow, DeliveryState, DueWebhook, EventRow, Hooks, WebhookRow};
pub use ledger::{HeadRow, Ledger, RecordRow, RecordsOf, Seal, Tail};
pub use listing::{
    BesideRow, Held, ListedOf, ListedRow, PageBody, PageOf, PageState, Pages, Releases, ShownOf, ShownRow,
};
pub use notices::{About, NoticeRow, Notices, Says};
pub use pieces::Pieces;
pub use repositories::{ListedManifest, Repositories, RepositoryRow, TagRow, Which};
pub use retention::{AgedManifest, AgedTag, Retention, RuledRegistry};
pub use rules::{RuleKind, RuleRow, Rules};
pub use scrubs::{ScrubRow, Scrubs};
pub use sources::{Fetched, FetchedState, Member, SourceRow, Sources};
pub use store::{Extent, Lookups, Operation, Store, Transaction};
pub use tags::{Mark, Move, MoveRow, Tags};
pub use tenants::{EmptyRepositories, Home, Maker, Tenants};
pub use upstream_door::{UpstreamAnswer, UpstreamAsk, UpstreamBody, UpstreamDoor};
pub use usages::{Recount, Usages};
pub use warrants::Warrants;
pub use work::{
    BlobRow, Blobs, Catalog, CatalogOf, Collection, DocumentRow, FactRow, Facts, FactsOf, Holds,
    InspectedBlob, InspectedManifest, Inspection, Journal, LeaseClaim, Leases, MOST_SHOWN_TAGS, ManifestRow,
    Manifests, MountSource, NewManifest, Progress, ReferrerRow, ReferrersOf, Reread, ReviewRow, ReviewsOf,
    Stale, UploadRow, Uploads, ValuesOf, Work,
};

/// Says what an actor may at a place: from role rows, or from whoever embeds the registry.
#[async_trait]
pub trait RightsSource: Send + Sync {
    /// The actor's rights as of now; a place that does not exist has none of its rows.
    async fn rights(&self, actor: &Actor, place: &Place) -> Result<Rights>;
    /// The same for a whole registry, whatever its repositories.
    async fn registry_rights(&self, actor: &Actor, place: &RegistryPlace) -> Result<Rights>;
}
