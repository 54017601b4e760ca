//! Webhooks, and what is on its way to them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use wharf_core::{Digest, Error, Result, Timestamp, gate::OrganisationId};
use wharf_registry::port::{Deliveries, DeliveryRow, DeliveryState, DueWebhook, EventRow, Hooks, WebhookRow};

use super::{SqlWork, list, tenants::first_id};
use crate::session::Row;

macro_rules! webhook_columns {
    () => {
        "id, organisation_id, url, secret, events, created_at, failing_since, paused_until, disabled_at, disabled_why,
            waiting, (SELECT o.name FROM organisation o WHERE o.id = webhook.organisation_id)"
    };
}

macro_rules! delivery_columns {
    () => {
        "d.id, d.webhook_id, d.repository_id, d.message, d.kind, d.body, d.created_at, d.state, d.attempts, d.due_at,
            d.last_at, d.last_status, d.last_error"
    };
}

fn webhook(mut row: Row) -> Result<WebhookRow> {
    let time = Timestamp::from_microseconds;
    let (id, organisation) = (row.next()?, OrganisationId(row.next()?));
    let (url, secret) = (row.next()?, row.next()?);
    Ok(WebhookRow {
        id,
        organisation,
        url,
        secret,
        events: row.parse(|events: String| serde_json::from_str(&events).ok())?,
        created_at: time(row.next()?),
        failing_since: row.next::<Option<i64>>()?.map(time),
        paused_until: time(row.next()?),
        disabled: row.next::<Option<i64>>()?.map(time).zip(row.next::<Option<String>>()?),
        waiting: row.parse(|waiting: i64| waiting.max(0).try_into().ok())?,
        organisation_name: row.parse(|name: String| name.parse().ok())?,
    })
}

fn delivery(mut row: Row) -> Result<DeliveryRow> {
    let time = Timestamp::from_microseconds;
    Ok(DeliveryRow {
        id: row.next()?,
        webhook: row.next()?,
        repository: row.next()?,
        message: row.next()?,
        kind: row.next()?,
        body: row.next()?,
        created_at: time(row.next()?),
        state: row.parse(|word: String| DeliveryState::named(&word))?,
        attempts: row.parse(|attempts: i64| attempts.try_into().ok())?,
        due_at: time(row.next()?),
        last_at: row.next::<Option<i64>>()?.map(time),
        last_status: row.next::<Option<i64>>()?.and_then(|status| status.try_into().ok()),
        last_error: row.next()?,
    })
}

fn event(mut row: Row) -> Result<EventRow> {
    Ok(EventRow {
        id: row.next()?,
        organisation: OrganisationId(row.next()?),
        repository: row.next()?,
        path: row.next()?,
        sequence: row.next()?,
        at: Timestamp::from_microseconds(row.next()?),
        kind: row.next()?,
        tag: row.next()?,
        digest: row
            .next::<Option<Vec<u8>>>()?
            .and_then(|digest| Digest::from_row(&digest))
            .map(|digest| digest.to_string()),
        actor: row.next()?,
    })
}

