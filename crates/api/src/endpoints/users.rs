//! Users, as the platform's operator manages them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_auth::{
    NewUser,
    port::{Fate, UserRow},
};
use wharf_core::{OperatorGrant, Result, Secret, UserName};

use super::people::{ShownPerson, known_by};
use crate::{
    call::Call,
    input::{Body, Wish},
    output::{Created, Done, Listed, Shown},
    password::Password,
    route::{Route, delete, get, patch, post},
    time::written,
};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/users", "List the users of the platform", list),
        post("/users", "Make a user", create),
        get("/users/{user}", "Show a user", show),
        patch("/users/{user}", "Let a user log in, or not", change),
        delete("/users/{user}", "Remove a user; nobody else gets the name", remove),
    ]
}

/// A user.
#[derive(Serialize, ToSchema)]
pub(crate) struct User {
    /// The login.
    name: String,
    /// Whether it is the platform's operator.
    operator: bool,
    /// Whether it may not log in.
    disabled: bool,
    /// When it was made.
    created_at: String,
    #[serde(flatten)]
    person: ShownPerson,
}

/// A user to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreatedUser {
    /// The login.
    name: String,
    /// The password: 8 characters at least, 1024 bytes at most, no control characters.
    #[schema(value_type = String, format = Password)]
    password: Password,
    /// Whether it is to be the platform's operator; not, if it is not said.
    #[serde(default)]
    operator: bool,
    /// The e-mail address; no two users are known to have the same.
    email: Option<String>,
    /// The given name, 100 characters at most.
    given_name: Option<String>,
    /// The family name, 100 characters at most.
    family_name: Option<String>,
}

/// What is to change of a user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangedUser {
    /// Whether it may not log in. Every credential of one that is disabled ends.
    disabled: bool,
}

async fn list(call: Call, wish: Wish) -> Result<Listed<User>> {
    let grant = operator(&call).await?;
    let rows = call.face.auth.users(&grant, wish.span()).await?;
    let items = rows.into_iter().map(User::of).collect::<Result<_>>()?;
    Ok(Listed::of(items, &wish, "/api/v1/users", |user| user.name.clone()))
}

async fn create(call: Call, Body(new): Body<CreatedUser>) -> Result<Created<User>> {
    let grant = operator(&call).await?;
    let name: UserName = new.name.parse()?;
    let password: Secret<String> = new.password.into();
    let known_by = known_by((new.email, new.given_name, new.family_name))?;
    let user = NewUser { name, password, operator: new.operator, memberships: Vec::new(), known_by };
    let thing = User::of(call.face.auth.create_user(&grant, user).await?)?;
    Ok(Created { location: format!("/api/v1/users/{}", thing.name), thing })
}

async fn show(call: Call, (): ()) -> Result<Shown<User>> {
    let grant = operator(&call).await?;
    User::of(call.face.auth.user(&grant, &call.parameter("user")?).await?).map(Shown)
}

async fn change(call: Call, Body(changed): Body<ChangedUser>) -> Result<Shown<User>> {
    let (grant, name) = (operator(&call).await?, call.parameter::<UserName>("user")?);
    let fate = if changed.disabled { Fate::Disabled } else { Fate::Enabled };
    call.face.auth.decide_fate(&grant, &name, fate).await?;
    User::of(call.face.auth.user(&grant, &name).await?).map(Shown)
}

async fn remove(call: Call, (): ()) -> Result<Done> {
    let (grant, name) = (operator(&call).await?, call.parameter::<UserName>("user")?);
    call.face.auth.decide_fate(&grant, &name, Fate::Removed).await.map(|()| Done)
}

pub(crate) async fn operator(call: &Call) -> Result<OperatorGrant> {
    call.face.auth.grant_operator(&call.actor).await
}

impl User {
    pub(crate) fn of(row: UserRow) -> Result<Self> {
        let UserRow { name, operator, disabled, created_at, person, .. } = row;
        let (name, created_at) = (name.to_string(), written(created_at)?);
        Ok(Self { name, operator, disabled, created_at, person: person.into() })
    }
}
