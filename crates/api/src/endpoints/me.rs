//! `/me`: what the caller is known as, where it belongs, and its password.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_core::{Credential, Error, Principal, Result, Secret};

use super::{organisations::Organisation, people::ShownPerson};
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
    /// What sort of account it is.
    kind: AccountKind,
    /// The login.
    name: String,
    /// Whether it is the platform's operator.
    operator: bool,
    /// By what the caller was known.
    credential: CredentialKind,
    /// Where it belongs, the first thousand; nothing for a credential that is narrowed.
    memberships: Vec<Organisation>,
    #[serde(flatten)]
    person: ShownPerson,
}

/// A sort of account.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AccountKind {
    /// A user.
    User,
    /// A robot of an organisation.
    Robot,
}

impl AccountKind {
    fn of(principal: &Principal) -> Result<Self> {
        match principal {
            Principal::User { .. } => Ok(Self::User),
            Principal::Robot { .. } => Ok(Self::Robot),
            Principal::Anonymous | Principal::Job(_) => Err(Error::internal("who has no account was let in")),
        }
    }
}

/// By what an account was known.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CredentialKind {
    /// By nothing.
    None,
    /// By its password.
    Password,
    /// By a bearer token of `/token`.
    Bearer,
    /// By a refresh token.
    Refresh,
    /// By an API token.
    Token,
    /// By the cookie of a login.
    Login,
    /// By being on the machine itself.
    Local,
}

impl From<&Credential> for CredentialKind {
    fn from(credential: &Credential) -> Self {
        match credential {
            Credential::None => Self::None,
            Credential::Password => Self::Password,
            Credential::Bearer { .. } => Self::Bearer,
            Credential::Refresh(_) => Self::Refresh,
            Credential::Token(_) => Self::Token,
            Credential::Login(_) => Self::Login,
            Credential::Local => Self::Local,
        }
    }
}

/// A change of one's own password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangedPassword {
    /// The one of now.
    #[schema(value_type = String, format = Password)]
    current: Password,
    /// The one of then: 8 characters at least, 1024 bytes at most, no control characters.
    #[schema(value_type = String, format = Password)]
    new: Password,
}

async fn show(call: Call, (): ()) -> Result<Shown<Me>> {
    let auth = &call.face.auth;
    let grant = auth.grant_self(&call.actor)?;
    let memberships = auth.memberships(&grant).await?;
    Ok(Shown(Me {
        kind: AccountKind::of(call.actor.principal())?,
        name: call.actor.principal().name().to_owned(),
        operator: auth.is_operator(&call.actor).await?,
        credential: (call.actor.credential()).into(),
        memberships: memberships.into_iter().map(Organisation::of).collect::<Result<_>>()?,
        person: auth.person(&grant).await?.into(),
    }))
}

async fn change_password(call: Call, Body(changed): Body<ChangedPassword>) -> Result<Done> {
    let grant = call.face.auth.grant_self(&call.actor)?;
    let (current, new): (Secret<String>, Secret<String>) = (changed.current.into(), changed.new.into());
    call.face.auth.change_password(grant, &current, &new).await.map(|()| Done)
}
