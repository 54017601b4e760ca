//! A client's program with its own directories, so that nothing of this machine's user is read or left behind.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::harness::Wharf;

#[derive(Clone)]
pub(super) struct Program {
    path: PathBuf,
    /// What stands before every command.
    first: Vec<String>,
    environment: Vec<(&'static str, OsString)>,
    pub(super) directory: PathBuf,
}

/// Where clients look for what is their user's.
const HOMES: [&str; 6] =
    ["HOME", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"];

impl Program {
    pub(super) fn new(wharf: &Wharf, name: &str, path: impl Into<PathBuf>) -> Self {
        let directory = wharf.directory(name);
        let environment = HOMES.map(|variable| (variable, directory.clone().into())).to_vec();
        Self { path: path.into(), first: Vec::new(), environment, directory }
    }

    pub(super) fn with_options(mut self, options: &[&str]) -> Self {
        self.first.extend(options.iter().map(|&option| option.to_owned()));
        self
    }

    pub(super) fn with_variable(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Another program in the same directories.
    pub(super) fn beside(&self, path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), ..self.clone() }
    }

    /// A shell that runs a script in which `name` is this program, up to the first line that fails.
    pub(super) fn shell(&self, name: &str, script: &str) -> Self {
        let options: String = self.first.iter().map(|option| format!(" '{option}'")).collect();
        let function = format!("{name}() {{ command '{}'{options} \"$@\"; }}", self.path.display());
        let first = vec!["-euc".to_owned(), format!("{function}\n{script}")];
        Self { path: "sh".into(), first, ..self.clone() }
    }

    /// Runs a command that must succeed, and says what it printed.
    pub(super) fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> String {
        self.run_with_input(arguments, "")
    }

    pub(super) fn run_with_input<A: AsRef<OsStr>>(&self, arguments: &[A], input: &str) -> String {
        let output = self.try_run(arguments, input);
        let (said, complained) = (text(&output.stdout), text(&output.stderr));
        let command: Vec<_> =
            arguments.iter().map(|argument| argument.as_ref().display().to_string()).collect();
        assert!(
            output.status.success(),
            "{} {command:?}: {}\n{said}{complained}",
            self.path.display(),
            output.status
        );
        said.trim().to_owned()
    }

    /// Runs a command that may fail.
    pub(super) fn try_run<A: AsRef<OsStr>>(&self, arguments: &[A], input: &str) -> Output {
        let mut command = Command::new(&self.path);
        command
            .args(&self.first)
            .args(arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.env_remove("REGISTRY_AUTH_FILE").current_dir(&self.directory);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.path.display()));
        // Some read no input at all.
        let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
        process.wait_with_output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
