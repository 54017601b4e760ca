//! What keeps a peer our own: a port that nobody has and a password that nobody knows.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;

use crate::failure::Failure;

/// Everyone on the machine can reach loopback, so even a test's superuser has a real password.
pub(crate) fn password() -> Result<String, Failure> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0; 16];
    let read = fs::File::open(source).and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(Failure::file(source))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A port that was free a moment ago. Another program may take it meanwhile; then the start fails and says so.
pub(crate) fn port() -> Result<u16, Failure> {
    let bound = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    bound
        .map(|address| address.port())
        .map_err(|source| Failure::Start { program: "a listener".to_owned(), source })
}
