//! What is on its way to webhooks: a queue for each repository, of which only the head has a `due_at`.
//!
//! A look reads what is due and nothing of what stands behind. Whoever adds to a queue or takes its head away holds the
//! webhook, writes down which delivery is the head now, and books on the webhook when something is due for it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use wharf_core::{Result, Timestamp, gate::OrganisationId};
use wharf_registry::port::{Deliveries, DeliveryRow, DeliveryState, DueWebhook};

use super::{SqlWork, list};
use crate::session::{Row, Session};

macro_rules! delivery_columns {
    () => {
        "d.id, d.webhook_id, d.repository_id, d.message, d.kind, d.body, d.created_at, d.state, d.attempts, d.due_at,
            d.last_at, d.last_status, d.last_error"
    };
}

/// When something is due for a webhook: as soon as the first head is and it is not paused any more; never while it is off.
macro_rules! due {
    () => {
        "CASE WHEN webhook.disabled_at IS NULL THEN
            (SELECT CASE WHEN d.due_at < webhook.paused_until THEN webhook.paused_until ELSE d.due_at END
            FROM delivery d WHERE d.webhook_id = webhook.id AND d.due_at IS NOT NULL ORDER BY d.due_at LIMIT 1) END"
    };
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
        due_at: row.next::<Option<i64>>()?.map(time),
        last_at: row.next::<Option<i64>>()?.map(time),
        last_status: row.next::<Option<i64>>()?.and_then(|status| status.try_into().ok()),
        last_error: row.next()?,
    })
}

/// Books on a webhook when something is due for it: after every change of its heads, its pause, and whether it is on.
pub(super) async fn book(session: &mut dyn Session, webhook: i64) -> Result<()> {
    const BOOK: &str = concat!("UPDATE webhook SET due_at = ", due!(), " WHERE id = $1");
    session.execute(BOOK, &[webhook.into()]).await.map(drop)
}

/// Takes a delivery that ended out of its queue.
async fn dequeue(session: &mut dyn Session, row: &DeliveryRow) -> Result<()> {
    // It is due since it was made, so that what was made first is sent first.
    const NEXT: &str = "
        UPDATE delivery SET due_at = created_at WHERE due_at IS NULL AND id =
            (SELECT d.id FROM delivery d WHERE d.webhook_id = $1 AND d.repository_id = $2 AND d.state = 'pending'
                ORDER BY d.id LIMIT 1)";
    const LESS: &str = concat!(
        "UPDATE webhook SET waiting = waiting - 1, spared = CASE WHEN spared > 0 THEN spared - 1 ELSE 0 END, due_at = ",
        due!(),
        " WHERE id = $1"
    );
    session.execute(NEXT, &[row.webhook.into(), row.repository.into()]).await?;
    session.execute(LESS, &[row.webhook.into()]).await.map(drop)
}

