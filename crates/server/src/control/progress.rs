//! What a command says while it runs: steps on the way, and at the end what to tell or why not.
//!
//! The command speaks through [`Progress`]. Whoever asked listens, in this process or at the other end of the control
//! socket; when nobody listens any more, the command is not wanted any more and ends soon.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use wharf_core::{Error, Kind, Result};

/// Steps come no closer than this.
const REST: Duration = Duration::from_millis(100);
/// How much may be said before somebody listens.
const QUEUE: usize = 16;

/// Something a command says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    /// How far it is.
    Step(Step),
    /// A line of what it has to tell, before the end.
    Line(String),
    /// The end.
    Told(Outcome),
    /// The other end, in words for the operator.
    Refused(String),
}

/// How far a command is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Step {
    /// What is being done.
    pub(crate) what: String,
    /// How much of it is done.
    pub(crate) done: u64,
    /// Of how much; `None` where nobody knows before the end.
    pub(crate) total: Option<u64>,
    /// What is counted.
    pub(crate) unit: Unit,
}

/// What a step counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// Rows of the database.
    Rows,
    /// Bytes of content.
    Bytes,
}

/// What a command came to.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// What to tell.
    pub(crate) text: String,
    /// What it found.
    pub(crate) verdict: Verdict,
}

/// What a command found, for its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// All is as it should be.
    Good,
    /// Something is damaged, and the text names it.
    Damaged,
}

impl Outcome {
    /// All went well.
    pub(crate) fn good(text: impl Into<String>) -> Self {
        Self { text: text.into(), verdict: Verdict::Good }
    }
}

/// A command's way to say how far it is. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Progress {
    listener: mpsc::Sender<Said>,
    last: Arc<Mutex<Option<Instant>>>,
}

impl Progress {
    /// A way to speak, and to listen.
    pub(crate) fn pair() -> (Self, mpsc::Receiver<Said>) {
        let (listener, said) = mpsc::channel(QUEUE);
        (Self { listener, last: Arc::default() }, said)
    }

    /// Says how far it is, unless that was said just now.
    ///
    /// # Errors
    /// `Unavailable` when nobody listens any more: the command is to end.
    pub(crate) fn step(&self, step: Step) -> Result<()> {
        if self.listener.is_closed() {
            return Err(unwanted());
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() >= REST) {
            *last = Some(Instant::now());
            // A listener that is slow misses a step, and the command does not wait for it.
            let _ = self.listener.try_send(Said::Step(step));
        }
        Ok(())
    }

    /// Tells a line at once; waits for a listener that is slow.
    ///
    /// # Errors
    /// `Unavailable` when nobody listens any more.
    pub(crate) async fn line(&self, line: String) -> Result<()> {
        self.listener.send(Said::Line(line)).await.map_err(|_| unwanted())
    }

    /// Says the end. That nobody listens is no error: whoever wanted to know has gone.
    pub(super) async fn end(self, done: Result<Outcome>) {
        let said = match done {
            Ok(outcome) => Said::Told(outcome),
            Err(error) => {
                if error.is_fault() {
                    tracing::error!(?error, "command failed");
                }
                Said::Refused(in_words(&error))
            }
        };
        let _ = self.listener.send(said).await;
    }
}

fn unwanted() -> Error {
    Error::new(Kind::Unavailable, "nobody waits for this any more")
}

/// An error with its causes, a line each: whoever reads it is the operator.
fn in_words(error: &Error) -> String {
    let causes = error.words_of_causes();
    causes.iter().fold(error.to_string(), |words, cause| format!("{words}\n  because: {cause}"))
}
