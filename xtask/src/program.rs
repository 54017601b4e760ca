//! Other programs: where they are, and running them so that a failure names them.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::failure::Failure;

/// Directories that a user's `PATH` often lacks: administration programs, Go's own place.
const BESIDE_THE_PATH: [&str; 4] = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/go/bin"];

/// Where Debian puts each major version of PostgreSQL's server programs, outside every `PATH`.
const POSTGRES_VERSIONS: &str = "/usr/lib/postgresql";

/// Makes the workspace's root the current directory, whichever directory `cargo xtask` was called from.
pub(crate) fn enter_workspace() -> Result<(), Failure> {
    let root = workspace_root();
    env::set_current_dir(&root).map_err(Failure::file(&root))
}

/// The workspace's root: cargo tells a program that it runs where its own manifest is.
pub(crate) fn workspace_root() -> PathBuf {
    env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), |own| PathBuf::from(own).join(".."))
}

/// Whether this runs where nobody watches and nothing may be skipped.
pub(crate) fn in_ci() -> bool {
    env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// Whether this process may install, mount and run as another user.
pub(crate) fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

/// The path of program `name`, if this machine has it.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let usual = env::split_paths(&path).collect::<Vec<_>>();
    let beside = BESIDE_THE_PATH.iter().map(PathBuf::from);
    usual
        .into_iter()
        .chain(beside)
        .chain(postgres_directories())
        .map(|dir| dir.join(name))
        .find(|p| p.is_file())
}

/// The newest major version's directory first.
fn postgres_directories() -> Vec<PathBuf> {
    let entries = Path::new(POSTGRES_VERSIONS).read_dir().into_iter().flatten().flatten();
    let version = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().parse::<u32>().ok();
    let mut found: Vec<_> =
        entries.filter_map(|entry| Some((version(&entry)?, entry.path().join("bin")))).collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, bin)| bin).collect()
}

/// The cargo that runs this, with `arguments`.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// Runs `command` to its end, its words going where ours go.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command.stdin(Stdio::null()).status().map_err(unstartable(command))?;
    ended(command, status)
}

/// Fails unless `command` ended well.
pub(crate) fn ended(command: &Command, status: ExitStatus) -> Result<(), Failure> {
    if status.success() {
        return Ok(());
    }
    Err(Failure::Ended { program: name(command), status, said: String::new() })
}

/// Runs `command` to its end and returns what it wrote to standard output.
pub(crate) fn capture(command: &mut Command) -> Result<String, Failure> {
    let output = command.stdin(Stdio::null()).output().map_err(unstartable(command))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = format!("\n{}", String::from_utf8_lossy(&output.stderr).trim_end());
    Err(Failure::Ended { program: name(command), status: output.status, said })
}

/// Whether `command` ends well; what it says is nobody's business.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    capture(command).is_ok()
}

/// For `map_err` on starting `command`: names the program.
pub(crate) fn unstartable(command: &Command) -> impl FnOnce(std::io::Error) -> Failure + use<> {
    let program = name(command);
    |source| Failure::Start { program, source }
}

/// The program's file name and, if it is a word, its first argument: `cargo clippy`, `mmdebstrap`.
fn name(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let first = command.get_args().next().filter(|argument| !argument.to_string_lossy().starts_with('-'));
    let words = [Some(program), first];
    words.into_iter().flatten().map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_is_named_with_what_it_said() {
        let failure = capture(Command::new("ls").arg("/no-such-directory")).unwrap_err().to_string();
        assert!(failure.starts_with("ls /no-such-directory ended with exit status"), "{failure}");
        assert!(failure.contains("No such file"), "{failure}");
    }

    #[test]
    fn an_unknown_program_is_nowhere() {
        assert_eq!(find("no-such-program-anywhere"), None);
        assert!(find("ls").is_some());
    }
}
