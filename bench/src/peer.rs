//! A server that is measured: a process on a port of loopback with a folder of its own, all gone when dropped.

mod devpi;
mod distribution;
mod nginx;
mod pypiserver;
mod python;
pub(crate) mod wharf;
mod zot;

use std::{
    net::TcpListener,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    Result,
    backing::{self, Backing},
    case::Kind,
    client::{Body, Connection, Request, Sink},
    crowd,
    fixture::Fixture,
    hook::Hook,
    index::{self, Doors},
    operation::Access,
    process::{self, Process},
    run::Site,
    s3::{Keys, Signed},
    tenants,
};

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How old a token may become: they live for five minutes. (Getting one is work, so it is not done for each turn.)
const TOKEN_AGE: Duration = Duration::from_secs(180);

/// A server that answers, loaded with the fixture: one process, or several nodes.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) kind: Kind,
    processes: Vec<Process>,
    /// Host and port of each.
    pub(crate) authorities: Vec<String>,
    /// What lets a client in.
    pub(crate) access: Access,
    /// What was resident before anything was asked, in bytes.
    pub(crate) idle: u64,
    authorized: Option<Instant>,
    needs_password: bool,
    /// What the page of its Python project is known by.
    pub(crate) page: Option<String>,
    /// Who is told what happens, if anybody.
    hook: Option<Hook>,
    // What it stands on ends after it.
    backing: Option<Backing>,
    folder: Folder,
}

/// Where a server keeps what it has.
#[derive(Debug)]
pub(crate) enum Folder {
    /// Gone with it.
    Own(TempDir),
    /// One that others start on too, and that outlives it.
    Shared(Arc<TempDir>),
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Own(folder) => folder.path(),
            Self::Shared(folder) => folder.path(),
        }
    }
}

impl Server {
    /// Starts, loads and checks a server; nothing if a program of it is not installed.
    pub(crate) async fn start(kind: Kind, site: &Site<'_>, fixture: &Fixture) -> Result<Option<Self>> {
        let folder = match site.filled.folder(kind, site).await? {
            Some(folder) => Folder::Shared(folder),
            None => Folder::Own(tempfile::tempdir()?),
        };
        if let Kind::VersityGw | Kind::SignedVersityGw = kind {
            let started = backing::versitygw(folder.path())?;
            return Ok(started.map(|backing| Self::bare(kind, backing, folder)));
        }
        Self::start_in(folder, kind, site.wharf, fixture).await
    }

    /// The same in a folder, which may hold what another one left.
    pub(crate) async fn start_in(
        folder: Folder,
        kind: Kind,
        wharf: &Path,
        fixture: &Fixture,
    ) -> Result<Option<Self>> {
        let backing = match kind {
            Kind::WharfOnPostgres | Kind::ThreeNodes => backing::postgres(folder.path())?,
            Kind::WharfOnS3 => backing::versitygw(folder.path())?,
            _ => None,
        };
        if backing.is_none() && kind.stands_on_another() {
            return Ok(None);
        }
        let mut server = Self {
            kind,
            processes: Vec::new(),
            authorities: Vec::new(),
            access: Access::Header(String::new()),
            idle: 0,
            authorized: None,
            needs_password: fixture.work.needs_password(),
            page: None,
            hook: None,
            backing,
            folder,
        };
        for number in 0..kind.nodes().max(1) {
            if !server.add(number, wharf, fixture).await? {
                return Ok(None);
            }
        }
        server.idle = server.ids().map(process::resident).sum::<Result<u64>>()?;
        server.authorize().await?;
        server.load(fixture).await?;
        Ok(Some(server))
    }

    /// An S3 server is loaded with nothing.
    fn bare(kind: Kind, backing: Backing, folder: Folder) -> Self {
        let signed = if kind == Kind::SignedVersityGw { Signed::Bytes } else { Signed::Head };
        Self {
            kind,
            processes: vec![backing.process],
            authorities: vec![backing.authority],
            access: Access::Keys(Keys { signed, ..backing::KEYS }),
            idle: 0,
            authorized: None,
            needs_password: false,
            page: None,
            hook: None,
            backing: None,
            folder,
        }
    }

    /// Starts a process more and waits for it; whether its program is there.
    async fn add(&mut self, number: usize, wharf: &Path, fixture: &Fixture) -> Result<bool> {
        let (folder, authority) = (self.folder.path(), format!("127.0.0.1:{}", free_port()?));
        let mut command = match self.kind {
            Kind::Distribution => distribution::command("docker-registry", folder, &authority)?,
            Kind::DistributionThree => distribution::command("registry", folder, &authority)?,
            Kind::Zot => zot::command(folder, &authority)?,
            Kind::Nginx => nginx::command(folder, &authority, fixture)?,
            Kind::Pypiserver | Kind::Devpi => {
                let command = match self.kind {
                    Kind::Pypiserver => pypiserver::command(folder, &authority)?,
                    _ => devpi::command(folder, &authority)?,
                };
                let Some(command) = command else { return Ok(false) };
                command
            }
            _ => wharf::command(wharf, (&folder.join(format!("node-{number}")), &authority), self.kind)?,
        };
        command.envs(self.backing.iter().flat_map(|backing| backing.settings.iter().cloned()));
        let Some(process) = Process::start(&mut command)? else { return Ok(false) };
        self.processes.push(process);
        self.authorities.push(authority);
        self.ready().await.map(|()| true)
    }

