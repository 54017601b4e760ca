//! `wharf login` and `wharf logout`: a login at a server, tried before it is kept, in the file that docker uses too.

mod arguments;
mod docker_file;
mod helper;
mod private_file;

use wharf_core::{Result, Secret};
use wharf_outbound::{Door, Login, Policy, RegistryAddress, Trust, Upstream};

pub(crate) use self::{
    arguments::{authorities, authorities_of, server, server_of},
    docker_file::DockerFile,
    private_file::replace,
};

/// Whom to log in, and where.
pub(crate) struct NewLogin {
    /// The server.
    pub(crate) server: RegistryAddress,
    /// The user, as Basic can carry it: a name without a `:`.
    pub(crate) user: String,
    /// The password.
    pub(crate) password: Secret<String>,
    /// Whom to believe over TLS beside the system's authorities, in PEM.
    pub(crate) authorities: Option<Vec<u8>>,
}

/// Asks the server whether it knows the user, and keeps the login.
///
/// # Errors
/// `Unauthenticated` where it does not; `Invalid` where docker's file cannot be used.
pub(crate) async fn log_in(login: NewLogin) -> Result<String> {
    let NewLogin { server, user, password, authorities } = login;
    let mut file = DockerFile::read()?;
    let door = Door::open(Policy::named([server.host()]), trust(authorities.as_deref())?)?;
    let asked = Login::Password { user: user.clone(), password: password.clone() };
    Upstream::new(door, &server, Some(asked)).ping().await?;
    file.set(&server, &user, &password)?;
    file.write()?;
    Ok(format!("logged in to {server} as {user}, kept in {}", file.path().display()))
}

/// Forgets the login at a server.
///
/// # Errors
/// `Invalid` where docker's file cannot be used.
pub(crate) fn log_out(server: &RegistryAddress) -> Result<String> {
    let mut file = DockerFile::read()?;
    if !file.remove(server) {
        return Ok(format!("there was no login at {server}"));
    }
    file.write()?;
    Ok(format!("the login at {server} is forgotten"))
}

/// The system's authorities, and those of a file that was read.
pub(crate) fn trust(authorities: Option<&[u8]>) -> Result<Trust> {
    match authorities {
        Some(pem) => Trust::of_system().and(pem),
        None => Ok(Trust::of_system()),
    }
}
