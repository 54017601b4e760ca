//! A wall clock that a test moves under a server, by a library of its own (`shifted_clock.c`).

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::preload;

/// The clock of one server.
pub(crate) struct Clock {
    home: TempDir,
    library: PathBuf,
}

impl Clock {
    pub(crate) fn right() -> Self {
        let home = TempDir::new().unwrap();
        let library = preload("harness/shifted_clock.c", home.path());
        Self { home, library }
    }

    /// So many seconds ahead of the machine's from now on, or behind it.
    pub(crate) fn shift(&self, seconds: i64) {
        // Renamed, so that nobody reads half of it.
        let written = self.home.path().join("next");
        fs::write(&written, seconds.to_string()).unwrap();
        fs::rename(written, self.file()).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.home.path().join("seconds")
    }

    /// What loads it under a server.
    pub(crate) fn settings(&self) -> [(&'static str, String); 2] {
        let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
        [("LD_PRELOAD", text(&self.library)), ("SHIFTED_CLOCK", text(&self.file()))]
    }
}
