//! One of those that take turns in a case, and what each of its turns cost.

use std::{path::Path, process::Command, time::Duration};

use tempfile::TempDir;

use crate::{
    Result,
    case::{Case, Kind, Scale},
    fixture::Fixture,
    load::{Load, drive},
    operation::Turn,
    peer::Server,
    process, yardstick,
};

/// A contender, ready for its turns.
#[derive(Debug)]
pub(crate) enum Contender {
    /// A server.
    Server(Box<Server>),
    /// This process itself, with a folder to write to.
    Here(TempDir),
}

/// What a turn cost.
#[derive(Debug)]
pub(crate) struct Sample {
    /// What the clients saw.
    pub(crate) load: Load,
    /// The processor time of the server and all its children.
    pub(crate) cpu: Duration,
    /// The most that was resident meanwhile, in bytes.
    pub(crate) peak: u64,
}

impl Contender {
    /// Nothing if its program is not installed.
    pub(crate) async fn new(kind: Kind, wharf: &Path, fixture: &Fixture) -> Result<Option<Self>> {
        if kind == Kind::HashAndWrite {
            return Ok(Some(Self::Here(tempfile::tempdir()?)));
        }
        Ok(Server::start(kind, wharf, fixture).await?.map(Box::new).map(Self::Server))
    }

    /// What was resident before anything was asked, in bytes, of a server.
    pub(crate) fn idle(&self) -> Option<u64> {
        match self {
            Self::Server(server) => Some(server.idle),
            Self::Here(_) => None,
        }
    }

    /// Takes a turn.
    ///
    /// # Errors
    /// Any answer but a success: a turn with one is worth nothing.
    pub(crate) async fn turn(&mut self, case: &Case, fixture: &Fixture, scale: Scale) -> Result<Sample> {
        let turn = Turn::new(case.work, fixture, scale);
        // What the one before left for the disk is not this one's to write.
        Command::new("sync").status()?;
        let ids: Vec<u32> = match self {
            Self::Server(server) => {
                server.authorize().await?;
                server.ids().collect()
            }
            Self::Here(_) => vec![std::process::id()],
        };
        ids.iter().try_for_each(|id| process::forget_peak(*id))?;
        let cpu = || ids.iter().map(|id| process::cpu(*id)).sum::<Result<Duration>>();
        let before = cpu()?;
        let load = match self {
            Self::Server(server) => drive(server, turn, case.clients).await?,
            Self::Here(folder) => yardstick::hash_and_write(&turn, folder.path())?,
        };
        let peak = ids.iter().map(|id| process::peak(*id)).sum::<Result<u64>>()?;
        Ok(Sample { load, cpu: cpu()?.saturating_sub(before), peak })
    }
}
