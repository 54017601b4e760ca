//! Invitations to organisations.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_auth::port::InvitationRow;
use wharf_core::{Error, OrganisationGrant, Result, Subject, duty::Administer};

use crate::{
    call::Call,
    input::{Body, Wish},
    output::{Created, Done, Listed, Shown},
    password::Password,
    role::Role,
    route::{Route, delete, get, post},
    time::written,
};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/orgs/{org}/invitations", "List the open invitations to an organisation", list),
        post("/orgs/{org}/invitations", "Invite somebody; the text is shown this once", create),
        delete("/orgs/{org}/invitations/{invitation}", "Take an invitation back", remove),
        post("/me/invitations", "Accept an invitation", accept),
    ]
}

/// An invitation, without its text.
#[derive(Serialize, ToSchema)]
pub(crate) struct Invitation {
    /// Its number.
    id: i64,
    /// The role that is promised.
    role: Role,
    /// Whom it is for, in words of the inviter.
    note: String,
    /// The login of who invited.
    invited_by: String,
    /// When it was made.
    created_at: String,
    /// When it ends.
    expires_at: String,
}

/// An invitation that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedInvitation {
    /// Its text, for `POST /me/invitations` or `POST /sign-up`. It is not shown again.
    token: String,
    #[serde(flatten)]
    shown: Invitation,
}

/// An invitation to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewInvitation {
    /// The role that is promised.
    role: Role,
    /// Whom it is for, 200 bytes at most; for the list only.
    #[serde(default)]
    note: String,
    /// After how many days it ends, 1 to 90; 7 if it is not said.
    days: Option<u32>,
}

/// An invitation that is accepted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptedInvitation {
    /// Its text.
    #[schema(value_type = String, format = Password)]
    token: Password,
}

/// Where one came to belong.
#[derive(Serialize, ToSchema)]
pub(crate) struct Membership {
    /// The organisation.
    organisation: String,
    /// The role there: what was promised, or what one had where that is more.
    role: Role,
}

impl Invitation {
    fn of(row: InvitationRow) -> Result<Self> {
        let InvitationRow { id, role, note, invited_by, created_at, expires_at } = row;
        let (created_at, expires_at) = (written(created_at)?, written(expires_at)?);
        Ok(Self { id, role: role.into(), note, invited_by, created_at, expires_at })
    }
}

async fn list(call: Call, wish: Wish) -> Result<Listed<Invitation>> {
    let grant = administer(&call).await?;
    let rows = call.face.auth.invitations(&grant, wish.span()).await?;
    let items = rows.into_iter().map(Invitation::of).collect::<Result<_>>()?;
    Ok(Listed::of(items, &wish, &call.path, |invitation| invitation.id.to_string()))
}

async fn create(call: Call, Body(new): Body<NewInvitation>) -> Result<Created<CreatedInvitation>> {
    let grant = administer(&call).await?;
    let NewInvitation { role, note, days } = new;
    let new = wharf_auth::NewInvitation { role: role.into(), note, days };
    let made = call.face.auth.invite(&grant, new).await?;
    let shown = Invitation::of(made.row)?;
    let location = format!("{}/{}", call.path, shown.id);
    Ok(Created { location, thing: CreatedInvitation { token: made.text.expose().clone(), shown } })
}

async fn remove(call: Call, (): ()) -> Result<Done> {
    let grant = administer(&call).await?;
    let missing = |_| Error::not_found(Subject::Invitation);
    let id: i64 = call.text("invitation")?.parse().map_err(missing)?;
    call.face.auth.remove_invitation(&grant, id).await.map(|()| Done)
}

async fn accept(call: Call, Body(accepted): Body<AcceptedInvitation>) -> Result<Shown<Membership>> {
    let grant = call.face.auth.grant_self(&call.actor)?;
    let joined = call.face.auth.accept_invitation(grant, &accepted.token.into()).await?;
    Ok(Shown(Membership { organisation: joined.organisation.to_string(), role: joined.role.into() }))
}

async fn administer(call: &Call) -> Result<OrganisationGrant<Administer>> {
    call.face.auth.grant_organisation(&call.actor, &call.organisation()?).await
}