#[async_trait]
impl Hooks for SqlWork<'_> {
    async fn webhooks(&mut self, organisation: OrganisationId, most: u32) -> Result<Vec<WebhookRow>> {
        const LIST: &str = concat!(
            "SELECT ",
            webhook_columns!(),
            " FROM webhook WHERE organisation_id = $1 ORDER BY id LIMIT $2"
        );
        let values = [organisation.0.into(), i64::from(most).into()];
        self.0.query(LIST, &values).await?.into_iter().map(webhook).collect()
    }

    async fn webhook(&mut self, id: i64) -> Result<Option<WebhookRow>> {
        const FIND: &str = concat!("SELECT ", webhook_columns!(), " FROM webhook WHERE id = $1");
        self.0.query_first(FIND, &[id.into()]).await?.map(webhook).transpose()
    }

    async fn lock_webhook(&mut self, id: i64) -> Result<Option<WebhookRow>> {
        const LOCK: &str = "UPDATE webhook SET url = url WHERE id = $1";
        self.0.execute(LOCK, &[id.into()]).await?;
        self.webhook(id).await
    }

    async fn put_webhook(&mut self, row: &WebhookRow) -> Result<i64> {
        const INSERT: &str = "
            INSERT INTO webhook (url, events, failing_since, paused_until, disabled_at, disabled_why, secret,
                organisation_id, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id";
        const SET: &str = "
            UPDATE webhook SET url = $1, events = $2, failing_since = $3, paused_until = $4, disabled_at = $5,
                disabled_why = $6
            WHERE id = $7 RETURNING id";
        let events = serde_json::to_string(&row.events).map_err(Error::internal)?;
        let (disabled_at, why) =
            row.disabled.as_ref().map(|(at, why)| (at.microseconds(), why.as_str())).unzip();
        let mut values = vec![
            row.url.as_str().into(),
            events.as_str().into(),
            row.failing_since.map(Timestamp::microseconds).into(),
            row.paused_until.microseconds().into(),
            disabled_at.into(),
            why.into(),
        ];
        let statement = if row.id == 0 {
            values.push(row.secret.as_slice().into());
            values.push(row.organisation.0.into());
            values.push(row.created_at.microseconds().into());
            INSERT
        } else {
            values.push(row.id.into());
            SET
        };
        first_id(self.0.query_first(statement, &values).await?)
    }

    async fn remove_webhook(&mut self, id: i64) -> Result<()> {
        const DELIVERIES: &str = "DELETE FROM delivery WHERE webhook_id = $1";
        const WEBHOOK: &str = "DELETE FROM webhook WHERE id = $1";
        for statement in [DELIVERIES, WEBHOOK] {
            self.0.execute(statement, &[id.into()]).await?;
        }
        Ok(())
    }

    async fn take_events(&mut self, most: u32) -> Result<Vec<EventRow>> {
        const TAKE: &str = "
            UPDATE event SET waits = 0 WHERE waits = 1 AND id IN
                (SELECT e.id FROM event e WHERE e.waits = 1 ORDER BY e.id LIMIT $1)
            RETURNING id, organisation_id, repository_id, path, sequence, at, kind, tag, digest, actor";
        let taken = self.0.query(TAKE, &[i64::from(most).into()]).await?;
        let mut events = taken.into_iter().map(event).collect::<Result<Vec<_>>>()?;
        events.sort_by_key(|event| event.id);
        Ok(events)
    }

    async fn has_events(&mut self) -> Result<bool> {
        let found = self.0.query_first("SELECT id FROM event WHERE waits = 1 LIMIT 1", &[]).await?;
        Ok(found.is_some())
    }
}

/// One delivery more, or less, waits for a webhook.
const WAITS: &str = "UPDATE webhook SET waiting = waiting + 1 WHERE id = $1";
const ENDS: &str = "UPDATE webhook SET waiting = waiting - 1 WHERE id = $1";

