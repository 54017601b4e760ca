//! The issuers that users of the platform log in at, as its operator manages them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_auth::{
    NewProvider as New, issuers,
    port::{BrowserFlow, Exchange, GroupRole as Means, ProviderRow},
};
use wharf_core::{OperatorGrant, Result, Secret};

use crate::{
    call::Call,
    input::Body,
    output::{Created, Done, Listed, Shown},
    password::Password,
    role::Role,
    route::{Route, delete, get, post, put},
    time::written,
};

pub(crate) fn routes() -> Vec<Route> {
    const GROUPS: &str = "/issuers/{issuer}/groups";
    vec![
        get("/issuers", "List the issuers that users log in at", list),
        post("/issuers", "Let users log in at an issuer", create),
        get("/issuers/{issuer}", "Show an issuer that users log in at", show),
        delete(
            "/issuers/{issuer}",
            "Let nobody log in at an issuer; every credential of its users ends",
            remove,
        ),
        put(GROUPS, "Say what membership in the groups of an issuer means, all of it anew", set_groups),
    ]
}

/// How passwords are shown to an issuer.
#[derive(Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PasswordExchange {
    /// They are not.
    #[default]
    Off,
    /// By the password grant of OAuth 2.
    Grant,
    /// By `InitiateAuth` of Amazon Cognito.
    Cognito,
}

/// How browsers log in at an issuer.
#[derive(Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BrowserLogin {
    /// They do not.
    #[default]
    Off,
    /// By the authorization code flow of OpenID Connect, with PKCE.
    Code,
}

/// What membership in a group means.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupRole {
    /// The group, as the issuer calls it.
    group: String,
    /// Where its members belong.
    organisation: String,
    /// What they are there.
    role: Role,
}

/// What all groups mean.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupRoles {
    /// One for each group and organisation.
    groups: Vec<GroupRole>,
}

/// An issuer that users log in at. The secret of its client is not shown.
#[derive(Serialize, ToSchema)]
pub(crate) struct Provider {
    /// What it is called.
    name: String,
    /// What its tokens name as `iss`, to the letter.
    url: String,
    /// Where its keys are; null: where its own document says.
    keys_url: Option<String>,
    /// Authorities in PEM that are believed over TLS beside those of the system.
    authorities: Option<String>,
    /// What it knows this Wharf as.
    client_id: String,
    /// How passwords are shown to it.
    password: PasswordExchange,
    /// Where; null: where its own document or its name says.
    endpoint: Option<String>,
    /// How browsers log in at it.
    browser: BrowserLogin,
    /// Where it sends them back, which it must know; null where they do not log in at it.
    redirect_url: Option<String>,
    /// What it is asked to tell.
    scope: String,
    /// The claim that is the login.
    user_claim: String,
    /// The claim that lists the groups.
    groups_claim: String,
    /// What those mean.
    groups: Vec<GroupRole>,
    /// Since when.
    created_at: String,
}

/// An issuer that users are to log in at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProvider {
    /// What it is to be called: lower-case letters and digits, joined by single `.`, `_` or `-`.
    name: String,
    /// What its tokens name as `iss`, to the letter: `https://…`.
    url: String,
    /// Where its keys are, if not where its own document says.
    keys_url: Option<String>,
    /// Authorities in PEM that are believed over TLS beside those of the system.
    authorities: Option<String>,
    /// What it knows this Wharf as.
    client_id: String,
    /// The secret it knows this Wharf by, if there is one.
    #[schema(value_type = Option<String>, format = Password)]
    client_secret: Option<Password>,
    /// How passwords are to be shown to it; not, if it is not said. To one issuer only.
    #[serde(default)]
    password: PasswordExchange,
    /// Where, if not at the token endpoint of its document (`grant`) or the root of its address (`cognito`).
    endpoint: Option<String>,
    /// How browsers are to log in at it; not, if it is not said.
    #[serde(default)]
    browser: BrowserLogin,
    /// What it is asked to tell, with blanks between: `openid profile`, if it is not said.
    scope: Option<String>,
    /// The claim that is the login: `preferred_username`, of Cognito `username`, if it is not said.
    user_claim: Option<String>,
    /// The claim that lists the groups: `groups`, of Cognito `cognito:groups`, if it is not said.
    groups_claim: Option<String>,
    /// What those mean.
    #[serde(default)]
    groups: Vec<GroupRole>,
}

