//! An S3 server of our own, on loopback with keys of its own: versitygw over a directory.
//!
//! It refuses parts that are too small, checks signatures and keeps to conditions, as S3 does. What it knows of an
//! object beside its bytes it keeps in extended attributes, so the directory's file system must have these.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::failure::Failure;
use crate::rig::daemon::Daemon;
use crate::rig::private;

/// A bucket is a directory.
const BUCKET: &str = "wharf-tests";

/// How the tests reach the server.
pub(crate) struct Bucket {
    /// A storage URL.
    pub(crate) url: String,
    pub(crate) access_key: &'static str,
    pub(crate) secret_key: String,
}

/// Starts the server with an empty bucket in `scratch` and waits until it listens.
pub(crate) fn start(program: &Path, scratch: &Path) -> Result<(Daemon, Bucket), Failure> {
    let home = scratch.join("versitygw");
    let bucket = home.join("data").join(BUCKET);
    fs::create_dir_all(&bucket).map_err(Failure::file(&bucket))?;
    let address = format!("127.0.0.1:{}", private::port()?);
    let bucket = Bucket {
        url: format!("s3://{BUCKET}?endpoint=http://{address}"),
        access_key: "wharf",
        secret_key: private::password()?,
    };
    let mut server = Command::new(program);
    server.args(["--quiet", "--port", &address, "posix"]).arg(home.join("data"));
    server.env("ROOT_ACCESS_KEY", bucket.access_key).env("ROOT_SECRET_KEY", &bucket.secret_key);
    let daemon = Daemon::start("versitygw", &mut server, &home.join("log"), Signal::TERM)?;
    Ok((daemon.wait_until(|| TcpStream::connect(&address).is_ok())?, bucket))
}
