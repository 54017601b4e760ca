//! Webhooks, and the events they may want.

use async_trait::async_trait;
use wharf_core::{Digest, Error, Result, Timestamp, gate::OrganisationId};
use wharf_registry::port::{EventRow, Hooks, WebhookRow};

use super::{SqlWork, deliveries::book, tenants::first_id};
use crate::session::Row;

macro_rules! webhook_columns {
    () => {
        "id, organisation_id, url, secret, events, created_at, failing_since, failures, paused_until, disabled_at,
            disabled_why, waiting, spared, (SELECT o.name FROM organisation o WHERE o.id = webhook.organisation_id)"
    };
}

/// Makes webhooks as if they were gone, at a time, with no bytes for a secret: they are off, and nothing is due for them.
macro_rules! removed {
    ($now:literal, $no_secret:literal) => {
        concat!(
            "UPDATE webhook SET removed_at = ",
            $now,
            ", disabled_at = coalesce(disabled_at, ",
            $now,
            "), due_at = NULL, secret = ",
            $no_secret
        )
    };
}

pub(super) use removed;

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
        failures: row.parse(|failures: i64| failures.try_into().ok())?,
        paused_until: time(row.next()?),
        disabled: row.next::<Option<i64>>()?.map(time).zip(row.next::<Option<String>>()?),
        waiting: row.parse(|waiting: i64| waiting.max(0).try_into().ok())?,
        spared: row.parse(|spared: i64| spared.max(0).try_into().ok())?,
        organisation_name: row.parse(|name: String| name.parse().ok())?,
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
            " FROM webhook WHERE organisation_id = $1 AND removed_at IS NULL ORDER BY id LIMIT $2"
        );
        let values = [organisation.0.into(), i64::from(most).into()];
        self.session.query(LIST, &values).await?.into_iter().map(webhook).collect()
    }

    async fn webhook(&mut self, id: i64) -> Result<Option<WebhookRow>> {
        const FIND: &str =
            concat!("SELECT ", webhook_columns!(), " FROM webhook WHERE id = $1 AND removed_at IS NULL");
        self.session.query_first(FIND, &[id.into()]).await?.map(webhook).transpose()
    }

    async fn lock_webhook(&mut self, id: i64) -> Result<Option<WebhookRow>> {
        const LOCK: &str = concat!(
            "UPDATE webhook SET url = url WHERE id = $1 AND removed_at IS NULL RETURNING ",
            webhook_columns!()
        );
        self.session.query_first(LOCK, &[id.into()]).await?.map(webhook).transpose()
    }

    async fn put_webhook(&mut self, row: &WebhookRow) -> Result<i64> {
        const INSERT: &str = "
            INSERT INTO webhook (url, events, failing_since, failures, paused_until, disabled_at, disabled_why, secret,
                organisation_id, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id";
        const SET: &str = "
            UPDATE webhook SET url = $1, events = $2, failing_since = $3, failures = $4, paused_until = $5,
                disabled_at = $6, disabled_why = $7
            WHERE id = $8";
        let events = serde_json::to_string(&row.events).map_err(Error::internal)?;
        let (disabled_at, why) =
            row.disabled.as_ref().map(|(at, why)| (at.microseconds(), why.as_str())).unzip();
        let mut values = vec![
            row.url.as_str().into(),
            events.as_str().into(),
            row.failing_since.map(Timestamp::microseconds).into(),
            i64::from(row.failures).into(),
            row.paused_until.microseconds().into(),
            disabled_at.into(),
            why.into(),
        ];
        if row.id == 0 {
            values.push(row.secret.as_slice().into());
            values.push(row.organisation.0.into());
            values.push(row.created_at.microseconds().into());
            return first_id(self.session.query_first(INSERT, &values).await?);
        }
        values.push(row.id.into());
        self.session.execute(SET, &values).await?;
        book(self.session, row.id).await.map(|()| row.id)
    }

    async fn spare_waiting(&mut self, id: i64) -> Result<()> {
        const SPARE: &str = "UPDATE webhook SET spared = waiting WHERE id = $1";
        self.session.execute(SPARE, &[id.into()]).await.map(drop)
    }

    async fn remove_webhook(&mut self, id: i64, now: Timestamp) -> Result<()> {
        const REMOVE: &str = concat!(removed!("$1", "$2"), " WHERE id = $3 AND removed_at IS NULL");
        let none: &[u8] = &[];
        self.session.execute(REMOVE, &[now.microseconds().into(), none.into(), id.into()]).await.map(drop)
    }

    async fn take_events(&mut self, most: u32) -> Result<Vec<EventRow>> {
        const TAKE: &str = "
            UPDATE event SET waits = 0 WHERE waits = 1 AND id IN
                (SELECT e.id FROM event e WHERE e.waits = 1 ORDER BY e.id LIMIT $1)
            RETURNING id, organisation_id, repository_id, path, sequence, at, kind, tag, digest, actor";
        let taken = self.session.query(TAKE, &[i64::from(most).into()]).await?;
        let mut events = taken.into_iter().map(event).collect::<Result<Vec<_>>>()?;
        events.sort_by_key(|event| event.id);
        Ok(events)
    }

    async fn has_events(&mut self) -> Result<bool> {
        let found = self.session.query_first("SELECT id FROM event WHERE waits = 1 LIMIT 1", &[]).await?;
        Ok(found.is_some())
    }
}
