//! The members of an organisation and their roles.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_auth::port::MemberRow;
use wharf_core::{
    Result, UserName,
    duty::{Administer, Belong},
};

use crate::{
    call::Call,
    input::{Body, Wish},
    output::{Done, Listed, Shown},
    role::Role,
    route::{Route, delete, get, put},
    time::written,
};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/orgs/{org}/members", "List the members of an organisation", list),
        get("/orgs/{org}/members/{user}", "Show a member", show),
        put("/orgs/{org}/members/{user}", "Make a user a member, or give a member another role", set),
        delete("/orgs/{org}/members/{user}", "End a membership", remove),
    ]
}

/// A member.
#[derive(Serialize, ToSchema)]
pub(crate) struct Member {
    /// The login.
    user: String,
    /// The role.
    role: Role,
    /// Since when.
    created_at: String,
}

/// The role that a user is to have.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMember {
    /// The role.
    role: Role,
}

async fn list(call: Call, wish: Wish) -> Result<Listed<Member>> {
    let organisation = call.organisation()?;
    let grant = call.face.auth.grant_organisation::<Belong>(&call.actor, &organisation).await?;
    let rows = call.face.auth.members(&grant, wish.span()).await?;
    let items = rows.into_iter().map(of).collect::<Result<_>>()?;
    let path = format!("/api/v1/orgs/{organisation}/members");
    Ok(Listed::of(items, &wish, &path, |member| member.user.clone()))
}

async fn show(call: Call, (): ()) -> Result<Shown<Member>> {
    let grant = call.face.auth.grant_organisation::<Belong>(&call.actor, &call.organisation()?).await?;
    of(call.face.auth.member(&grant, &call.parameter("user")?).await?).map(Shown)
}

async fn set(call: Call, Body(new): Body<NewMember>) -> Result<Shown<Member>> {
    let (organisation, user) = (call.organisation()?, call.parameter::<UserName>("user")?);
    let grant = call.face.auth.grant_organisation::<Administer>(&call.actor, &organisation).await?;
    let row = call.face.auth.set_member(&grant, user, new.role.into()).await?;
    of(row).map(Shown)
}

async fn remove(call: Call, (): ()) -> Result<Done> {
    let user: UserName = call.parameter("user")?;
    let grant = call.face.auth.grant_organisation::<Administer>(&call.actor, &call.organisation()?).await?;
    call.face.auth.remove_member(&grant, user).await.map(|()| Done)
}

fn of(row: MemberRow) -> Result<Member> {
    Ok(Member { user: row.user.to_string(), role: row.role.into(), created_at: written(row.created_at)? })
}
