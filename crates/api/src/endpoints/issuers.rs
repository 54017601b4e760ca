//! The issuers that an organisation believes, and the rules about what their jobs may do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_auth::{
    issuers,
    port::{ClaimRule as RuleRow, IssuerRow},
    workloads::{ClaimPattern, NewClaimRule as NewRule, NewIssuer as New, RequiredClaims},
};
use wharf_core::{OrganisationGrant, Result, duty::Administer};

use crate::{
    call::Call,
    input::Body,
    output::{Created, Done, Listed, Shown},
    reach::{self, Allowance},
    route::{Route, delete, get, post},
    time::written,
};

pub(crate) fn routes() -> Vec<Route> {
    const ALL: &str = "/orgs/{org}/issuers";
    const ONE: &str = "/orgs/{org}/issuers/{issuer}";
    const RULES: &str = "/orgs/{org}/issuers/{issuer}/rules";
    const RULE: &str = "/orgs/{org}/issuers/{issuer}/rules/{rule}";
    vec![
        get(ALL, "List the issuers whose tokens an organisation believes", list),
        post(ALL, "Believe an issuer; its word is good for nothing before there is a rule", create),
        get(ONE, "Show an issuer", show),
        delete(ONE, "Believe an issuer no longer; what its jobs were given ends", remove),
        get(RULES, "List the rules about the jobs of an issuer", rules),
        post(RULES, "Make a rule: what an issuer must say of a job, and what that may do then", create_rule),
        delete(RULE, "Remove a rule; what it gave ends", remove_rule),
    ]
}

/// An issuer that is believed.
#[derive(Serialize, ToSchema)]
pub(crate) struct Issuer {
    /// What the organisation calls it.
    name: String,
    /// What its tokens name as `iss`, to the letter.
    url: String,
    /// Where its keys are; null: where its own document says.
    keys_url: Option<String>,
    /// Authorities in PEM that are believed over TLS beside those of the system.
    authorities: Option<String>,
    /// The audience that its tokens may have beside the address of this Wharf.
    audience: Option<String>,
    /// Since when it is believed.
    created_at: String,
}

/// An issuer to be believed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewIssuer {
    /// What it is to be called: lower-case letters and digits, joined by single `.`, `_` or `-`.
    name: String,
    /// What its tokens name as `iss`, to the letter: `https://…`.
    url: String,
    /// Where its keys are, if not where its own document says.
    keys_url: Option<String>,
    /// Authorities in PEM that are believed over TLS beside those of the system.
    authorities: Option<String>,
    /// An audience that its tokens may have beside the address of this Wharf. It must mean nobody else.
    audience: Option<String>,
}

/// A rule about the jobs of an issuer.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClaimRule {
    /// What it is called.
    name: String,
    /// What the issuer must say, claim by claim.
    claims: BTreeMap<String, String>,
    /// What the job may do.
    access: Vec<Allowance>,
    /// Since when it stands.
    created_at: String,
}

/// A rule to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewClaimRule {
    /// What it is to be called: lower-case letters and digits, joined by single `.`, `_` or `-`.
    name: String,
    /// What the issuer must say, claim by claim; `*` stands for anything but `/` and `:`, `**` for anything.
    claims: BTreeMap<String, String>,
    /// What the job may do, in repositories of the organisation.
    access: Vec<Allowance>,
}

async fn grant(call: &Call) -> Result<OrganisationGrant<Administer>> {
    call.face.auth.grant_organisation(&call.actor, &call.organisation()?).await
}

async fn list(call: Call, (): ()) -> Result<Listed<Issuer>> {
    let rows = call.face.auth.issuers(&grant(&call).await?).await?;
    Ok(Listed { items: rows.into_iter().map(of).collect::<Result<_>>()?, next: None })
}

async fn create(call: Call, Body(new): Body<NewIssuer>) -> Result<Created<Issuer>> {
    let grant = grant(&call).await?;
    let keys_url = new.keys_url.as_deref().map(str::parse).transpose()?;
    let issuer = issuers::Issuer { url: new.url.parse()?, keys_url, authorities: new.authorities };
    let new = New { name: new.name.parse()?, issuer, audience: new.audience };
    let thing = of(call.face.auth.add_issuer(&grant, new).await?)?;
    Ok(Created { location: format!("/api/v1/orgs/{}/issuers/{}", grant.name(), thing.name), thing })
}

async fn show(call: Call, (): ()) -> Result<Shown<Issuer>> {
    let found = call.face.auth.issuer(&grant(&call).await?, &call.parameter("issuer")?).await?;
    of(found).map(Shown)
}

async fn remove(call: Call, (): ()) -> Result<Done> {
    let (grant, name) = (grant(&call).await?, call.parameter("issuer")?);
    call.face.auth.remove_issuer(&grant, name).await.map(|()| Done)
}

async fn rules(call: Call, (): ()) -> Result<Listed<ClaimRule>> {
    let rows = call.face.auth.claim_rules(&grant(&call).await?, &call.parameter("issuer")?).await?;
    Ok(Listed { items: rows.into_iter().map(rule).collect::<Result<_>>()?, next: None })
}

async fn create_rule(call: Call, Body(new): Body<NewClaimRule>) -> Result<Created<ClaimRule>> {
    let (grant, issuer) = (grant(&call).await?, call.parameter("issuer")?);
    let read = |(name, value): (String, String)| Ok((name, value.parse::<ClaimPattern>()?));
    let claims = RequiredClaims::new(new.claims.into_iter().map(read).collect::<Result<_>>()?)?;
    let new = NewRule { name: new.name.parse()?, claims, reach: reach::read(new.access)? };
    let thing = rule(call.face.auth.add_claim_rule(&grant, &issuer, new).await?)?;
    let location = format!("/api/v1/orgs/{}/issuers/{issuer}/rules/{}", grant.name(), thing.name);
    Ok(Created { location, thing })
}

async fn remove_rule(call: Call, (): ()) -> Result<Done> {
    let (grant, issuer, name) = (grant(&call).await?, call.parameter("issuer")?, call.parameter("rule")?);
    call.face.auth.remove_claim_rule(&grant, &issuer, name).await.map(|()| Done)
}

fn of(row: IssuerRow) -> Result<Issuer> {
    let issuers::Issuer { url, keys_url, authorities } = row.issuer;
    Ok(Issuer {
        name: row.name.to_string(),
        url: url.to_string(),
        keys_url: keys_url.map(|url| url.to_string()),
        authorities,
        audience: row.audience,
        created_at: written(row.created_at)?,
    })
}

fn rule(row: RuleRow) -> Result<ClaimRule> {
    let claims = row.claims.claims().iter();
    Ok(ClaimRule {
        name: row.name.to_string(),
        claims: claims.map(|(name, pattern)| (name.clone(), pattern.to_string())).collect(),
        access: reach::written(&row.reach),
        created_at: written(row.created_at)?,
    })
}