async fn operator(call: &Call) -> Result<OperatorGrant> {
    call.face.auth.grant_operator(&call.actor).await
}

async fn list(call: Call, (): ()) -> Result<Listed<Provider>> {
    let rows = call.face.auth.providers(&operator(&call).await?).await?;
    Ok(Listed { items: rows.into_iter().map(|row| of(&call, row)).collect::<Result<_>>()?, next: None })
}

async fn create(call: Call, Body(new): Body<NewProvider>) -> Result<Created<Provider>> {
    let grant = operator(&call).await?;
    let thing = of(&call, call.face.auth.add_provider(&grant, new.read()?).await?)?;
    Ok(Created { location: format!("/api/v1/issuers/{}", thing.name), thing })
}

async fn show(call: Call, (): ()) -> Result<Shown<Provider>> {
    let found = call.face.auth.provider(&operator(&call).await?, &call.parameter("issuer")?).await?;
    of(&call, found).map(Shown)
}

async fn remove(call: Call, (): ()) -> Result<Done> {
    let (grant, name) = (operator(&call).await?, call.parameter("issuer")?);
    call.face.auth.remove_provider(&grant, name).await.map(|()| Done)
}

async fn set_groups(call: Call, Body(new): Body<GroupRoles>) -> Result<Done> {
    let (grant, name) = (operator(&call).await?, call.parameter("issuer")?);
    call.face.auth.set_groups(&grant, name, read_groups(new.groups)?).await.map(|()| Done)
}

impl NewProvider {
    fn read(self) -> Result<New> {
        let keys_url = self.keys_url.as_deref().map(str::parse).transpose()?;
        Ok(New {
            name: self.name.parse()?,
            issuer: issuers::Issuer { url: self.url.parse()?, keys_url, authorities: self.authorities },
            client_id: self.client_id,
            client_secret: self.client_secret.map(Secret::from),
            exchange: match self.password {
                PasswordExchange::Off => Exchange::Off,
                PasswordExchange::Grant => Exchange::Grant,
                PasswordExchange::Cognito => Exchange::Cognito,
            },
            endpoint: self.endpoint.as_deref().map(str::parse).transpose()?,
            browser: match self.browser {
                BrowserLogin::Off => BrowserFlow::Off,
                BrowserLogin::Code => BrowserFlow::Code,
            },
            scope: self.scope,
            user_claim: self.user_claim,
            groups_claim: self.groups_claim,
            groups: read_groups(self.groups)?,
        })
    }
}

fn read_groups(groups: Vec<GroupRole>) -> Result<Vec<Means>> {
    let one = |one: GroupRole| {
        Ok(Means { group: one.group, organisation: one.organisation.parse()?, role: one.role.into() })
    };
    groups.into_iter().map(one).collect()
}

fn of(call: &Call, row: ProviderRow) -> Result<Provider> {
    let (browser, redirect_url) = match row.browser {
        BrowserFlow::Off => (BrowserLogin::Off, None),
        BrowserFlow::Code => (BrowserLogin::Code, call.face.auth.redirect_url(&row.name)),
    };
    let issuers::Issuer { url, keys_url, authorities } = row.issuer;
    let means = |one: Means| GroupRole {
        group: one.group,
        organisation: one.organisation.to_string(),
        role: one.role.into(),
    };
    Ok(Provider {
        name: row.name.to_string(),
        url: url.to_string(),
        keys_url: keys_url.map(|url| url.to_string()),
        authorities,
        client_id: row.client_id,
        password: match row.exchange {
            Exchange::Off => PasswordExchange::Off,
            Exchange::Grant => PasswordExchange::Grant,
            Exchange::Cognito => PasswordExchange::Cognito,
        },
        endpoint: row.endpoint.map(|url| url.to_string()),
        browser,
        redirect_url,
        scope: row.scope,
        user_claim: row.user_claim,
        groups_claim: row.groups_claim,
        groups: row.groups.into_iter().map(means).collect(),
        created_at: written(row.created_at)?,
    })
}
