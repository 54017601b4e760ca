//! What a server promises, asked on every new connection: after a failover it may be another one.

use tokio_postgres::Client;

use super::{connection::answered, fault::Fault};

/// The oldest version that is served.
const OLDEST: i64 = 140_000;

/// Asks what matters for durability, and sets what a session of ours needs: commits that wait for the disk (and for
/// synchronous standbys, if there are any), and an end to every wait and to the transactions of a node that is gone.
const GREET: &str = "
    SELECT CAST(current_setting('server_version_num') AS bigint), current_setting('server_version'),
           current_setting('fsync'), current_setting('full_page_writes'),
           current_setting('synchronous_standby_names'),
           set_config('synchronous_commit', CASE current_setting('synchronous_commit')
               WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false),
           set_config('statement_timeout', '3s', false),
           set_config('lock_timeout', '2s', false),
           set_config('idle_in_transaction_session_timeout', '10s', false)";

/// The timeline the server writes: a promoted standby begins a new one. Some services do not say.
const TIMELINE: &str = "SELECT substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)";

/// A server as it introduced itself.
#[derive(Clone, Debug)]
pub(super) struct Server {
    number: i64,
    version: String,
    fsync: String,
    full_page_writes: String,
    standbys: String,
    synchronous_commit: String,
    timeline: Option<String>,
}

impl Server {
    /// Asks the server, and sets the session up.
    pub(super) async fn greet(client: &Client) -> Result<Self, Fault> {
        let row = answered(client.query_one(GREET, &[])).await?;
        let text = |index| row.try_get::<_, String>(index).map_err(Fault::Driver);
        let timeline = answered(client.query_one(TIMELINE, &[])).await;
        Ok(Self {
            number: row.try_get(0).map_err(Fault::Driver)?,
            version: text(1)?,
            fsync: text(2)?,
            full_page_writes: text(3)?,
            standbys: text(4)?,
            synchronous_commit: text(5)?,
            timeline: timeline.ok().and_then(|row| row.try_get(0).ok()),
        })
    }

    /// Why this server cannot be trusted with what is acknowledged, and what to do; `None` if it can.
    pub(super) fn objection(&self) -> Option<String> {
        if self.number < OLDEST {
            return Some(format!("is version {}, and 14 or newer is needed: upgrade it", self.version));
        }
        let off =
            |name: &str, risk: &str| Some(format!("runs with {name} off and would {risk}: switch it on"));
        match (self.fsync.as_str(), self.full_page_writes.as_str()) {
            ("on", "on") => None,
            ("on", _) => off("full_page_writes", "not survive a power cut in the middle of a page"),
            _ => off("fsync", "lose acknowledged pushes"),
        }
    }

    /// Whether it has the transactions that the other one had.
    pub(super) fn continues(&self, other: &Self) -> bool {
        self.timeline == other.timeline
    }

    /// What it does before it acknowledges a write. Anybody may read this: no names, no builds.
    pub(super) fn durability(&self) -> String {
        let standbys = if self.standbys.is_empty() { "none" } else { "waited for" };
        let version = self.version.split(' ').next().unwrap_or_default();
        format!(
            "postgresql {version}, fsync={}, full_page_writes={}, synchronous_commit={}, synchronous standbys: {standbys}",
            self.fsync, self.full_page_writes, self.synchronous_commit
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(number: i64, fsync: &str, full_page_writes: &str) -> Server {
        let text = str::to_owned;
        Server {
            number,
            version: text("1.2"),
            fsync: text(fsync),
            full_page_writes: text(full_page_writes),
            standbys: String::new(),
            synchronous_commit: text("on"),
            timeline: None,
        }
    }

    #[test]
    fn an_unsafe_or_old_server_is_refused_in_words() {
        assert_eq!(server(140_000, "on", "on").objection(), None);
        for (server, word) in [
            (server(130_010, "on", "on"), "14 or newer"),
            (server(160_000, "off", "on"), "fsync off"),
            (server(160_000, "on", "off"), "full_page_writes off"),
        ] {
            assert!(server.objection().unwrap().contains(word), "{server:?}");
        }
    }
}
