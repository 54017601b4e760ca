//! How many requests run on a connection, and since when none does: hyper itself lets a connection of HTTP/2 without
//! a stream live for ever, as long as it answers pings.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::timeout};

/// The requests of one connection.
pub(super) struct Streams(watch::Sender<usize>);

/// A request that runs until its answer is sent, or given up.
pub(super) struct Stream(Arc<Streams>);

impl Streams {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(watch::Sender::new(0)))
    }

    /// Counts a request of HTTP/2 from now on.
    pub(super) fn begin(self: &Arc<Self>) -> Option<Stream> {
        self.0.send_modify(|running| *running += 1);
        Some(Stream(self.clone()))
    }

    /// Leaves a connection of HTTP/1 to hyper's own timeout: it never idles here. What it sends may be on its way long
    /// after the answer's body was taken.
    pub(super) fn leave(&self) -> Option<Stream> {
        self.0.send_modify(|running| *running += 1);
        None
    }

    /// Returns once there was no request for so long.
    pub(super) async fn idle(&self, most: Duration) {
        let mut running = self.0.subscribe();
        loop {
            // The sender lives as long as this, so neither wait ends for want of one.
            let _ = running.wait_for(|running| *running == 0).await;
            if timeout(most, running.changed()).await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.0.send_modify(|running| *running -= 1);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_idles_only_while_no_request_runs() {
        let (streams, most) = (Streams::new(), Duration::from_secs(10));
        let began = Instant::now();
        streams.idle(most).await;
        assert_eq!(began.elapsed(), most, "one that asks for nothing");
        let (first, second) = (streams.begin(), streams.begin());
        let requests = async {
            sleep(Duration::from_secs(30)).await;
            drop(first);
            sleep(Duration::from_secs(30)).await;
            drop(second);
            sleep(Duration::from_secs(9)).await;
            drop(streams.begin());
        };
        let began = Instant::now();
        tokio::join!(requests, streams.idle(most));
        assert_eq!(began.elapsed(), Duration::from_secs(30 + 30 + 9 + 10));
        streams.leave();
        assert!(timeout(10 * most, streams.idle(most)).await.is_err(), "one of HTTP/1 is left to hyper");
    }
}
