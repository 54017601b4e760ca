//! versitygw over a folder, which must keep extended attributes.

use std::{fs, net::TcpStream, path::Path, process::Command};

use super::Backing;
use crate::{
    Result,
    peer::free_port,
    process::Process,
    s3::{BUCKET, Keys, REGION, Signed},
};

/// Its only ones.
pub(crate) const KEYS: Keys = Keys { access: "bench", secret: "bench-secret-key", signed: Signed::Head };

/// A server with an empty bucket; nothing if it is not installed.
pub(crate) fn start(folder: &Path) -> Result<Option<Backing>> {
    let data = folder.join("versitygw");
    fs::create_dir_all(data.join(BUCKET))?;
    let authority = format!("127.0.0.1:{}", free_port()?);
    let mut server = Command::new("versitygw");
    // Else it closes the connection after each answer.
    server.args(["--quiet", "--keep-alive", "--port", &authority, "posix"]).arg(&data);
    server.env("ROOT_ACCESS_KEY", KEYS.access).env("ROOT_SECRET_KEY", KEYS.secret);
    let address = authority.clone();
    let Some(process) = Process::start(&mut server)? else { return Ok(None) };
    let settings = vec![
        ("WHARF_STORAGE", format!("s3://{BUCKET}?endpoint=http://{authority}&region={REGION}")),
        ("AWS_ACCESS_KEY_ID", KEYS.access.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", KEYS.secret.to_owned()),
    ];
    let listens = || TcpStream::connect(&address).is_ok();
    Backing { process, authority, settings }.ready(listens).map(Some)
}
