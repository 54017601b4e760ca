//! PostgreSQL as its package has it, but for its place: durable, with a password nobody needs on loopback.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::Backing;
use crate::{Result, peer::free_port, process::Process};

/// Where Debian keeps the programs, beside the path.
const PACKAGED: &str = "/usr/lib/postgresql";

/// Nodes that share a database share the key that seals its secrets.
const SECRET_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A new cluster; nothing if PostgreSQL is not installed.
pub(crate) fn start(folder: &Path) -> Result<Option<Backing>> {
    let Some(programs) = programs() else { return Ok(None) };
    // PostgreSQL does not serve root, and its user must reach the folder.
    fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    let data = folder.join("postgres");
    fs::create_dir(&data)?;
    let user = user()?;
    if let Some((user, group)) = user {
        chown(&data, Some(user), Some(group))?;
    }
    let command = |name: &str| {
        let mut command = Command::new(programs.join(name));
        command.current_dir("/").arg("-D").arg(&data).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some((user, group)) = user {
            command.uid(user).gid(group);
        }
        command
    };
    let made = command("initdb").args(["--username=wharf", "--auth=trust", "--encoding=UTF8"]).status()?;
    if !made.success() {
        return Err("initdb failed".into());
    }
    let port = free_port()?;
    let authority = format!("127.0.0.1:{port}");
    let mut server = command("postgres");
    server.arg("-k").arg(&data).args(["-h", "127.0.0.1", "-p", &port.to_string()]);
    let Some(process) = Process::start(&mut server)? else { return Ok(None) };
    let settings = vec![
        ("WHARF_DATABASE", format!("postgres://wharf@{authority}/postgres?sslmode=disable")),
        ("WHARF_SECRET_KEY", SECRET_KEY.to_owned()),
    ];
    let ready = || {
        let mut question = Command::new(programs.join("pg_isready"));
        question.args(["--quiet", "--host", "127.0.0.1", "--port", &port.to_string()]);
        question.status().is_ok_and(|answer| answer.success())
    };
    Backing { process, authority, settings }.ready(ready).map(Some)
}

/// The newest version's, else the path's.
fn programs() -> Option<PathBuf> {
    let packaged = fs::read_dir(PACKAGED).into_iter().flatten().flatten();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = packaged.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders
        .into_iter()
        .rev()
        .chain(std::env::split_paths(&path))
        .find(|folder| folder.join("initdb").exists())
}

/// Whom to be under root: the user that PostgreSQL's package made.
fn user() -> Result<Option<(u32, u32)>> {
    let ask = |arguments: &[&str]| -> Result<u32> {
        let said = Command::new("id").args(arguments).output()?.stdout;
        Ok(String::from_utf8(said)?.trim().parse()?)
    };
    if ask(&["-u"])? != 0 {
        Ok(None)
    } else {
        Ok(Some((ask(&["-u", "postgres"])?, ask(&["-g", "postgres"])?)))
    }
}
