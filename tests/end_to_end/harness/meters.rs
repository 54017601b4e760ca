//! What a server counts, as its operator reads it.

use std::time::{Duration, Instant};

use super::Wharf;

/// How long a number may take to get where it must.
const PATIENCE: Duration = Duration::from_secs(20);

/// The value of a series, written as the page writes it; 0 where there is none yet.
pub(crate) fn metric_of(page: &str, series: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().unwrap())
}

impl Wharf {
    /// The value of a series now. Who asks is a request and a connection too.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        let page = self.admin().get("/metrics").await.is(200);
        metric_of(std::str::from_utf8(&page.body).unwrap(), series)
    }

    /// Waits until a series is as large as this.
    pub(crate) async fn metric_reaches(&self, series: &str, value: f64) {
        let begun = Instant::now();
        loop {
            let found = self.metric(series).await;
            if found >= value {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{series} is {found}, not {value}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
