//! A PostgreSQL cluster of our own, on loopback with a password of its own.
//!
//! Its collation is ICU's `en-US` where the server can do that: under C every sort order looks right by accident.
//! fsync stays on, because the product refuses to start without.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use crate::failure::Failure;
use crate::program::{capture, find, is_root, succeeds};
use crate::rig::daemon::Daemon;
use crate::rig::private;

/// The server refuses to run as root; under root it runs as the user that its package made.
const USER: &str = "postgres";

/// Many tests at once, each with a pool of its own.
const CONNECTIONS: u16 = 300;

/// Makes a cluster in `scratch`, starts it and waits until it accepts connections. Returns it with its URL.
pub(crate) fn start(scratch: &Path) -> Result<(Daemon, String), Failure> {
    let cluster = Cluster::make(scratch)?;
    let port = private::port()?;
    let daemon =
        Daemon::start("postgres", &mut cluster.server(port)?, &cluster.home.join("log"), Signal::INT)?;
    let answers = || {
        let question = ["--host", "127.0.0.1", "--port", &port.to_string(), "--quiet"];
        succeeds(program("pg_isready").args(question))
    };
    let url = format!("postgres://{USER}:{}@127.0.0.1:{port}/postgres", cluster.password);
    Ok((daemon.wait_until(answers)?, url))
}

struct Cluster {
    home: PathBuf,
    password: String,
    /// User and group to run as, under root.
    identity: Option<(u32, u32)>,
}

impl Cluster {
    fn make(scratch: &Path) -> Result<Self, Failure> {
        let home = scratch.join("postgres");
        fs::create_dir(&home).map_err(Failure::file(&home))?;
        let cluster = Self { home, password: private::password()?, identity: identity()? };
        let secret = cluster.home.join("password");
        fs::write(&secret, &cluster.password).map_err(Failure::file(&secret))?;
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).map_err(Failure::file(&secret))?;
        if let Some((user, group)) = cluster.identity {
            for path in [&cluster.home, &secret] {
                chown(path, Some(user), Some(group)).map_err(Failure::file(path))?;
            }
        }
        cluster.initialise(&secret)?;
        Ok(cluster)
    }

    fn initialise(&self, secret: &Path) -> Result<(), Failure> {
        let mut initdb = self.as_its_user("initdb");
        initdb.args(["--username", USER, "--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"]);
        initdb.arg("--pwfile").arg(secret).arg("--pgdata").arg(self.data());
        if capture(program("initdb").arg("--help"))?.contains("--icu-locale") {
            initdb.args(["--locale-provider=icu", "--icu-locale=en-US"]);
        }
        capture(&mut initdb).map(drop)
    }

    fn server(&self, port: u16) -> Result<Command, Failure> {
        let mut server = self.as_its_user("postgres");
        server.arg("-D").arg(self.data()).arg("-k").arg(&self.home);
        server.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-N", &CONNECTIONS.to_string()]);
        Ok(server)
    }

    fn as_its_user(&self, name: &str) -> Command {
        let mut command = program(name);
        command.current_dir(&self.home);
        if let Some((user, group)) = self.identity {
            command.uid(user).gid(group);
        }
        command
    }

    fn data(&self) -> PathBuf {
        self.home.join("data")
    }
}

fn program(name: &str) -> Command {
    Command::new(find(name).unwrap_or_else(|| name.into()))
}

fn identity() -> Result<Option<(u32, u32)>, Failure> {
    let id = |what: &str| {
        let answer = capture(Command::new("id").args([what, USER]))?;
        let unlikely = |_| Failure::Broken(format!("id {what} {USER} answered {answer:?}"));
        answer.trim().parse::<u32>().map_err(unlikely)
    };
    if is_root() { Ok(Some((id("-u")?, id("-g")?))) } else { Ok(None) }
}