#[async_trait]
impl Deliveries for SqlWork<'_> {
    async fn add_deliveries(&mut self, row: &DeliveryRow, webhooks: &[i64]) -> Result<()> {
        // First, so that no head ends unseen meanwhile.
        const MORE: &str = "
            UPDATE webhook SET waiting = waiting + 1 WHERE id IN (SELECT CAST(e.key AS BIGINT) FROM json_each($1) e)";
        const INSERT: &str = "
            INSERT INTO delivery (webhook_id, repository_id, message, kind, body, created_at, state, attempts, due_at)
            SELECT CAST(e.key AS BIGINT), CAST($1 AS BIGINT), $2, $3, $4, CAST($5 AS BIGINT), 'pending', 0,
                CASE WHEN EXISTS (SELECT 1 FROM delivery d WHERE d.webhook_id = CAST(e.key AS BIGINT)
                    AND d.repository_id = CAST($1 AS BIGINT) AND d.state = 'pending')
                THEN NULL ELSE CAST($5 AS BIGINT) END
            FROM json_each($6) e WHERE true";
        const BOOK: &str = concat!(
            "UPDATE webhook SET due_at = ",
            due!(),
            " WHERE id IN (SELECT CAST(e.key AS BIGINT) FROM json_each($1) e)"
        );
        let webhooks =
            list::object(&webhooks.iter().map(|webhook| (webhook, 0)).collect::<BTreeMap<_, _>>())?;
        let values = [
            row.repository.into(),
            row.message.as_str().into(),
            row.kind.as_str().into(),
            row.body.as_str().into(),
            row.created_at.microseconds().into(),
            webhooks.as_str().into(),
        ];
        self.session.execute(MORE, &[webhooks.as_str().into()]).await?;
        self.session.execute(INSERT, &values).await?;
        self.session.execute(BOOK, &[webhooks.as_str().into()]).await.map(drop)
    }

    async fn set_delivery(&mut self, row: &DeliveryRow) -> Result<()> {
        const SET: &str = "
            UPDATE delivery SET state = $1, attempts = $2, due_at = $3, last_at = $4, last_status = $5,
                last_error = $6
            WHERE id = $7 AND state = 'pending'";
        let values = [
            row.state.word().into(),
            i64::from(row.attempts).into(),
            row.due_at.map(Timestamp::microseconds).into(),
            row.last_at.map(Timestamp::microseconds).into(),
            row.last_status.map(i64::from).into(),
            row.last_error.as_deref().into(),
            row.id.into(),
        ];
        let was_pending = self.session.execute(SET, &values).await? == 1;
        match row.state {
            _ if !was_pending => Ok(()),
            DeliveryState::Pending => book(self.session, row.webhook).await,
            DeliveryState::Delivered | DeliveryState::Failed => dequeue(self.session, row).await,
        }
    }

    async fn due_webhooks(&mut self, now: Timestamp, most: u32) -> Result<Vec<DueWebhook>> {
        const LIST: &str = "
            SELECT w.id, w.organisation_id FROM webhook w WHERE w.due_at <= $1
            ORDER BY ROW_NUMBER() OVER (PARTITION BY w.organisation_id ORDER BY w.due_at, w.id), w.id LIMIT $2";
        let rows = self.session.query(LIST, &[now.microseconds().into(), i64::from(most).into()]).await?;
        let due =
            |mut row: Row| Ok(DueWebhook { id: row.next()?, organisation: OrganisationId(row.next()?) });
        rows.into_iter().map(due).collect()
    }

    async fn due_delivery(&mut self, webhook: i64, now: Timestamp) -> Result<Option<DeliveryRow>> {
        const FIND: &str = concat!(
            "SELECT ",
            delivery_columns!(),
            " FROM delivery d WHERE d.webhook_id = $1 AND d.due_at <= $2 ORDER BY d.due_at, d.id LIMIT 1"
        );
        let values = [webhook.into(), now.microseconds().into()];
        self.session.query_first(FIND, &values).await?.map(delivery).transpose()
    }

    async fn deliveries(&mut self, webhook: i64, before: Option<i64>, most: u32) -> Result<Vec<DeliveryRow>> {
        const LIST: &str = concat!(
            "SELECT ",
            delivery_columns!(),
            " FROM delivery d WHERE d.webhook_id = $1 AND d.id < $2 ORDER BY d.id DESC LIMIT $3"
        );
        let values = [webhook.into(), before.unwrap_or(i64::MAX).into(), i64::from(most).into()];
        self.session.query(LIST, &values).await?.into_iter().map(delivery).collect()
    }

    async fn forget_deliveries(&mut self, before: Timestamp, most: u32) -> Result<u64> {
        const FORGET: &str = "
            DELETE FROM delivery WHERE id IN
                (SELECT d.id FROM delivery d WHERE d.state <> 'pending' AND d.created_at < $1
                    ORDER BY d.created_at LIMIT $2)";
        self.session.execute(FORGET, &[before.microseconds().into(), i64::from(most).into()]).await
    }

    async fn forget_removed(&mut self, most: u32) -> Result<u64> {
        const DELIVERIES: &str = "
            DELETE FROM delivery WHERE id IN
                (SELECT d.id FROM webhook w CROSS JOIN delivery d
                    WHERE w.removed_at IS NOT NULL AND d.webhook_id = w.id LIMIT $1)";
        const WEBHOOKS: &str = "
            DELETE FROM webhook WHERE id IN
                (SELECT w.id FROM webhook w WHERE w.removed_at IS NOT NULL
                    AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.webhook_id = w.id) LIMIT $1)";
        let forgotten = self.session.execute(DELIVERIES, &[i64::from(most).into()]).await?;
        Ok(forgotten + self.session.execute(WEBHOOKS, &[i64::from(most).into()]).await?)
    }
}
