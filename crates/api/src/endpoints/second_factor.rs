//! The second factor of users: set up by each for himself, removed by the operator for who lost it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_core::Result;

use super::users::operator;
use crate::{
    call::Call,
    input::Body,
    output::{Done, Shown},
    password::Password,
    route::{Route, delete, get, post, put},
};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/me/totp", "How does one's own second factor stand?", show),
        post("/me/totp", "Begin a second factor; its seed is shown this once", begin),
        put(
            "/me/totp",
            "Confirm it by a code; other logins and docker's end, and recovery codes are shown",
            confirm,
        ),
        delete("/me/totp", "Remove one's own second factor, by a code of it", remove),
        delete("/users/{user}/totp", "Remove the second factor of a user who lost it", remove_of),
    ]
}

/// How a second factor stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecondFactor {
    /// Whether a code is asked for beside the password.
    enabled: bool,
    /// How many recovery codes are left.
    recovery_codes: u32,
}

/// Who begins says the password once more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BegunFactor {
    /// The password.
    #[schema(value_type = String, format = Password)]
    password: Password,
}

/// What an authenticator is given. It is not shown again.
#[derive(Serialize, ToSchema)]
pub(crate) struct Enrolment {
    /// The seed in base32, to be typed.
    secret: String,
    /// The same as `otpauth://…`, to be drawn.
    url: String,
}

/// A code of the authenticator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Code {
    /// Six digits, or to remove it a recovery code.
    #[schema(value_type = String, format = Password)]
    code: Password,
}

/// What stands in for codes when the authenticator is lost, each once. They are not shown again.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryCodes {
    /// The codes.
    recovery_codes: Vec<String>,
}

async fn show(call: Call, (): ()) -> Result<Shown<SecondFactor>> {
    let grant = call.face.auth.grant_self(&call.actor)?;
    let state = call.face.auth.factor(grant).await?;
    Ok(Shown(SecondFactor { enabled: state.enabled, recovery_codes: state.recovery_codes }))
}

async fn begin(call: Call, Body(begun): Body<BegunFactor>) -> Result<Shown<Enrolment>> {
    let grant = call.face.auth.grant_self(&call.actor)?;
    let made = call.face.auth.begin_factor(grant, &begun.password.into()).await?;
    Ok(Shown(Enrolment { secret: made.secret.expose().clone(), url: made.url.expose().clone() }))
}

async fn confirm(call: Call, Body(code): Body<Code>) -> Result<Shown<RecoveryCodes>> {
    let grant = call.face.auth.grant_self(&call.actor)?;
    let codes = call.face.auth.confirm_factor(grant, &code.code.into()).await?;
    let recovery_codes = codes.iter().map(|code| code.expose().clone()).collect();
    Ok(Shown(RecoveryCodes { recovery_codes }))
}

async fn remove(call: Call, Body(code): Body<Code>) -> Result<Done> {
    let grant = call.face.auth.grant_self(&call.actor)?;
    call.face.auth.remove_factor(grant, &code.code.into()).await.map(|()| Done)
}

async fn remove_of(call: Call, (): ()) -> Result<Done> {
    let grant = operator(&call).await?;
    call.face.auth.remove_factor_of(&grant, &call.parameter("user")?).await.map(|()| Done)
}