#[async_trait]
impl Deliveries for SqlWork<'_> {
    async fn add_delivery(&mut self, row: &DeliveryRow) -> Result<i64> {
        const INSERT: &str = "
            INSERT INTO delivery (webhook_id, repository_id, message, kind, body, created_at, state, attempts, due_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id";
        let values = [
            row.webhook.into(),
            row.repository.into(),
            row.message.as_str().into(),
            row.kind.as_str().into(),
            row.body.as_str().into(),
            row.created_at.microseconds().into(),
            row.state.word().into(),
            i64::from(row.attempts).into(),
            row.due_at.microseconds().into(),
        ];
        let id = first_id(self.0.query_first(INSERT, &values).await?)?;
        self.0.execute(WAITS, &[row.webhook.into()]).await?;
        Ok(id)
    }

    async fn add_deliveries(&mut self, row: &DeliveryRow, webhooks: &[i64]) -> Result<()> {
        const INSERT: &str = "
            INSERT INTO delivery (webhook_id, repository_id, message, kind, body, created_at, state, attempts, due_at)
            SELECT CAST(e.key AS BIGINT), $1, $2, $3, $4, $5, 'pending', 0, $6 FROM json_each($7) e WHERE true";
        const WAIT: &str = "
            UPDATE webhook SET waiting = waiting + 1 FROM json_each($1) e WHERE webhook.id = CAST(e.key AS BIGINT)";
        let webhooks =
            list::object(&webhooks.iter().map(|webhook| (webhook, 0)).collect::<BTreeMap<_, _>>())?;
        let values = [
            row.repository.into(),
            row.message.as_str().into(),
            row.kind.as_str().into(),
            row.body.as_str().into(),
            row.created_at.microseconds().into(),
            row.due_at.microseconds().into(),
            webhooks.as_str().into(),
        ];
        self.0.execute(INSERT, &values).await?;
        self.0.execute(WAIT, &[webhooks.as_str().into()]).await.map(drop)
    }

    async fn set_delivery(&mut self, row: &DeliveryRow) -> Result<()> {
        const SET: &str = "
            UPDATE delivery SET state = $1, attempts = $2, due_at = $3, last_at = $4, last_status = $5,
                last_error = $6
            WHERE id = $7 AND state = 'pending'";
        let values = [
            row.state.word().into(),
            i64::from(row.attempts).into(),
            row.due_at.microseconds().into(),
            row.last_at.map(Timestamp::microseconds).into(),
            row.last_status.map(i64::from).into(),
            row.last_error.as_deref().into(),
            row.id.into(),
        ];
        let was_pending = self.0.execute(SET, &values).await? == 1;
        if was_pending && row.state != DeliveryState::Pending {
            self.0.execute(ENDS, &[row.webhook.into()]).await?;
        }
        Ok(())
    }

    async fn due_webhooks(&mut self, now: Timestamp, most: u32) -> Result<Vec<DueWebhook>> {
        const LIST: &str = "
            SELECT w.id, w.organisation_id FROM webhook w WHERE w.disabled_at IS NULL AND w.paused_until <= $1
                AND EXISTS (SELECT 1 FROM delivery d
                    WHERE d.webhook_id = w.id AND d.state = 'pending' AND d.due_at <= $1
                        AND NOT EXISTS (SELECT 1 FROM delivery e WHERE e.webhook_id = d.webhook_id
                            AND e.repository_id = d.repository_id AND e.state = 'pending' AND e.id < d.id))
            ORDER BY ROW_NUMBER() OVER (PARTITION BY w.organisation_id ORDER BY w.paused_until, w.id), w.id LIMIT $2";
        let rows = self.0.query(LIST, &[now.microseconds().into(), i64::from(most).into()]).await?;
        let due =
            |mut row: Row| Ok(DueWebhook { id: row.next()?, organisation: OrganisationId(row.next()?) });
        rows.into_iter().map(due).collect()
    }

    async fn due_delivery(&mut self, webhook: i64, now: Timestamp) -> Result<Option<DeliveryRow>> {
        const FIND: &str = concat!(
            "SELECT ",
            delivery_columns!(),
            " FROM delivery d WHERE d.webhook_id = $1 AND d.state = 'pending' AND d.due_at <= $2
                AND NOT EXISTS (SELECT 1 FROM delivery e WHERE e.webhook_id = d.webhook_id
                    AND e.repository_id = d.repository_id AND e.state = 'pending' AND e.id < d.id)
            ORDER BY d.id LIMIT 1"
        );
        let values = [webhook.into(), now.microseconds().into()];
        self.0.query_first(FIND, &values).await?.map(delivery).transpose()
    }

    async fn deliveries(&mut self, webhook: i64, before: Option<i64>, most: u32) -> Result<Vec<DeliveryRow>> {
        const LIST: &str = concat!(
            "SELECT ",
            delivery_columns!(),
            " FROM delivery d WHERE d.webhook_id = $1 AND d.id < $2 ORDER BY d.id DESC LIMIT $3"
        );
        let values = [webhook.into(), before.unwrap_or(i64::MAX).into(), i64::from(most).into()];
        self.0.query(LIST, &values).await?.into_iter().map(delivery).collect()
    }

    async fn forget_deliveries(&mut self, before: Timestamp, most: u32) -> Result<u64> {
        const FORGET: &str = "
            DELETE FROM delivery WHERE id IN
                (SELECT d.id FROM delivery d WHERE d.state <> 'pending' AND d.created_at < $1
                    ORDER BY d.created_at LIMIT $2)";
        self.0.execute(FORGET, &[before.microseconds().into(), i64::from(most).into()]).await
    }
}
