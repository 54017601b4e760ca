//! How users come by a login, and by a new password when the old one is lost.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use wharf_auth::{Applicant, SignUp};
use wharf_core::Result;

use super::{people::known_by, users::operator};
use crate::{
    call::Call,
    input::{Body, Input},
    output::{Done, Shown},
    password::Password,
    route::{Route, get, post},
    schema::Schemas,
    time::written,
};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/sign-up", "Who may sign up?", policy),
        post("/sign-up", "Become a user, where that is let", sign_up),
        post("/users/{user}/reset", "Make a one-time link by which a user sets another password", reset),
        post(
            "/resets/request",
            "Have a one-time link sent to one's address; the answer tells nobody whether there is one",
            request,
        ),
        post("/verifications", "Answer a letter: prove an address, or go on with signing up", verify),
        post(
            "/resets",
            "Set another password by a one-time link; every login and token of before ends",
            use_link,
        ),
    ]
}

/// Who may sign up.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignUpPolicy {
    /// Who may.
    sign_up: SignUpKind,
    /// Whether letters are sent: then whoever signs up is a user from when the letter is answered.
    letters: bool,
}

/// Who may sign up.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SignUpKind {
    /// Nobody.
    Off,
    /// Who was invited by an admin of an organisation.
    Invite,
    /// Everybody.
    Open,
}

/// Who would like to become a user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewApplicant {
    /// The login; the organisation of one's own is called so too.
    name: String,
    /// The e-mail address; no two users are known to have the same.
    email: String,
    /// The given name, 100 characters at most.
    given_name: String,
    /// The family name, 100 characters at most.
    family_name: String,
    /// The password: 8 characters at least, 1024 bytes at most, no control characters.
    #[schema(value_type = String, format = Password)]
    password: Password,
    /// The text of an invitation.
    #[schema(value_type = Option<String>, format = Password)]
    invitation: Option<Password>,
}

/// The body of somebody who would like to become a user. Where nobody may, it is not even read.
struct Application(NewApplicant);

impl Input for Application {
    fn read(call: &Call) -> Result<Self> {
        call.face.auth.expect_sign_up()?;
        Body::read(call).map(|Body(new)| Self(new))
    }

    fn body(schemas: &mut Schemas) -> Option<Value> {
        Body::<NewApplicant>::body(schemas)
    }
}

/// A one-time link that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reset {
    /// What `POST /resets` takes. It is not shown again.
    token: String,
    /// When it ends.
    expires_at: String,
}

/// Whose password is lost.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestedReset {
    /// The e-mail address of the user, which must be known to be his.
    email: String,
}

/// What a letter brought.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verification {
    /// The last part of the link in it.
    #[schema(value_type = String, format = Password)]
    token: Password,
}

/// A new password by a one-time link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsedReset {
    /// The text of the link.
    #[schema(value_type = String, format = Password)]
    token: Password,
    /// The new password: 8 characters at least, 1024 bytes at most, no control characters.
    #[schema(value_type = String, format = Password)]
    password: Password,
}

async fn policy(call: Call, (): ()) -> Result<Shown<SignUpPolicy>> {
    let sign_up = match call.face.auth.sign_up_policy() {
        SignUp::Off => SignUpKind::Off,
        SignUp::Invite => SignUpKind::Invite,
        SignUp::Open => SignUpKind::Open,
    };
    Ok(Shown(SignUpPolicy { sign_up, letters: call.face.auth.sends_letters() }))
}

async fn sign_up(call: Call, Application(new): Application) -> Result<Done> {
    let said = (Some(new.email), Some(new.given_name), Some(new.family_name));
    let applicant = Applicant {
        name: new.name.parse()?,
        password: new.password.into(),
        known_by: known_by(said)?,
        invitation: new.invitation.map(Into::into),
    };
    call.face.auth.sign_up(applicant, &call.actor).await.map(|()| Done)
}

async fn reset(call: Call, (): ()) -> Result<Shown<Reset>> {
    let grant = operator(&call).await?;
    let link = call.face.auth.create_link(&grant, &call.parameter("user")?).await?;
    Ok(Shown(Reset { token: link.text.expose().clone(), expires_at: written(link.expires_at)? }))
}

async fn use_link(call: Call, Body(used): Body<UsedReset>) -> Result<Done> {
    let (text, password) = (used.token.into(), used.password.into());
    call.face.auth.use_link(&call.actor, &text, &password).await.map(|()| Done)
}

async fn request(call: Call, Body(requested): Body<RequestedReset>) -> Result<Done> {
    call.face.auth.request_link(&call.actor, &requested.email.parse()?).map(|()| Done)
}

async fn verify(call: Call, Body(answered): Body<Verification>) -> Result<Done> {
    call.face.auth.answer_letter(&call.actor, &answered.token.into()).await.map(|()| Done)
}
