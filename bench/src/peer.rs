//! A server that is measured: a process on a port of loopback with a folder of its own, all gone when dropped.

mod distribution;
mod nginx;
mod wharf;

use std::{
    net::TcpListener,
    path::Path,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    Result,
    case::Kind,
    client::{Body, Connection, Request},
    fixture::Fixture,
    process::{self, Process},
};

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How old a token may become: they live for five minutes. (Getting one is work, so it is not done for each turn.)
const TOKEN_AGE: Duration = Duration::from_secs(180);

/// A server that answers, loaded with the fixture.
#[derive(Debug)]
pub(crate) struct Server {
    kind: Kind,
    process: Process,
    /// Host and port.
    pub(crate) authority: String,
    /// The header line that lets a client in, or nothing.
    pub(crate) authorization: String,
    /// What was resident before anything was asked, in bytes.
    pub(crate) idle: u64,
    authorized: Option<Instant>,
    _folder: TempDir,
}

impl Server {
    /// Starts, loads and checks a server; nothing if its program is not installed.
    pub(crate) async fn start(kind: Kind, wharf: &Path, fixture: &Fixture) -> Result<Option<Self>> {
        let folder = tempfile::tempdir()?;
        let authority = format!("127.0.0.1:{}", free_port()?);
        let mut command = match kind {
            Kind::Wharf => wharf::command(wharf, folder.path(), &authority),
            Kind::Distribution => distribution::command(folder.path(), &authority)?,
            Kind::Nginx => nginx::command(folder.path(), &authority, fixture)?,
            Kind::HashAndWrite => return Ok(None),
        };
        let Some(process) = Process::start(&mut command)? else { return Ok(None) };
        let authorization = String::new();
        let (idle, authorized) = (0, None);
        let mut server = Self { kind, process, authority, authorization, idle, authorized, _folder: folder };
        let mut connection = server.ready().await?;
        server.idle = process::resident(server.id())?;
        server.authorize().await?;
        if kind != Kind::Nginx {
            fixture.push(&mut connection, &server.authorization).await?;
        }
        fixture.check(&mut connection, &server.authorization).await?;
        Ok(Some(server))
    }

    /// The id of its first process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Gets a token where one is needed and the last is not fresh any more.
    pub(crate) async fn authorize(&mut self) -> Result<()> {
        let fresh = self.authorized.is_some_and(|at| at.elapsed() < TOKEN_AGE);
        if self.kind == Kind::Wharf && !fresh {
            self.authorization = wharf::token(&self.authority).await?;
            self.authorized = Some(Instant::now());
        }
        Ok(())
    }

    async fn ready(&mut self) -> Result<Connection> {
        let target = match self.kind {
            Kind::Wharf => "/readyz",
            Kind::Distribution => "/v2/",
            Kind::Nginx | Kind::HashAndWrite => &Fixture::manifest_path(),
        };
        let started = Instant::now();
        loop {
            match ask(&self.authority, target).await {
                Ok(connection) => return Ok(connection),
                Err(error) if self.process.has_ended() || started.elapsed() > PATIENCE => {
                    return Err(format!("{} does not start: {error}", self.kind.name()).into());
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }
}

async fn ask(authority: &str, target: &str) -> Result<Connection> {
    let mut connection = Connection::open(authority).await?;
    let request = Request { method: "GET", target, headers: "", body: Body::Nothing };
    connection.call(request, &mut |_| ()).await?;
    Ok(connection)
}

/// A port that is free now.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
