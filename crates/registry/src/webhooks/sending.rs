//! From the outbox to the receivers.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{sleep, timeout};
use wharf_core::{Error, Result, Timestamp};

use super::{
    Lanes, Webhooks,
    handing_on::{HandOn, STEP, switch_off},
    lanes::{Lane, PROLONG_FROM},
    message::letter,
    setting::PURPOSE,
};
use crate::{
    lease::LENGTH,
    port::{DeliveryRow, DeliveryState, DueWebhook, Extent, Transaction, WebhookRow, Work},
};

/// Among how many receivers it is chosen who is next.
const DUE: u32 = 1000;
/// How many messages a receiver gets before others have their turn.
const ROW: usize = 50;
/// The longest pause before a message is sent again, in seconds.
const LONGEST_PAUSE: i64 = 3600;
/// How long a node that stops waits for messages that are on their way. What is not acknowledged by then is sent again.
const GRACE: Duration = Duration::from_secs(3);
/// How often it looks whether they are.
const LOOK: Duration = Duration::from_millis(20);

/// What came of an attempt.
enum Outcome {
    Taken(u16),
    Refused(u16),
    Unreachable(String),
}

/// What is left for a receiver when its turn is over.
enum Rest {
    /// Nothing that it takes now.
    Nothing,
    /// Something, most likely.
    More,
}

impl Webhooks {
    /// Hands new events on and begins to send what is due, on tasks of its own; nothing while another node does it.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn round(&self, lanes: &Lanes) -> Result<()> {
        let waiting = self.store().view(FindDue(self.0.clock.now())).await?;
        if waiting.is_nothing() {
            return Ok(());
        }
        let is_mine = lanes.time_left(self.0.clock.now()) > PROLONG_FROM;
        if (waiting.has_events || !is_mine) && !self.hand_on(lanes).await? {
            return Ok(());
        }
        let Waiting { due, .. } = self.store().view(FindDue(self.0.clock.now())).await?;
        for lane in lanes.enter(&due) {
            tokio::spawn(self.clone().keep_to(lane));
        }
        Ok(())
    }

    /// Sends no more, waits a little for what is on its way, and lets another node go on at once.
    ///
    /// # Errors
    /// `Unavailable`: then the others wait for half a minute.
    pub async fn stop(&self, lanes: &Lanes) -> Result<()> {
        lanes.open_until(Timestamp::default());
        let on_their_way = async {
            while !lanes.are_empty() {
                sleep(LOOK).await;
            }
        };
        let _ = timeout(GRACE, on_their_way).await;
        self.lease().end(self.store(), self.0.clock.now()).await
    }

    /// Takes all events out of the outbox, and has the sending to itself for a while; false while another node has it.
    async fn hand_on(&self, lanes: &Lanes) -> Result<bool> {
        loop {
            let now = self.0.clock.now();
            let Some(events) = self.store().commit(HandOn { lease: self.lease(), now }).await? else {
                lanes.open_until(Timestamp::default());
                return Ok(false);
            };
            lanes.open_until(now.plus_seconds(LENGTH));
            if events < u64::from(STEP) {
                return Ok(true);
            }
        }
    }

    /// Forgets deliveries that ended long ago, and those of webhooks that were removed; says how many. It does so in steps that
    /// others get in between.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn forget(&self) -> Result<u64> {
        let before = self.0.clock.now().plus_seconds(-self.0.history);
        let mut forgotten = 0;
        for what in [Forget::Before(before), Forget::Removed] {
            loop {
                let step = self.store().commit(what).await?;
                forgotten += step;
                if step < u64::from(STEP) {
                    break;
                }
            }
        }
        Ok(forgotten)
    }

    /// Serves the receiver of a lane, and holds the lane until that is done.
    async fn keep_to(self, lane: Lane) {
        match self.serve(&lane).await {
            Ok(Rest::Nothing) => {}
            Ok(Rest::More) => lane.leave(),
            Err(error) => tracing::warn!(webhook = lane.webhook, ?error, "a webhook could not be served"),
        }
    }

    /// Sends what is due for a receiver, until nothing is, it takes no more, or it is the turn of others.
    async fn serve(&self, lane: &Lane) -> Result<Rest> {
        for _ in 0..ROW {
            let now = self.0.clock.now();
            if !lane.is_open(now) {
                return Ok(Rest::Nothing);
            }
            let next = self.store().view(FindNext { webhook: lane.webhook, now }).await?;
            let Some((webhook, delivery)) = next else { return Ok(Rest::Nothing) };
            let secret = self.0.vault.open(PURPOSE, &webhook.secret);
            let secret = secret.ok_or_else(|| Error::internal("a webhook's secret does not open"))?;
            let letter = letter(&delivery, &webhook.url, secret.expose(), self.0.clock.now());
            let outcome = match self.0.courier.deliver(letter).await {
                Ok(status) if (200..300).contains(&status) => Outcome::Taken(status),
                Ok(status) => Outcome::Refused(status),
                Err(error) => Outcome::Unreachable(error.to_string()),
            };
            let settle = self.settle(webhook, delivery, outcome);
            if self.store().commit(settle).await? == Mood::Unwell {
                return Ok(Rest::Nothing);
            }
        }
        Ok(Rest::More)
    }

    fn settle(&self, webhook: WebhookRow, mut delivery: DeliveryRow, outcome: Outcome) -> Settle {
        let (now, [chance]) = (self.0.clock.now(), self.0.entropy.bytes());
        delivery.attempts += 1;
        delivery.last_at = Some(now);
        let mood = match &outcome {
            Outcome::Taken(_) => Mood::Well,
            // What it understood and did not want says nothing of the next one.
            Outcome::Refused(status) if (400..500).contains(status) && !matches!(status, 408 | 410 | 429) => {
                Mood::Picky
            }
            Outcome::Refused(_) | Outcome::Unreachable(_) => Mood::Unwell,
        };
        (delivery.last_status, delivery.last_error) = match outcome {
            Outcome::Taken(status) | Outcome::Refused(status) => (Some(status), None),
            Outcome::Unreachable(words) => (None, Some(words)),
        };
        let again = now.plus_seconds(pause(delivery.attempts, chance));
        let ends = delivery.created_at.plus_seconds(self.0.patience);
        (delivery.state, delivery.due_at) = match mood {
            Mood::Well => (DeliveryState::Delivered, None),
            Mood::Picky | Mood::Unwell if again > ends => (DeliveryState::Failed, None),
            Mood::Picky | Mood::Unwell => (DeliveryState::Pending, Some(again)),
        };
        let WebhookRow { id: webhook, url, .. } = webhook;
        Settle { webhook, url, delivery, mood, now, chance, give_up: self.0.give_up }
    }
}

