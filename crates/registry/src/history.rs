//! What is remembered for a while only: where tags pointed, what was told. The audit log is forgotten by months
//! (`audit/keeping.rs`).
//!
//! The housekeeping forgets what is older, in steps that others get in between.

use async_trait::async_trait;
use wharf_core::{Result, Timestamp, meter::Counter};

use crate::{
    Registry, Settings,
    housekeeping::STEP,
    port::{Transaction, Work},
};

/// What one call forgot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Moves of tags.
    pub moves: u64,
    /// Events.
    pub events: u64,
}

impl Registry {
    /// Forgets what is older than it is to be remembered.
    pub(crate) async fn forget(&self) -> Result<Forgotten> {
        let Settings { tag_history, event_history, .. } = *self.settings();
        let meters = &self.meters().forgotten;
        Ok(Forgotten {
            moves: self.forget_all(History::Tags, tag_history, &meters.moves).await?,
            events: self.forget_all(History::Events, event_history, &meters.events).await?,
        })
    }

    /// Forgets what is older than so many seconds.
    async fn forget_all(&self, history: History, age: i64, meter: &Counter) -> Result<u64> {
        let before = self.now().plus_seconds(-age);
        let mut forgotten = 0;
        loop {
            let step = self.store().commit(Forget { history, before }).await?;
            forgotten += step;
            meter.add(step);
            if step < u64::from(STEP) {
                return Ok(forgotten);
            }
        }
    }
}

/// What may be forgotten.
#[derive(Clone, Copy)]
enum History {
    Tags,
    Events,
}

struct Forget {
    history: History,
    before: Timestamp,
}

#[async_trait]
impl Transaction for Forget {
    type Output = u64;

    async fn run(&self, work: &mut dyn Work) -> Result<u64> {
        match self.history {
            History::Tags => work.forget_tag_history(self.before, STEP).await,
            History::Events => work.forget_events(self.before, STEP).await,
        }
    }
}
