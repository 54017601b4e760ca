//! One server program under the rig: started with its log in a file, waited for, and stopped however the run ends.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::failure::Failure;
use crate::program::unstartable;

const LONGEST_START: Duration = Duration::from_secs(60);
const LONGEST_STOP: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);
const LAST_LINES: usize = 30;

/// A running server. Dropping it stops it.
pub(crate) struct Daemon {
    name: &'static str,
    child: Child,
    log: PathBuf,
    /// The signal that asks this program to stop in order.
    stop: Signal,
}

impl Daemon {
    /// Starts `command`, its words going to `log`.
    pub(crate) fn start(
        name: &'static str,
        command: &mut Command,
        log: &Path,
        stop: Signal,
    ) -> Result<Self, Failure> {
        let file = File::create(log).map_err(Failure::file(log))?;
        let both = file.try_clone().map_err(Failure::file(log))?;
        let started = command.stdin(Stdio::null()).stdout(file).stderr(both).spawn();
        Ok(Self { name, child: started.map_err(unstartable(command))?, log: log.to_path_buf(), stop })
    }

    /// Waits until `ready` says yes. Fails, with the log's last lines printed, when the program ends or is too slow.
    pub(crate) fn wait_until(mut self, ready: impl Fn() -> bool) -> Result<Self, Failure> {
        let begun = Instant::now();
        while begun.elapsed() < LONGEST_START {
            if ready() {
                return Ok(self);
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                self.print_log();
                return Err(Failure::Broken(format!("{} ended while starting, with {status}", self.name)));
            }
            thread::sleep(PAUSE);
        }
        self.print_log();
        Err(Failure::Broken(format!("{} did not answer within {LONGEST_START:?}", self.name)))
    }

    /// Prints the last lines of the log.
    pub(crate) fn print_log(&self) {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let skipped = text.lines().count().saturating_sub(LAST_LINES);
        println!("--- the last lines of {}", self.name);
        text.lines().skip(skipped).for_each(|line| println!("{line}"));
    }

    fn has_ended_within(&mut self, longest: Duration) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < longest {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            thread::sleep(PAUSE);
        }
        false
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // An error means that it has ended already, which the wait finds out.
        let _ = kill_process(Pid::from_child(&self.child), self.stop);
        if self.has_ended_within(LONGEST_STOP) {
            return;
        }
        println!("{} does not stop and is killed", self.name);
        // It may have ended by itself meanwhile, which is all that is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(words: &str, log: &Path) -> Daemon {
        Daemon::start("peer", Command::new("sh").args(["-c", words]), log, Signal::TERM).unwrap()
    }

    #[test]
    fn a_program_that_ends_while_starting_is_a_failure() {
        let directory = tempfile::tempdir().unwrap();
        let daemon = started("echo no; exit 3", &directory.path().join("log"));
        let failure = daemon.wait_until(|| false).err().unwrap().to_string();
        assert_eq!(failure, "peer ended while starting, with exit status: 3");
    }

    #[test]
    fn dropping_a_daemon_stops_it_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let [log, last_word] = ["log", "last-word"].map(|name| directory.path().join(name));
        let words = format!(
            "trap 'echo bye > {}; exit' TERM; echo up; while :; do sleep 0.01; done",
            last_word.display()
        );
        let is_up = || fs::read_to_string(&log).is_ok_and(|text| text == "up\n");
        let daemon = started(&words, &log).wait_until(is_up).unwrap();
        drop(daemon);
        assert_eq!(fs::read_to_string(last_word).unwrap(), "bye\n");
    }
}
