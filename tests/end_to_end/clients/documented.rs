//! docs/clients.md is what people copy from: its lines run here as they stand, but for the port.

use std::ffi::OsString;
use std::path::PathBuf;

use super::program::Program;
use crate::harness::Wharf;

const DOCUMENT: &str = include_str!("../../../docs/clients.md");

impl Program {
    /// Runs the shell lines below a client's heading with the password of alice, and says what they printed.
    pub(super) fn run_lines_of(&self, heading: &str, wharf: &Wharf) -> String {
        let lines = lines_of(heading).replace("localhost:8080", &documented_host(wharf));
        // Some headings name what is done with the program.
        let shell = self.shell(heading.split(' ').next().unwrap(), &lines);
        let shell = shell.with_variable("PASSWORD", "the-password-of-alice").with_variable("PATH", path());
        shell.run::<&str>(&[])
    }
}

/// The server's host and port as the document would have them.
pub(super) fn documented_host(wharf: &Wharf) -> String {
    wharf.host().replace("127.0.0.1", "localhost")
}

fn lines_of(heading: &str) -> String {
    let title = format!("{heading}\n");
    let section = DOCUMENT.split("\n## ").find_map(|section| section.strip_prefix(&title));
    let section = section.unwrap_or_else(|| panic!("the document has no heading {heading}"));
    let blocks = section.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines: String = blocks.collect();
    assert!(!lines.is_empty(), "there are no lines for {heading}");
    lines
}

/// The programs that were built for the tests, before the machine's.
fn path() -> OsString {
    let built = std::env::var_os("WHARF_TEST_PROGRAMS").map(PathBuf::from);
    let usual = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(built.into_iter().chain(std::env::split_paths(&usual))).unwrap()
}
