//! What an organisation stores, and how much it may.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_core::{Error, Kind, Result, duty::Belong};
use wharf_registry::QuotaUsage;

use crate::{
    call::Call,
    input::Body,
    output::{Done, Shown},
    route::{Route, get, put},
};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/orgs/{org}/usage", "Show what an organisation stores, and how much it may", show),
        put("/orgs/{org}/quota", "Set how much an organisation may store: the operator's", set),
    ]
}

/// What an organisation stores, in bytes.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShownUsage {
    /// Its blobs, each once, however many of its repositories hold it.
    blob_bytes: i64,
    /// Its manifests, in each repository that holds one.
    manifest_bytes: i64,
    /// Both together: what the quota is about.
    used_bytes: u64,
    /// How much it may store; null: as much as it likes.
    quota_bytes: Option<u64>,
}

/// How much an organisation may store.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quota {
    /// In bytes; null: as much as it likes.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(minimum = 0)]
    quota_bytes: Option<i64>,
}

async fn show(call: Call, (): ()) -> Result<Shown<ShownUsage>> {
    let grant = call.face.auth.grant_organisation::<Belong>(&call.actor, &call.organisation()?).await?;
    let QuotaUsage { used, quota } = call.face.registry.usage(&grant).await?;
    Ok(Shown(ShownUsage {
        blob_bytes: used.blobs,
        manifest_bytes: used.manifests,
        used_bytes: used.bytes(),
        quota_bytes: quota,
    }))
}

async fn set(call: Call, Body(quota): Body<Quota>) -> Result<Done> {
    let grant = call.face.auth.grant_operator(&call.actor).await?;
    let negative = |_| Error::new(Kind::Invalid, "a quota is a number of bytes, and not below 0");
    let quota = quota.quota_bytes.map(u64::try_from).transpose().map_err(negative)?;
    call.face.registry.set_quota(&grant, &call.organisation()?, quota).await.map(|()| Done)
}
