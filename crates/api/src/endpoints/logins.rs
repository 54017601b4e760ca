//! Logins of browsers, by a cookie; the pages of the UI come through here.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_auth::{LoginWish, port::LoginRow, proof_of};
use wharf_core::{Credential, Error, Kind, ProviderName, Result};

use crate::{
    call::Call,
    cookie::{Cookie, Origin},
    input::Body,
    output::{Done, Forgotten, Kept, Listed, Shown},
    password::Password,
    route::{Route, delete, get, post},
    time::written,
};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        post("/login", "Log in as a browser: the answer sets a cookie", log_in),
        get("/login", "Show the login of the cookie, and the proof that its pages send", show),
        delete("/login", "Log out: end the login of the cookie", log_out),
        get("/login/issuers", "List the issuers that a browser can log in at", issuers),
        get("/me/logins", "List one's own logins", list),
        delete("/me/logins/{login}", "End one of one's own logins", remove),
    ]
}

/// Who logs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    /// The login.
    name: String,
    /// The password.
    #[schema(value_type = String, format = Password)]
    password: Password,
    /// A code of the second factor, or a recovery code, where the user has one.
    #[schema(value_type = Option<String>, format = Password)]
    code: Option<Password>,
}

/// An issuer that a browser can log in at.
#[derive(Serialize, ToSchema)]
pub(crate) struct LoginIssuer {
    /// What it is called.
    name: String,
    /// Where the browser goes; with `?to=/a/path`, where it goes after.
    location: String,
}

/// The login of a cookie.
#[derive(Serialize, ToSchema)]
pub(crate) struct CurrentLogin {
    /// Whose it is.
    name: String,
    /// What is sent as X-Wharf-Proof with everything that changes something.
    proof: String,
    /// When the login ends, used or not.
    expires_at: String,
}

/// One of one's own logins.
#[derive(Serialize, ToSchema)]
pub(crate) struct Login {
    /// What it is known by here and in the audit log.
    id: String,
    /// Whether it is the one that asks.
    current: bool,
    /// When it was made.
    created_at: String,
    /// When it was last used, to the minute or so.
    used_at: String,
    /// When it ends, used or not.
    expires_at: String,
    /// Where it was made from.
    address: Option<String>,
    /// What the browser calls itself.
    user_agent: Option<String>,
}

impl Login {
    fn of(row: LoginRow, credential: &Credential) -> Result<Self> {
        Ok(Self {
            id: row.hash.to_string(),
            current: *credential == Credential::Login(row.hash),
            created_at: written(row.created_at)?,
            used_at: written(row.used_at)?,
            expires_at: written(row.expires_at)?,
            address: row.address,
            user_agent: row.user_agent,
        })
    }
}

async fn log_in(call: Call, Body(credentials): Body<Credentials>) -> Result<Kept<CurrentLogin>> {
    let origin = origin(&call)?;
    // Else a foreign page could have its visitor work under the login of another.
    origin.expect_no_other_page(&call.headers)?;
    let agent = call.headers.get("user-agent").and_then(|agent| agent.to_str().ok()).map(str::to_owned);
    let name = credentials.name.clone();
    let wish = LoginWish {
        user: credentials.name,
        password: credentials.password.into(),
        code: credentials.code.map(Into::into),
        user_agent: agent,
    };
    let made = call.face.auth.log_in(wish, &call.actor).await?;
    let lifetime = made.row.expires_at.seconds() - made.row.created_at.seconds();
    let cookie = origin.kept(Cookie::Login, made.text.expose(), lifetime)?;
    let (proof, expires_at) = (proof_of(&made.text).expose().clone(), written(made.row.expires_at)?);
    Ok(Kept { cookie, thing: CurrentLogin { name, proof, expires_at } })
}

async fn issuers(call: Call, (): ()) -> Result<Listed<LoginIssuer>> {
    let names = call.face.auth.login_providers().await?;
    let one = |name: ProviderName| LoginIssuer {
        location: format!("/-/login/oidc/{name}"),
        name: name.to_string(),
    };
    Ok(Listed { items: names.into_iter().map(one).collect(), next: None })
}

async fn show(call: Call, (): ()) -> Result<Shown<CurrentLogin>> {
    let grant = call.face.auth.grant_self(&call.actor)?;
    let row = call.face.auth.own_login(&grant).await?;
    let cookie = origin(&call)?.shown(Cookie::Login, &call.headers);
    let cookie = cookie.ok_or_else(|| Error::internal("a login was known by no cookie"))?;
    let name = call.actor.principal().name().to_owned();
    let (proof, expires_at) = (proof_of(&cookie).expose().clone(), written(row.expires_at)?);
    Ok(Shown(CurrentLogin { name, proof, expires_at }))
}

async fn log_out(call: Call, (): ()) -> Result<Forgotten> {
    let grant = call.face.auth.grant_self(&call.actor)?;
    call.face.auth.log_out(&grant).await?;
    Ok(Forgotten(origin(&call)?.kept(Cookie::Login, "", 0)?))
}

async fn list(call: Call, (): ()) -> Result<Listed<Login>> {
    let grant = call.face.auth.grant_self(&call.actor)?;
    let rows = call.face.auth.logins(grant).await?;
    let items = rows.into_iter().map(|row| Login::of(row, call.actor.credential())).collect::<Result<_>>()?;
    Ok(Listed { items, next: None })
}

async fn remove(call: Call, (): ()) -> Result<Done> {
    let grant = call.face.auth.grant_self(&call.actor)?;
    call.face.auth.remove_login(grant, call.text("login")?).await.map(|()| Done)
}

fn origin(call: &Call) -> Result<&Origin> {
    call.origin.as_ref().ok_or_else(|| Error::new(Kind::Invalid, "the request needs a Host header"))
}
