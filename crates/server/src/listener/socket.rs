//! What is listened on: a TCP port or a local socket.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::Path,
};

use tokio::net::{TcpListener, UnixListener};
use wharf_core::{Error, Kind, Result};
use wharf_http::Peer;

use super::{Stream, sending::Sender};
use crate::config::Listen;

/// How many bytes the path of a local socket may have: `sun_path` holds 108, with a zero at the end (unix(7)).
const LONGEST: usize = 107;

/// A socket that listens.
pub(crate) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Socket {
    /// Listens where the configuration says.
    pub(crate) async fn open(listen: &Listen) -> Result<Self> {
        match listen {
            Listen::Tcp(address) => {
                let wrong = |error: io::Error| {
                    Error::new(Kind::Unavailable, format!("cannot listen on {address}")).because(error)
                };
                Ok(Self::Tcp(TcpListener::bind(address).await.map_err(wrong)?))
            }
            Listen::Unix(path) => Self::local(path, 0o666),
        }
    }

    /// Listens on a local socket of this mode; one a dead process left behind gives way.
    #[expect(clippy::disallowed_methods, reason = "a local socket is a file")]
    pub(crate) fn local(path: &Path, mode: u32) -> Result<Self> {
        let open = || {
            if fs::metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
                if std::os::unix::net::UnixStream::connect(path).is_ok() {
                    return Err(io::ErrorKind::AddrInUse.into());
                }
                fs::remove_file(path)?;
            }
            let socket = UnixListener::bind(path)?;
            fs::set_permissions(path, Permissions::from_mode(mode))?;
            Ok(socket)
        };
        let wrong = |error: io::Error| {
            let length = path.as_os_str().len();
            let message = match length > LONGEST {
                true => format!(
                    "a socket's path holds {LONGEST} bytes, and {} has {length}: choose a shorter --data-dir, or start \
                     Wharf above it",
                    path.display()
                ),
                false => format!("cannot listen on {}", path.display()),
            };
            Error::new(Kind::Unavailable, message).because(error)
        };
        open().map(Self::Unix).map_err(wrong)
    }

    /// The next connection.
    pub(super) async fn accept(&self) -> io::Result<(Box<dyn Stream>, Peer)> {
        match self {
            Self::Tcp(socket) => {
                let (stream, address) = socket.accept().await?;
                stream.set_nodelay(true)?;
                Ok((Box::new(Sender::new(stream)), Peer(Some(address.ip().to_canonical()))))
            }
            Self::Unix(socket) => {
                let (stream, _) = socket.accept().await?;
                Ok((Box::new(stream), Peer(None)))
            }
        }
    }

    /// Whether others than programs on this machine reach it.
    pub(crate) fn is_reached_from_elsewhere(&self) -> bool {
        match self {
            Self::Tcp(socket) => socket.local_addr().is_ok_and(|address| !address.ip().is_loopback()),
            Self::Unix(_) => false,
        }
    }

    /// Where it listens, for the log.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Tcp(socket) => {
                socket.local_addr().map_or_else(|_| "?".to_owned(), |address| address.to_string())
            }
            Self::Unix(socket) => {
                let address = socket.local_addr().ok();
                let path = address.as_ref().and_then(|address| address.as_pathname());
                path.map_or_else(|| "?".to_owned(), |path| format!("unix:{}", path.display()))
            }
        }
    }
}
