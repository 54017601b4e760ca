//! One of those that take turns in a case, and what each of its turns cost.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    Result,
    case::{Case, Kind, Work},
    fixture::Fixture,
    load::{Load, drive},
    peer::Server,
    process,
    run::Site,
    turn::{Prepared, Turn},
    yardstick,
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
    pub(crate) async fn new(kind: Kind, site: &Site<'_>, fixture: &Fixture) -> Result<Option<Self>> {
        if kind == Kind::HashAndWrite {
            return Ok(Some(Self::Here(tempfile::tempdir()?)));
        }
        Ok(Server::start(kind, site, fixture).await?.map(Box::new).map(Self::Server))
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
    pub(crate) async fn turn(&mut self, case: &Case, fixture: &Fixture, site: &Site<'_>) -> Result<Sample> {
        if let (Work::Start(count), Self::Server(server)) = (case.work, &mut *self) {
            return Self::starts(server, count, (site.wharf, fixture)).await;
        }
        let turn = Turn::new(case.work, &self.prepare(case.work, fixture, site).await?)?;
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
            Self::Server(server) => {
                let load = drive(server, turn, case.clients).await?;
                server.expect_whole().await?;
                load
            }
            Self::Here(folder) => yardstick::hash_and_write(&turn, folder.path())?,
        };
        let peak = ids.iter().map(|id| process::peak(*id)).sum::<Result<u64>>()?;
        Ok(Sample { load, cpu: cpu()?.saturating_sub(before), peak })
    }

    /// What is to be there before a turn begins.
    async fn prepare<'a>(&self, work: Work, fixture: &'a Fixture, site: &Site<'_>) -> Result<Prepared<'a>> {
        let bare =
            Prepared { kind: Kind::HashAndWrite, fixture, scale: site.scale, page: None, tokens: Vec::new() };
        let Self::Server(server) = self else { return Ok(bare) };
        server.settle().await?;
        let tokens = if let Work::EndToken(count) = work { server.tokens(count).await? } else { Vec::new() };
        Ok(Prepared { kind: server.kind, page: server.page.clone(), tokens, ..bare })
    }

    /// A turn of nothing but starts.
    async fn starts(
        server: &mut Server,
        count: usize,
        (wharf, fixture): (&Path, &Fixture),
    ) -> Result<Sample> {
        let (started, mut latencies, mut cpu) = (Instant::now(), Vec::new(), Duration::ZERO);
        for _ in 0..count {
            latencies.push(server.restart(wharf, fixture).await?);
            cpu += server.ids().map(process::cpu).sum::<Result<Duration>>()?;
        }
        let peak = server.ids().map(process::peak).sum::<Result<u64>>()?;
        Ok(Sample { load: Load { wall: started.elapsed(), latencies }, cpu, peak })
    }
}
