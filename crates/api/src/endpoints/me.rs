//! `/me`: what the caller is known as, where it belongs, and its password.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_core::{Result, Secret};

use super::organisations::Organisation;
use crate::{
    call::Call,
    input::Body,
    output::{Done, Shown},
    password::Password,
    route::{Route, get, put},
};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/me", "Who am I?", show),
        put(
            "/me/password",
            "Change one's own password; every login and token of before ends",
            change_password,
        ),
    ]
}

/// Who calls.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    /// `user` or `robot`.
    kind: &'static str,
    /// The login.
    name: String,
    /// Whether it is the platform's operator.
    operator: bool,
    /// By what the caller was known: `password`, `bearer`, …
    credential: &'static str,
    /// Where it belongs, the first thousand; nothing for a credential that is narrowed.
    memberships: Vec<Organisation>,
}

/// A change of one's own password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangedPassword {
    /// The one of now.
    #[schema(value_type = String, format = Password)]
    current: Password,
    /// The one of then.
    #[schema(value_type = String, format = Password)]
    new: Password,
}

async fn show(call: Call, (): ()) -> Result<Shown<Me>> {
    let auth = &call.face.auth;
    let grant = auth.grant_self(&call.actor)?;
    let memberships = auth.memberships(&grant).await?;
    Ok(Shown(Me {
        kind: call.actor.principal.kind(),
        name: call.actor.principal.name().to_owned(),
        operator: auth.is_operator(&call.actor).await?,
        credential: call.actor.credential.kind(),
        memberships: memberships.into_iter().map(Organisation::of).collect::<Result<_>>()?,
    }))
}

async fn change_password(call: Call, Body(changed): Body<ChangedPassword>) -> Result<Done> {
    let grant = call.face.auth.grant_self(&call.actor)?;
    let (current, new): (Secret<String>, Secret<String>) = (changed.current.into(), changed.new.into());
    call.face.auth.change_password(&grant, &current, &new).await.map(|()| Done)
}
