//! What users are known by beside their logins.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_auth::{KnownBy, port::Person};
use wharf_core::Result;

use super::users::{User, operator};
use crate::{
    call::Call,
    input::Body,
    output::Shown,
    password::Password,
    route::{Route, put},
};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        put("/me/person", "Say anew what one is known by; another address takes the password", set_own),
        put("/users/{user}/person", "Say anew what a user is known by", set),
    ]
}

/// What a user is known by beside the login.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShownPerson {
    /// The e-mail address.
    email: Option<String>,
    /// Whether that is known to be the user's.
    email_verified: bool,
    /// The given name.
    given_name: Option<String>,
    /// The family name.
    family_name: Option<String>,
}

impl From<Person> for ShownPerson {
    fn from(person: Person) -> Self {
        Self {
            email: person.email.map(|email| email.to_string()),
            email_verified: person.verified_at.is_some(),
            given_name: person.given_name.map(|name| name.to_string()),
            family_name: person.family_name.map(|name| name.to_string()),
        }
    }
}

/// What a user is to be known by; what is not said is taken away.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetPerson {
    /// The e-mail address; no two users are known to have the same.
    email: Option<String>,
    /// The given name, 100 characters at most.
    given_name: Option<String>,
    /// The family name, 100 characters at most.
    family_name: Option<String>,
}

impl SetPerson {
    pub(crate) fn read(self) -> Result<KnownBy> {
        known_by((self.email, self.given_name, self.family_name))
    }
}

/// What the caller is to be known by; what is not said is taken away.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetOwnPerson {
    /// The e-mail address; no two users are known to have the same.
    email: Option<String>,
    /// The given name, 100 characters at most.
    given_name: Option<String>,
    /// The family name, 100 characters at most.
    family_name: Option<String>,
    /// The current password, where the e-mail address changes.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Password>,
}

/// An address, a given name and a family name as a body brings them.
pub(crate) type Said = (Option<String>, Option<String>, Option<String>);

pub(crate) fn known_by((email, given_name, family_name): Said) -> Result<KnownBy> {
    Ok(KnownBy {
        email: email.map(|email| email.parse()).transpose()?,
        given_name: given_name.map(|name| name.parse()).transpose()?,
        family_name: family_name.map(|name| name.parse()).transpose()?,
    })
}

async fn set(call: Call, Body(person): Body<SetPerson>) -> Result<Shown<User>> {
    let grant = operator(&call).await?;
    let row = call.face.auth.set_person(&grant, &call.parameter("user")?, person.read()?).await?;
    User::of(row).map(Shown)
}

async fn set_own(call: Call, Body(person): Body<SetOwnPerson>) -> Result<Shown<ShownPerson>> {
    let grant = call.face.auth.grant_self(&call.actor)?;
    let SetOwnPerson { email, given_name, family_name, password } = person;
    let known_by = known_by((email, given_name, family_name))?;
    let set = call.face.auth.set_own_person(grant, known_by, password.map(Into::into)).await?;
    Ok(Shown(set.into()))
}