/// How many seconds after so many attempts that failed the next one comes: one, then twice as many each time, give or take a
/// fifth, so that receivers are not all asked at once.
fn pause(failed: u32, chance: u8) -> i64 {
    let pause = 1_i64.checked_shl(failed.saturating_sub(1)).filter(|pause| *pause > 0);
    let pause = pause.map_or(LONGEST_PAUSE, |pause| pause.min(LONGEST_PAUSE));
    pause + pause * (i64::from(chance) - 128) / 640
}

/// How a receiver takes messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    /// It took this one.
    Well,
    /// It did not want this one.
    Picky,
    /// It takes none now.
    Unwell,
}

/// Writes down what became of an attempt, and what that says of the receiver.
struct Settle {
    webhook: i64,
    /// Where it led.
    url: String,
    delivery: DeliveryRow,
    mood: Mood,
    now: Timestamp,
    chance: u8,
    give_up: i64,
}

impl Settle {
    /// What the attempt says of the receiver. How long that is left alone goes by its own failures in a row: the queues of
    /// many repositories take turns, and the message of each may have failed once.
    fn judge(&self, webhook: &mut WebhookRow) {
        match self.mood {
            Mood::Well => {
                webhook.begin_anew(self.now);
                return;
            }
            Mood::Picky => {}
            Mood::Unwell => {
                webhook.failures = webhook.failures.saturating_add(1);
                webhook.paused_until = self.now.plus_seconds(pause(webhook.failures, self.chance));
            }
        }
        webhook.failing_since.get_or_insert(self.now);
    }
}

#[async_trait]
impl Transaction for Settle {
    type Output = Mood;

    async fn run(&self, work: &mut dyn Work) -> Result<Mood> {
        let Some(mut webhook) = work.lock_webhook(self.webhook).await? else { return Ok(Mood::Unwell) };
        work.set_delivery(&self.delivery).await?;
        // Most never failed.
        let was_well = self.mood == Mood::Well && webhook.failing_since.is_none();
        // Where it leads elsewhere since, the attempt says nothing of the receiver it has now.
        if was_well || webhook.url != self.url {
            return Ok(self.mood);
        }
        self.judge(&mut webhook);
        let is_over = |since: Timestamp| since.plus_seconds(self.give_up) <= self.now;
        if webhook.disabled.is_none() && webhook.failing_since.is_some_and(is_over) {
            let why = "it took nothing for too long".to_owned();
            switch_off(work, &mut webhook, (self.now, why)).await?;
        } else {
            work.put_webhook(&webhook).await?;
        }
        Ok(self.mood)
    }
}

/// What is to be done.
struct Waiting {
    has_events: bool,
    due: Vec<DueWebhook>,
}

impl Waiting {
    const fn is_nothing(&self) -> bool {
        !self.has_events && self.due.is_empty()
    }
}

struct FindDue(Timestamp);

#[async_trait]
impl Transaction for FindDue {
    type Output = Waiting;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Waiting> {
        Ok(Waiting { has_events: work.has_events().await?, due: work.due_webhooks(self.0, DUE).await? })
    }
}

/// The next delivery of a webhook, and the webhook as it is now.
struct FindNext {
    webhook: i64,
    now: Timestamp,
}

#[async_trait]
impl Transaction for FindNext {
    type Output = Option<(WebhookRow, DeliveryRow)>;

    async fn run(&self, work: &mut dyn Work) -> Result<Self::Output> {
        let webhook = work.webhook(self.webhook).await?.filter(|webhook| webhook.disabled.is_none());
        let delivery = work.due_delivery(self.webhook, self.now).await?;
        Ok(webhook.zip(delivery))
    }
}

/// Which deliveries are forgotten.
#[derive(Clone, Copy)]
enum Forget {
    /// Those that ended, of before.
    Before(Timestamp),
    /// Those of webhooks that were removed.
    Removed,
}

#[async_trait]
impl Transaction for Forget {
    type Output = u64;

    async fn run(&self, work: &mut dyn Work) -> Result<u64> {
        match self {
            Self::Before(before) => work.forget_deliveries(*before, STEP).await,
            Self::Removed => work.forget_removed(STEP).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour_and_stay_there() {
        let after = |failed| pause(failed, 128);
        assert_eq!([1, 2, 3, 12].map(after), [1, 2, 4, 2048]);
        assert_eq!([13, 63, 64, 65, u32::MAX].map(after), [LONGEST_PAUSE; 5]);
        assert_eq!([0, 255].map(|chance| pause(12, chance)), [1639, 2454], "give or take a fifth");
    }
}
