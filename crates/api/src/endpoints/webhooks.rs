//! The webhooks of an organisation, and what was delivered to them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_core::{OrganisationGrant, Page, PageAfter, Result, duty::Administer};
use wharf_registry::{
    port::{DeliveryRow, WebhookRow},
    webhooks::{DeliveryOf, NewWebhook as New, WebhookChange as Change},
};

use crate::{
    call::Call,
    input::{Body, Wish, invalid},
    output::{Created, Done, Listed, Shown},
    route::{Route, delete, get, patch, post},
    time::written,
};

pub(crate) fn routes() -> Vec<Route> {
    const ALL: &str = "/orgs/{org}/webhooks";
    const ONE: &str = "/orgs/{org}/webhooks/{webhook}";
    const DELIVERIES: &str = "/orgs/{org}/webhooks/{webhook}/deliveries";
    const AGAIN: &str = "/orgs/{org}/webhooks/{webhook}/deliveries/{delivery}/redeliver";
    vec![
        get(ALL, "List the webhooks of an organisation", list),
        post(ALL, "Make a webhook; its secret is shown this once", create),
        get(ONE, "Show a webhook", show),
        patch(ONE, "Change a webhook, or switch it on or off", change),
        delete(ONE, "Remove a webhook with its deliveries", remove),
        get(DELIVERIES, "List the deliveries of a webhook, the latest first", deliveries),
        post(AGAIN, "Send the message of a delivery once more", redeliver),
    ]
}

/// A webhook.
#[derive(Serialize, ToSchema)]
pub(crate) struct Webhook {
    /// Its number.
    id: i64,
    /// Where it leads.
    url: String,
    /// The events it wants; none named: all.
    events: Vec<String>,
    /// Whether it is on.
    enabled: bool,
    /// When it was made.
    created_at: String,
    /// Since when its receiver took nothing; null where it does.
    failing_since: Option<String>,
    /// Since when it is off.
    disabled_at: Option<String>,
    /// Why it is off.
    disabled_why: Option<String>,
}

/// A webhook as it was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedWebhook {
    #[serde(flatten)]
    webhook: Webhook,
    /// What its messages are signed with, shown this once: `whsec_` and base64.
    secret: String,
}

/// A webhook to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWebhook {
    /// Where it leads: `https` or `http`.
    url: String,
    /// The events it wants, by their kinds: `manifest.push`, `tag.delete`, …; none named: all.
    #[serde(default)]
    events: Vec<String>,
}

/// What is to change of a webhook; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookChange {
    /// Where it leads.
    url: Option<String>,
    /// The events it wants.
    events: Option<Vec<String>>,
    /// Whether it is on.
    enabled: Option<bool>,
}

/// A message on its way, or at its end.
#[derive(Serialize, ToSchema)]
pub(crate) struct Delivery {
    /// Its number; later ones have greater ones.
    id: i64,
    /// The message's id: the same when it is sent again.
    message: String,
    /// The event.
    event: String,
    /// The message as it is sent.
    body: String,
    /// `pending`, `delivered` or `failed`.
    state: String,
    /// How often it was sent.
    attempts: u32,
    /// When it was made.
    created_at: String,
    /// When it is sent next; null once it ended, and while an earlier one of its repository is pending.
    next_at: Option<String>,
    /// When it was last sent.
    last_at: Option<String>,
    /// The status it was answered with.
    status: Option<u16>,
    /// Why there was none.
    error: Option<String>,
}

async fn grant(call: &Call) -> Result<OrganisationGrant<Administer>> {
    call.face.auth.grant_organisation(&call.actor, &call.organisation()?).await
}

fn number(call: &Call, name: &str) -> Result<i64> {
    // What is no number is no row.
    Ok(call.text(name)?.parse().unwrap_or_default())
}

async fn list(call: Call, (): ()) -> Result<Listed<Webhook>> {
    let rows = call.face.webhooks.list(&grant(&call).await?).await?;
    Ok(Listed { items: rows.into_iter().map(of).collect::<Result<_>>()?, next: None })
}

async fn create(call: Call, Body(new): Body<NewWebhook>) -> Result<Created<CreatedWebhook>> {
    let new = New { url: new.url, events: new.events };
    let made = call.face.webhooks.create(&grant(&call).await?, new).await?;
    let location = format!("/api/v1/orgs/{}/webhooks/{}", call.organisation()?, made.row.id);
    let secret = made.secret.expose().clone();
    Ok(Created { location, thing: CreatedWebhook { webhook: of(made.row)?, secret } })
}

async fn show(call: Call, (): ()) -> Result<Shown<Webhook>> {
    of(call.face.webhooks.find(&grant(&call).await?, number(&call, "webhook")?).await?).map(Shown)
}

async fn change(call: Call, Body(change): Body<WebhookChange>) -> Result<Shown<Webhook>> {
    let change = Change { url: change.url, events: change.events, enabled: change.enabled };
    let changed = call.face.webhooks.change(&grant(&call).await?, number(&call, "webhook")?, change).await?;
    of(changed).map(Shown)
}

async fn remove(call: Call, (): ()) -> Result<Done> {
    call.face.webhooks.remove(&grant(&call).await?, number(&call, "webhook")?).await.map(|()| Done)
}

async fn deliveries(call: Call, wish: Wish) -> Result<Listed<Delivery>> {
    let read = |last: &String| last.parse().map_err(|_| invalid("last is the number of a delivery"));
    let last = wish.last.as_ref().map(read).transpose()?;
    let (grant, id) = (grant(&call).await?, number(&call, "webhook")?);
    let wanted = PageAfter { last, limit: wish.limit };
    let page = call.face.webhooks.deliveries(&grant, id, wanted).await?;
    let entries = page.entries.into_iter().map(shown).collect::<Result<_>>()?;
    Ok(Listed::page(Page { entries, more: page.more }, &wish, &call.path, |row| row.id.to_string()))
}

async fn redeliver(call: Call, (): ()) -> Result<Created<Delivery>> {
    let grant = grant(&call).await?;
    let (webhook, delivery) = (number(&call, "webhook")?, number(&call, "delivery")?);
    let again = call.face.webhooks.redeliver(&grant, DeliveryOf { webhook, delivery }).await?;
    let location = format!("/api/v1/orgs/{}/webhooks/{webhook}/deliveries", call.organisation()?);
    Ok(Created { location, thing: shown(again)? })
}

fn of(row: WebhookRow) -> Result<Webhook> {
    let (disabled_at, disabled_why) = row.disabled.unzip();
    Ok(Webhook {
        id: row.id,
        url: row.url,
        events: row.events,
        enabled: disabled_at.is_none(),
        created_at: written(row.created_at)?,
        failing_since: row.failing_since.map(written).transpose()?,
        disabled_at: disabled_at.map(written).transpose()?,
        disabled_why,
    })
}

fn shown(row: DeliveryRow) -> Result<Delivery> {
    Ok(Delivery {
        id: row.id,
        message: row.message,
        event: row.kind,
        body: row.body,
        state: row.state.word().to_owned(),
        attempts: row.attempts,
        created_at: written(row.created_at)?,
        next_at: row.due_at.map(written).transpose()?,
        last_at: row.last_at.map(written).transpose()?,
        status: row.last_status,
        error: row.last_error,
    })
}
