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

/// What asks for a password at the terminal, or needs a project of its own: its own tests run the same commands.
const RUN_OTHERWISE: [&str; 3] = ["memflowup", "hatch, flit, poetry, pdm", "curl"];

/// A section that is new has a test that runs it, or says here why it has none.
#[test]
fn every_section_is_run() {
    let clients = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("end_to_end/clients");
    let files = std::fs::read_dir(clients).unwrap().map(|file| file.unwrap().path());
    let others = files.filter(|file| !file.ends_with("documented.rs"));
    let sources = others.map(|file| std::fs::read_to_string(file).unwrap());
    let runners: String = sources.filter(|source| source.contains(".run_lines_of(")).collect();
    let sections = DOCUMENT.split("\n## ").skip(1).filter(|section| section.contains("```sh\n"));
    let headings: Vec<&str> = sections.filter_map(|section| section.lines().next()).collect();

    let run = headings.iter().filter(|heading| runners.contains(&format!("\"{heading}\"")));
    let other = headings.iter().filter(|heading| RUN_OTHERWISE.contains(heading));
    let mut covered: Vec<&str> = run.chain(other).copied().collect();
    covered.sort_unstable();
    let mut all = headings;
    all.sort_unstable();
    assert_eq!(covered, all, "a section is run by nothing, or twice");
}
