//! The caller's own API tokens.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_auth::port::TokenRow;
use wharf_core::{Result, Timestamp};

use crate::{
    call::Call,
    input::Body,
    output::{Created, Done, Listed},
    reach::{self, Allowance},
    route::{Route, delete, get, post},
    time,
};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/tokens", "List one's own API tokens, a thousand at most", list),
        post("/tokens", "Make an API token for oneself; its text is shown this once", create),
        delete("/tokens/{token}", "End one of one's own API tokens", remove),
    ]
}

/// An API token, without its text.
#[derive(Serialize, ToSchema)]
pub(crate) struct Token {
    /// What it is known by here and in the audit log.
    pub(crate) id: String,
    /// What its owner calls it.
    name: String,
    /// How far it reaches; null: as far as its owner.
    access: Option<Vec<Allowance>>,
    /// When it was made.
    created_at: String,
    /// When it ends by itself; null: never.
    expires_at: Option<String>,
    /// When it was last used, to the minute or so; null: not yet.
    used_at: Option<String>,
}

/// An API token that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedToken {
    /// Its text: the password of Basic, or a bearer token of this API. It is not shown again.
    token: String,
    #[serde(flatten)]
    shown: Token,
}

/// An API token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// What its owner calls it, 1 to 100 bytes.
    name: String,
    /// How far it is to reach, 100 entries at most; as far as its owner if it is not said.
    access: Option<Vec<Allowance>>,
    /// When it is to end by itself, as RFC 3339 writes it; never if it is not said.
    expires_at: Option<String>,
}

impl NewToken {
    /// What is asked for, in words of the engine.
    ///
    /// # Errors
    /// `Invalid`.
    pub(crate) fn read(self) -> Result<wharf_auth::NewToken> {
        Ok(wharf_auth::NewToken {
            name: self.name,
            reach: self.access.map(reach::read).transpose()?,
            expires_at: self.expires_at.as_deref().map(time::read).transpose()?,
        })
    }
}

impl Token {
    pub(crate) fn of(row: TokenRow) -> Result<Self> {
        let written = |time: Option<Timestamp>| time.map(time::written).transpose();
        Ok(Self {
            id: row.hash.to_string(),
            name: row.name,
            access: row.reach.as_ref().map(reach::written),
            created_at: time::written(row.created_at)?,
            expires_at: written(row.expires_at)?,
            used_at: written(row.used_at)?,
        })
    }
}

/// The answer to a token that was made below a path.
pub(crate) fn made(path: &str, token: wharf_auth::CreatedToken) -> Result<Created<CreatedToken>> {
    let shown = Token::of(token.row)?;
    let location = format!("{path}/{}", shown.id);
    Ok(Created { location, thing: CreatedToken { token: token.text.expose().clone(), shown } })
}

/// The answer to a list of tokens.
pub(crate) fn listed(rows: Vec<TokenRow>) -> Result<Listed<Token>> {
    Ok(Listed { items: rows.into_iter().map(Token::of).collect::<Result<_>>()?, next: None })
}

async fn list(call: Call, (): ()) -> Result<Listed<Token>> {
    let grant = call.face.auth.grant_self(&call.actor)?;
    listed(call.face.auth.tokens(&grant).await?)
}

async fn create(call: Call, Body(new): Body<NewToken>) -> Result<Created<CreatedToken>> {
    let grant = call.face.auth.grant_self(&call.actor)?;
    made("/api/v1/tokens", call.face.auth.create_token(&grant, new.read()?).await?)
}

async fn remove(call: Call, (): ()) -> Result<Done> {
    let grant = call.face.auth.grant_self(&call.actor)?;
    call.face.auth.remove_token(&grant, call.text("token")?).await.map(|()| Done)
}