    /// Stops it and starts it again, and yields how long it took to be ready.
    pub(crate) async fn restart(&mut self, wharf: &Path, fixture: &Fixture) -> Result<Duration> {
        self.processes.clear();
        self.authorities.clear();
        self.authorized = None;
        let started = Instant::now();
        self.add(0, wharf, fixture).await?;
        Ok(started.elapsed())
    }

    /// The ids of its first processes.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u32> {
        self.processes.iter().map(Process::id)
    }

    /// Gets a token where one is needed and the last is not fresh any more.
    pub(crate) async fn authorize(&mut self) -> Result<()> {
        if self.kind == Kind::Devpi {
            self.access = Access::Header(devpi::BASIC.to_owned());
        }
        let fresh = self.authorized.is_some_and(|at| at.elapsed() < TOKEN_AGE);
        if self.kind.nodes() > 0
            && !fresh
            && let Some(authority) = self.authorities.first()
        {
            self.access = Access::Header(match (self.kind, self.needs_password) {
                (Kind::ApiTokenWharf, _) => wharf::api_token(authority).await?,
                (_, true) => wharf::BASIC.to_owned(),
                (_, false) => wharf::token(authority).await?,
            });
            self.authorized = Some(Instant::now());
        }
        Ok(())
    }

    /// Pushes the fixture and reads it back.
    async fn load(&mut self, fixture: &Fixture) -> Result<()> {
        let (Access::Header(authorization), Some(authority)) = (&self.access, self.authorities.first())
        else {
            return Ok(());
        };
        let mut connection = Connection::open(authority).await?;
        if self.kind.is_registry() && self.kind != Kind::Nginx {
            fixture.push(&mut connection, authorization).await?;
        }
        if let Some(crowd) = fixture.crowd.filter(|_| self.kind != Kind::CrowdedWharf) {
            crowd::fill(authority, crowd).await?;
        }
        if let Some(plugins) = fixture.plugins.as_ref().filter(|_| self.kind != Kind::StockedWharf) {
            plugins.push(authority).await?;
        }
        // Filling takes longer than the server lets a connection idle.
        let mut connection = Connection::open(authority).await?;
        if self.kind.is_registry() {
            fixture.check(&mut connection, authorization).await?;
        }
        self.page = self.load_files(fixture.files(self.kind)).await?;
        if self.kind == Kind::HookedWharf {
            self.hook = Some(Hook::create(authority).await?);
        }
        Ok(())
    }

    /// Waits until nothing of the turn before is left to be done.
    ///
    /// # Errors
    /// A webhook that is off.
    pub(crate) async fn settle(&self) -> Result<()> {
        match (&self.hook, self.authorities.first()) {
            (Some(hook), Some(authority)) => hook.drain(authority).await,
            _ => Ok(()),
        }
    }

    /// What the turn was about must still be so.
    ///
    /// # Errors
    /// A webhook that is off.
    pub(crate) async fn expect_whole(&self) -> Result<()> {
        match (&self.hook, self.authorities.first()) {
            (Some(hook), Some(authority)) => hook.expect_on(authority).await,
            _ => Ok(()),
        }
    }

    /// The ids of so many API tokens, made now.
    ///
    /// # Errors
    /// Any answer but a success.
    pub(crate) async fn tokens(&self, count: usize) -> Result<Vec<String>> {
        match self.authorities.first() {
            Some(authority) => tenants::tokens(authority, count).await,
            None => Ok(Vec::new()),
        }
    }

    /// Uploads so many files of a Python project; yields what its page is known by.
    async fn load_files(&self, files: usize) -> Result<Option<String>> {
        let (Access::Header(authorization), Some(authority)) = (&self.access, self.authorities.first())
        else {
            return Ok(None);
        };
        if files == 0 {
            return Ok(None);
        }
        if self.kind == Kind::Devpi {
            devpi::prepare(&mut Connection::open(authority).await?).await?;
        }
        let doors = Doors::of(self.kind);
        index::fill(authority, doors, authorization, files).await?;
        index::check(&mut Connection::open(authority).await?, (doors, authorization), files).await
    }

    /// Waits for the process that was started last.
    async fn ready(&mut self) -> Result<()> {
        let target = match self.kind {
            Kind::Distribution | Kind::DistributionThree => "/v2/",
            Kind::Nginx => &Fixture::manifest_path(),
            Kind::Pypiserver => "/health",
            Kind::Devpi => "/+api",
            _ => "/readyz",
        };
        let (Some(process), Some(authority)) = (self.processes.last_mut(), self.authorities.last()) else {
            return Ok(());
        };
        let started = Instant::now();
        loop {
            match ask(authority, target).await {
                Ok(()) => return Ok(()),
                Err(error) if process.has_ended() || started.elapsed() > PATIENCE => {
                    return Err(format!("{} does not start: {error}", self.kind.name()).into());
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
    }
}

async fn ask(authority: &str, target: &str) -> Result<()> {
    let mut connection = Connection::open(authority).await?;
    let request = Request { method: "GET", target, headers: "", body: Body::Nothing };
    connection.call(request, Sink::Nobody).await.map(drop)
}

/// A port that is free now.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
