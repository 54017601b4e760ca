//! Makes connections for the pool: to the host that takes writes, with TLS as asked, to a server that is safe.

use std::{error::Error as StdError, fmt, io, path::PathBuf};

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use tokio_postgres::{Config, error::SqlState};
use tokio_postgres_rustls::MakeRustlsConnect;
use wharf_core::{Error, Kind, Result};

use super::{
    PostgresSettings,
    address::Address,
    connection::{Connection, Speaker},
    fault::UNAVAILABLE,
    server::Server,
    tls,
};

/// Makes connections.
pub(super) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
    password_file: Option<PathBuf>,
    /// The hosts, as the log names them.
    hosts: String,
}

impl Connector {
    /// Reads the settings and the files of TLS; connects to nothing yet.
    ///
    /// # Errors
    /// `Invalid` with the parameter that is wrong.
    pub(super) fn new(settings: PostgresSettings) -> Result<Self> {
        let Address { config, tls, hosts } = Address::parse(settings.url.expose())?;
        if settings.password_file.is_some() && config.get_password().is_some() {
            let message =
                "database holds a password and database_password_file names another: give one of them";
            return Err(Error::new(Kind::Invalid, message));
        }
        Ok(Self { config, tls: tls::connector(&tls)?, password_file: settings.password_file, hosts })
    }

    async fn connect(&self) -> Result<Connection, Refusal> {
        let mut config = self.config.clone();
        if let Some(file) = &self.password_file {
            let unreadable = |error| self.refusal("needs the password of database_password_file", error);
            config.password(password(file).map_err(unreadable)?);
        }
        let connected = config.connect(self.tls.clone()).await;
        let (client, connection) = connected.map_err(|error| self.refusal(advice(&error), error))?;
        let speaker = Speaker::start(connection);
        let server = Server::greet(&client).await;
        let server = server.map_err(|fault| self.refusal("accepted a connection and then failed", fault))?;
        match server.objection() {
            Some(objection) => {
                Err(Refusal { words: format!("PostgreSQL at {} {objection}", self.hosts), cause: None })
            }
            None => Ok(Connection::new(client, speaker, server)),
        }
    }

    fn refusal(&self, words: &str, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Refusal {
        Refusal { words: format!("PostgreSQL at {} {words}", self.hosts), cause: Some(cause.into()) }
    }
}

impl Manager for Connector {
    type Type = Connection;
    type Error = Error;

    async fn create(&self) -> Result<Connection> {
        self.connect().await.map_err(|refusal| Error::new(Kind::Unavailable, UNAVAILABLE).because(refusal))
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<Error> {
        if connection.client.is_closed() { Err(RecycleError::message("closed")) } else { Ok(()) }
    }
}

/// Why there is no connection, with the host and what to do.
#[derive(Debug)]
struct Refusal {
    words: String,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl StdError for Refusal {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

/// The password in a file, without the end of its line.
#[expect(clippy::disallowed_methods, reason = "the password is a file, so that it can change while we run")]
fn password(file: &std::path::Path) -> std::io::Result<String> {
    Ok(std::fs::read_to_string(file)?.trim_end_matches(['\r', '\n']).to_owned())
}

/// What a refusal to connect asks for.
fn advice(error: &tokio_postgres::Error) -> &'static str {
    match error.code().map(SqlState::code) {
        Some("28P01") => "refused the password: check the one in database or database_password_file",
        Some("28000") => "refused the login: check user, pg_hba.conf and sslmode",
        Some("3D000") => "has no such database: create it, owned by Wharf's role",
        Some("42501") => "denied the role access to the database: grant it CONNECT",
        Some("53300") => "has no connection left: raise max_connections or lower database_connections",
        Some(code) if code.starts_with("57P") => "is starting or stopping",
        Some(_) => "refused the session",
        None if error.source().is_some_and(|cause| cause.is::<io::Error>()) => {
            "cannot be reached: check host and port, and whether it runs and takes writes"
        }
        None => "answered, but no session began: check the password, sslmode and its certificates",
    }
}
