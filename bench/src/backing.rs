//! What a Wharf stands on when it is not SQLite and files: a PostgreSQL cluster or an S3 server, on loopback, in the
//! folder of its contender. Its processor time is not Wharf's and is not counted.

mod postgres;
mod versitygw;

pub(crate) use postgres::start as postgres;
pub(crate) use versitygw::{KEYS, start as versitygw};

use std::time::{Duration, Instant};

use crate::{Result, process::Process};

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Something that runs, and the settings that lead a Wharf to it.
#[derive(Debug)]
pub(crate) struct Backing {
    pub(crate) process: Process,
    /// Host and port.
    pub(crate) authority: String,
    pub(crate) settings: Vec<(&'static str, String)>,
}

impl Backing {
    /// Waits until it says that it is ready.
    fn ready(mut self, says: impl Fn() -> bool) -> Result<Self> {
        let started = Instant::now();
        while !says() {
            if self.process.has_ended() || started.elapsed() > PATIENCE {
                return Err(format!("nothing is ready on {}", self.authority).into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(self)
    }
}
