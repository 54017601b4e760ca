//! Turns at reading: who waits too long is told to come again, and lists leave room for everybody else.
//!
//! A read holds its connection to its end, also when its caller is gone. So it holds its turn as long.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use wharf_core::{Error, Kind, Result};
use wharf_registry::port::Extent;

/// The turns of all reads of one database, given in the order in which they were asked for.
pub(crate) struct ReadTurns {
    all: Arc<Semaphore>,
    lists: Arc<Semaphore>,
    /// How long a read waits for its turn.
    patience: Duration,
}

/// The right to read.
pub(crate) struct Turn {
    _list: Option<OwnedSemaphorePermit>,
    _one: OwnedSemaphorePermit,
}

impl ReadTurns {
    /// So many turns, half of them also for lists.
    pub(crate) fn new(connections: usize, patience: Duration) -> Self {
        let lists = (connections / 2).max(1);
        Self { all: Arc::new(Semaphore::new(connections)), lists: Arc::new(Semaphore::new(lists)), patience }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// `Unavailable` where it does not come in time.
    pub(crate) async fn next(&self, extent: Extent) -> Result<Turn> {
        let waiting = async {
            let list = match extent {
                Extent::Few => None,
                Extent::List => Some(self.lists.clone().acquire_owned().await.map_err(Error::internal)?),
            };
            let one = self.all.clone().acquire_owned().await.map_err(Error::internal)?;
            Ok(Turn { _list: list, _one: one })
        };
        let busy = |_| Error::new(Kind::Unavailable, "the database is busy, try again");
        timeout(self.patience, waiting).await.map_err(busy)?
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(3);

    #[tokio::test(start_paused = true)]
    async fn lists_leave_half_of_the_turns_and_nobody_waits_for_ever() {
        let turns = ReadTurns::new(4, PATIENCE);
        let _lists = [turns.next(Extent::List).await.unwrap(), turns.next(Extent::List).await.unwrap()];
        let began = Instant::now();
        assert_eq!(turns.next(Extent::List).await.err().unwrap().kind(), Kind::Unavailable);
        assert_eq!(began.elapsed(), PATIENCE);
        let few = [turns.next(Extent::Few).await.unwrap(), turns.next(Extent::Few).await.unwrap()];
        assert_eq!(began.elapsed(), PATIENCE, "a list holds up what is none");
        assert_eq!(turns.next(Extent::Few).await.err().unwrap().kind(), Kind::Unavailable);
        drop(few);
        turns.next(Extent::Few).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn who_came_first_reads_first() {
        let turns = Arc::new(ReadTurns::new(1, PATIENCE));
        let held = turns.next(Extent::Few).await.unwrap();
        let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
        for number in 0..8 {
            let (turns, said) = (turns.clone(), said.clone());
            let extent = if number % 3 == 0 { Extent::List } else { Extent::Few };
            tokio::spawn(async move {
                let _turn = turns.next(extent).await.unwrap();
                said.send(number).unwrap();
            });
            tokio::task::yield_now().await;
        }
        drop((held, said));
        let mut order = Vec::new();
        while let Some(number) = heard.recv().await {
            order.push(number);
        }
        assert_eq!(
            order.iter().filter(|number| **number % 3 != 0).copied().collect::<Vec<_>>(),
            [1, 2, 4, 5, 7]
        );
        assert_eq!(order.iter().filter(|number| **number % 3 == 0).copied().collect::<Vec<_>>(), [0, 3, 6]);
    }
}
