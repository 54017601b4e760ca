//! The server under test: one process, one port, one data directory that outlives restarts.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::binary::wharf_command;
use super::postgres::{Database, node_on};
use super::{Caller, Certificate, IN_FILES, stores};

/// The password of `admin`, the platform's operator.
pub(crate) const ADMIN_PASSWORD: &str = "the-operators-own-password";

/// How long a start may take on a loaded machine, in a debug build.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Wharf {
    home: TempDir,
    pub(crate) data: PathBuf,
    port: u16,
    environment: Vec<(String, String)>,
    /// The certificate it shows, in PEM, if it speaks TLS.
    certificate: Option<String>,
    process: Option<Child>,
    /// The one made for this server alone. Behind the process: it ends first.
    _database: Option<Database>,
}

impl Wharf {
    /// A server on an empty data directory, ready to answer.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD)]).await
    }

    /// A server with just these settings in its environment.
    pub(crate) async fn start_with(environment: &[(&str, &str)]) -> Self {
        let mut wharf = Self::not_started(environment).await;
        wharf.restart().await;
        wharf
    }

    /// A server that knows its own address, with these settings beside the operator's password.
    pub(crate) async fn start_at_home(environment: &[(&str, &str)]) -> Self {
        let password: &[_] = &[("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD)];
        let mut wharf = Self::not_started(&[password, environment].concat()).await;
        let home = wharf.base();
        wharf.environment.push(("WHARF_PUBLIC_URL".to_owned(), home));
        wharf.restart().await;
        wharf
    }

    /// A server whose data lies elsewhere, say on a disk that is about to fail.
    pub(crate) async fn start_on(data: &Path) -> Self {
        Self::start_on_with(data, &[("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD)]).await
    }

    /// The same, with just these settings in its environment.
    pub(crate) async fn start_on_with(data: &Path, environment: &[(&str, &str)]) -> Self {
        let environment = [environment, &IN_FILES].concat();
        Self::start_at(TempDir::new().unwrap(), data.to_owned(), &environment).await
    }

    /// A server that has its database and its bytes in its data directory whatever the other tests use, with these
    /// settings beside the operator's password.
    pub(crate) async fn start_in_files(environment: &[(&str, &str)]) -> Self {
        let password: &[_] = &[("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD)];
        Self::start_with(&[password, &IN_FILES, environment].concat()).await
    }

    /// A server that speaks TLS, with more settings in its environment.
    pub(crate) async fn start_secure(certificate: &Certificate, environment: &[(&str, &str)]) -> Self {
        let mut wharf = Self::secure(certificate, environment).await;
        wharf.restart().await;
        wharf
    }

    /// The same without waiting for it, for nobody will believe in such a certificate.
    pub(crate) async fn spawn_secure(certificate: &Certificate) -> Self {
        let mut wharf = Self::secure(certificate, &[]).await;
        wharf.spawn();
        wharf
    }

    async fn secure(certificate: &Certificate, environment: &[(&str, &str)]) -> Self {
        let home = TempDir::new().unwrap();
        let data = home.path().join("data");
        let files = certificate.environment();
        let mut settings = vec![("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD)];
        settings.extend(files.iter().map(|(name, path)| (*name, path.as_str())));
        settings.extend_from_slice(environment);
        let mut wharf = Self::laid_out(home, data, &settings).await;
        wharf.certificate = Some(certificate.pem());
        wharf
    }

    async fn start_at(home: TempDir, data: PathBuf, environment: &[(&str, &str)]) -> Self {
        let mut wharf = Self::laid_out(home, data, environment).await;
        wharf.restart().await;
        wharf
    }

    /// A server that never started, on a data directory that is not there.
    pub(crate) async fn not_started(environment: &[(&str, &str)]) -> Self {
        let home = TempDir::new().unwrap();
        let data = home.path().join("data");
        Self::laid_out(home, data, environment).await
    }

    /// A server that is yet to be started.
    async fn laid_out(home: TempDir, data: PathBuf, environment: &[(&str, &str)]) -> Self {
        let says = |setting: &str| environment.iter().any(|(name, _)| *name == setting);
        let database = if says("WHARF_DATABASE") { None } else { stores::database().await };
        let storage = if says("WHARF_STORAGE") { None } else { stores::storage() };
        // What the test says comes last, and counts.
        let mut settings = database.as_ref().map(|database| node_on(&database.url())).unwrap_or_default();
        settings.extend(storage.map(|url| ("WHARF_STORAGE".to_owned(), url)));
        settings.extend(environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
        Self {
            home,
            data,
            port: free_port(),
            environment: settings,
            certificate: None,
            process: None,
            _database: database,
        }
    }

    /// A server that is yet to be started, with its data elsewhere and just these settings in its environment.
    pub(crate) async fn laid_out_on(data: &Path, environment: &[(&str, String)]) -> Self {
        let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Self::laid_out(TempDir::new().unwrap(), data.to_owned(), &environment).await
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.process.as_mut().is_none_or(|process| process.try_wait().unwrap().is_some())
    }

    /// Waits for a while until it has ended by itself, and says whether it has.
    pub(crate) async fn ends(&mut self) -> bool {
        let started = Instant::now();
        while !self.has_ended() && started.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.has_ended()
    }

    /// Waits until it has ended by itself, which is true, or is ready.
    pub(crate) async fn ends_or_is_ready(&mut self) -> bool {
        let started = Instant::now();
        let anonymous = self.anonymous();
        while self.process.as_mut().unwrap().try_wait().unwrap().is_none() {
            let answer = anonymous.request("GET", "/readyz").try_send().await;
            if answer.is_ok_and(|answer| answer.status == 200) {
                return false;
            }
            assert!(started.elapsed() < PATIENCE, "the server neither ends nor is ready");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        true
    }

    /// Starts it again on the same data and the same port, and waits until it is ready; says how long that took.
    pub(crate) async fn restart(&mut self) -> Duration {
        let started = Instant::now();
        self.spawn();
        let anonymous = self.anonymous();
        loop {
            let answer = anonymous.request("GET", "/readyz").try_send().await;
            if answer.is_ok_and(|answer| answer.status == 200) {
                return started.elapsed();
            }
            let ended = self.process.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "the server ended at its start: {ended:?}");
            assert!(started.elapsed() < PATIENCE, "the server is not ready after {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Starts the process without waiting for anything.
    pub(crate) fn spawn(&mut self) {
        assert!(self.process.is_none(), "the server runs already");
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        let mut command = wharf_command();
        command.arg("serve").arg("--listen").arg(self.host()).arg("--data-dir").arg(&self.data);
        command.env("WHARF_LOG", "warn").envs(self.environment());
        command.current_dir(self.home.path()).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.process = Some(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")));
    }

    /// Its settings, beside where it listens and where its data lies.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (&str, &str)> {
        self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// SIGKILL, and the end of the process awaited.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// SIGTERM; says how the process ended.
    pub(crate) async fn stop(&mut self) -> std::process::ExitStatus {
        self.signal("TERM");
        let mut process = self.process.take().expect("the server runs");
        let asked = Instant::now();
        loop {
            if let Some(status) = process.try_wait().unwrap() {
                return status;
            }
            if asked.elapsed() > PATIENCE {
                let _ = process.kill();
                panic!("the server did not stop within {PATIENCE:?}");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Sends a signal by its name, without the prefix.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.process_id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &id]).status().unwrap();
        assert!(sent.success(), "could not send {name}");
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
    }

    pub(crate) fn base(&self) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.host())
    }

    /// Host and port, as they stand before the name of an image.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn anonymous(&self) -> Caller {
        Caller::trusting(&self.base(), self.certificate.as_slice())
    }

    pub(crate) fn caller(&self, name: &str, password: &str) -> Caller {
        self.anonymous().logged_in(name, password)
    }

    /// The platform's operator.
    pub(crate) fn admin(&self) -> Caller {
        self.caller("admin", ADMIN_PASSWORD)
    }

    /// The object that holds these bytes, which no other may begin with.
    pub(crate) fn object_of(&self, content: &[u8]) -> PathBuf {
        let folders = fs::read_dir(self.data.join("objects")).unwrap().map(|folder| folder.unwrap().path());
        let mut files = folders.filter(|path| path.is_dir()).flat_map(|folder| fs::read_dir(folder).unwrap());
        let found = files.find(|file| fs::read(file.as_ref().unwrap().path()).unwrap() == content);
        found.expect("the object is there").unwrap().path()
    }

    /// Lets the bits rot in the object that holds these bytes.
    pub(crate) fn flip_a_byte_of(&self, content: &[u8]) {
        let path = self.object_of(content);
        let mut bytes = content.to_vec();
        bytes[content.len() / 2] ^= 1;
        fs::write(path, bytes).unwrap();
    }

    /// A directory that lives as long as the server does, for a client's own files.
    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        let directory = self.home.path().join(name);
        fs::create_dir_all(&directory).unwrap();
        directory
    }

    /// What the server has printed so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    fn log_path(&self) -> PathBuf {
        self.home.path().join("server.log")
    }
}

impl Drop for Wharf {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- the server said:\n{}---", self.log());
        }
    }
}

/// A port below those that the kernel gives to clients, so that nobody takes it between two runs of one server.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + u16::try_from(std::process::id() % 200).unwrap() * 100;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 2_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
