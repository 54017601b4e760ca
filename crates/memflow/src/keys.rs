//! `GET /keys`: the keys a registry believes, so that users can fetch the one to configure.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::json;
use wharf_core::Result;

use crate::{Call, list::moment};

/// Every key, the one that clients are told of first before the others; revoked ones too, which say so.
pub(crate) async fn list(call: &Call<'_>) -> Result<Response> {
    call.registry.grant_registry(call.actor, &call.place).await?;
    let trust = call.signing.trust(&call.place).await?;
    let mut keys = Vec::new();
    for known in trust.keys() {
        keys.push(json!({
            "name": known.name.as_str(),
            "id": known.key.id(),
            "algorithm": known.key.algorithm().word(),
            "pem": known.key.pem(),
            "primary": known.is_primary,
            "created_at": moment(known.created_at)?,
            "expires_at": known.expires_at.map(moment).transpose()?,
            "revoked_at": known.revoked_at.map(moment).transpose()?,
        }));
    }
    Ok(Json(json!({ "keys": keys })).into_response())
}
