//! `/me`: what the caller is known as.

use serde::Serialize;
use utoipa::ToSchema;
use wharf_core::{Principal, Result};

use crate::{
    call::Call,
    output::Shown,
    route::{Route, get},
};

pub(crate) fn routes() -> Vec<Route> {
    vec![get("/me", "Who am I?", show)]
}

/// Who calls.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    /// `user` or `robot`.
    kind: &'static str,
    /// The login.
    name: String,
    /// By what the caller was known: `password`, `bearer`, …
    credential: &'static str,
}

async fn show(call: Call, (): ()) -> Result<Shown<Me>> {
    let grant = call.face.auth.grant_self(&call.actor)?;
    let principal: &Principal = &grant.actor().principal;
    let credential = grant.actor().credential.kind();
    Ok(Shown(Me { kind: principal.kind(), name: principal.name().to_owned(), credential }))
}
