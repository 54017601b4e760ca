//! Commands on the data: carried out by the running server when there is one, else by this process.
//!
//! A running server takes them through a local socket in the data directory, which only its owner can open. So
//! there is never a second process on a database.

mod audit;
mod bar;
mod client;
mod command;
mod key;
mod membership;
mod progress;
mod registry;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::post,
};
use futures_util::stream;
use tokio::sync::mpsc;
use wharf_auth::Auth;
use wharf_blobs::OBJECTS;
use wharf_core::{Error, Kind, Result};
use wharf_http::{collect, problem};
use wharf_meta::Database;
use wharf_registry::{Registry, audit::AuditLog, port::BlobStore};
use wharf_signing::Signing;

pub(crate) use self::{
    audit::Audit,
    command::{Command, Gc},
    key::Key,
    membership::Membership,
    progress::{Outcome, Progress, Step, Unit, Verdict},
};
use self::{bar::Bar, progress::Said};
use crate::{
    config::{Config, DatabaseChoice},
    data_dir::{DATABASE_FILE, DataDir, NotHeld},
    first_start,
    output::remark,
    wiring::Wharf,
};

/// The largest command, in bytes.
const LARGEST: usize = 64 * 1024;

/// What commands work with.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) registry: Registry,
    pub(crate) auth: Auth,
    pub(crate) audit: AuditLog,
    pub(crate) signing: Signing,
    pub(crate) database: Database,
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) data_dir: Arc<DataDir>,
    /// How many bytes a command that reads everything reads in a second, where it is not told otherwise.
    pub(crate) pace: Option<u64>,
}

/// The control socket of a data directory.
pub(crate) fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("control.sock")
}

/// Carries a command out and yields what to tell the operator.
pub(crate) async fn carry_out(config: &Config, command: Command) -> Result<Outcome> {
    // A server that runs there knows its database itself, whatever this process was told.
    if !path(&config.data_dir).try_exists().is_ok_and(|there| there) {
        expect_wharf(config)?;
    }
    match DataDir::hold(&config.data_dir) {
        Ok(data_dir) => {
            // The socket is one that a server left that was killed.
            expect_wharf(config)?;
            let data_dir = Arc::new(data_dir);
            let wharf = Wharf::open(config, &data_dir).await?;
            // A directory that never served still gets its operator: there must always be one.
            first_start::prepare(&wharf.auth, &data_dir, wharf.entropy.as_ref()).await?;
            let desk = wharf.desk(data_dir);
            let log = desk.audit.clone();
            let done = shown(|progress| async move { command.carry_out(&desk, &progress).await }).await;
            // There is no server that would.
            beside(done, log.write_notes().await)
        }
        Err(NotHeld::ByAnother(_)) => client::send(&path(&config.data_dir), &command).await,
        Err(NotHeld::Unusable(error)) => Err(error),
    }
}

/// What a command came to, which is told whatever became of the notes that it left.
fn beside(done: Result<Outcome>, noted: Result<u64>) -> Result<Outcome> {
    if let Err(error) = noted {
        remark(&format!("what was noted for the audit log could not be written down: {error}"));
    }
    done
}

/// Does something in this process and shows how far it is.
pub(crate) async fn shown<Doing: Future<Output = Result<Outcome>>>(
    doing: impl FnOnce(Progress) -> Doing,
) -> Result<Outcome> {
    let (progress, mut said) = Progress::pair();
    let show = async move {
        let mut bar = Bar::new();
        while let Some(said) = said.recv().await {
            match said {
                Said::Step(step) => bar.show(&step),
                Said::Line(line) => bar.tell(&line),
                Said::Told(_) | Said::Refused(_) => {}
            }
        }
    };
    let (done, ()) = tokio::join!(doing(progress), show);
    done
}

/// A command in the wrong folder must not make a second Wharf there.
fn expect_wharf(config: &Config) -> Result<()> {
    // A start that was refused leaves its lock behind, but neither a database nor objects.
    let left_by_a_start: &[&str] = match config.database {
        DatabaseChoice::Sqlite => &[DATABASE_FILE, OBJECTS],
        DatabaseChoice::Postgres(_) => &["lock"],
    };
    let data_dir = std::path::absolute(&config.data_dir).unwrap_or_else(|_| config.data_dir.clone());
    let mut message =
        format!("there is no Wharf in {}: name its --data-dir, or start it there first", data_dir.display());
    for name in left_by_a_start {
        match data_dir.join(name).try_exists() {
            Ok(true) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                message =
                    format!("{} is closed to this user: run the command as the server's", data_dir.display());
            }
            _ => {}
        }
    }
    Err(Error::new(Kind::Invalid, message))
}

/// The one route of the control socket.
pub(crate) fn router(desk: Desk) -> Router {
    Router::new().route("/command", post(take)).with_state(desk)
}

/// Answers with what the command says, a line of JSON each, while it runs on a task of its own. When the client goes, the
/// lines find no taker, and the command ends.
async fn take(State(desk): State<Desk>, request: Request) -> Response {
    let command = match read(request).await {
        Ok(command) => command,
        Err(error) => return problem(&error, "control"),
    };
    let (progress, said) = Progress::pair();
    tokio::spawn(async move {
        let done = command.carry_out(&desk, &progress).await;
        progress.end(done).await;
    });
    Body::from_stream(stream::unfold(said, line)).into_response()
}

async fn read(request: Request) -> Result<Command> {
    let (parts, body) = request.into_parts();
    let bytes = collect(&parts.headers, body, LARGEST).await?;
    let unknown = |error| Error::new(Kind::Invalid, "the server does not know that command").because(error);
    serde_json::from_slice(&bytes).map_err(unknown)
}

async fn line(
    mut said: mpsc::Receiver<Said>,
) -> Option<(Result<Bytes, serde_json::Error>, mpsc::Receiver<Said>)> {
    let said_next = said.recv().await?;
    let line = serde_json::to_vec(&said_next).map(|mut line| {
        line.push(b'\n');
        Bytes::from(line)
    });
    Some((line, said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_that_cannot_be_written_hide_no_outcome() {
        let lost = || Err(Error::unavailable("no database"));
        let damaged = Outcome { text: "damaged".to_owned(), verdict: Verdict::Damaged };
        assert_eq!(beside(Ok(damaged), lost()).unwrap().verdict, Verdict::Damaged);
        let refused = beside(Err(Error::new(Kind::Invalid, "no such month")), lost()).unwrap_err();
        assert_eq!(refused.kind(), Kind::Invalid);
    }
}
