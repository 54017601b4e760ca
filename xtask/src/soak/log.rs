//! `bench/soak.log`: a paragraph for each run of a proof, the newest last.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::proof::Proof;
use crate::failure::Failure;
use crate::program::{capture, ended, succeeds, unstartable};

const PATH: &str = "bench/soak.log";

pub(super) struct Log {
    file: File,
    /// What is proved, and on what.
    subject: String,
}

impl Log {
    /// Where the server is not what would be built of this commit now, it is said.
    pub(super) fn open(server: Option<&str>) -> Result<Self, Failure> {
        let path = Path::new(PATH);
        let file = File::options().create(true).append(true).open(path).map_err(Failure::file(path))?;
        let commit = commit()?;
        let kernel = capture(Command::new("uname").args(["-srm"]))?;
        let server = server.map(|server| format!(", {server}")).unwrap_or_default();
        Ok(Self { file, subject: format!("commit {commit}, {}{server}", kernel.trim()) })
    }

    /// Runs a proof and writes down what came of it; all that it said only if it failed.
    pub(super) fn run(&mut self, proof: &Proof, command: &mut Command) -> Result<(), Failure> {
        let begun = capture(Command::new("date").args(["-u", "+%F %T UTC"]))?;
        let output = command.stdin(Stdio::null()).output().map_err(unstartable(command))?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let outcome = Outcome::read(&said);
        let result = ended(command, output.status).and_then(|()| outcome.expect_rounds());
        let paragraph = format!(
            "\n== {}: {}\n{}, {}\n{}\n",
            proof.name,
            outcome.verdict(proof.rounds, result.is_ok()),
            begun.trim(),
            self.subject,
            outcome.lines.join("\n"),
        );
        print!("{paragraph}");
        let failure = if result.is_ok() { String::new() } else { format!("it said:\n{said}\n") };
        // In one write: other parts may run beside this one.
        let paragraph = format!("{paragraph}{failure}");
        self.file.write_all(paragraph.as_bytes()).map_err(Failure::file(Path::new(PATH)))?;
        result
    }
}

/// What is proved. That the log has grown meanwhile changes nothing.
fn commit() -> Result<String, Failure> {
    let commit = capture(Command::new("git").args(["describe", "--always"]))?;
    let but_the_log = format!(":!{PATH}");
    let is_clean =
        succeeds(Command::new("git").args(["diff", "--quiet", "HEAD", "--", ".", but_the_log.as_str()]));
    Ok(format!("{}{}", commit.trim(), if is_clean { "" } else { "-dirty" }))
}

/// What a test said of itself.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// The seed, and what was done.
    lines: Vec<String>,
    rounds: Option<u64>,
}

impl Outcome {
    fn read(said: &str) -> Self {
        // The name of the test may stand before them on the same line. A table is kept whole.
        let worth = |line: &str| {
            if line.starts_with('|') {
                return Some(line.to_owned());
            }
            let start = line.find("proved: ").or_else(|| line.find("_SEED=").and(line.find("WHARF_")))?;
            line.get(start..).map(ToOwned::to_owned)
        };
        let lines: Vec<String> = said.lines().filter_map(worth).collect();
        let counted = lines.iter().find_map(|line| line.strip_prefix("proved: ")?.split_once(' '));
        let rounds = counted.and_then(|(rounds, _)| rounds.parse().ok());
        Self { lines, rounds }
    }

    /// A test that was skipped, or is called otherwise by now, ends well too.
    fn expect_rounds(&self) -> Result<(), Failure> {
        self.rounds.map(|_| ()).ok_or_else(|| Failure::Broken("it proved nothing".to_owned()))
    }

    fn verdict(&self, due: Option<u64>, is_proved: bool) -> String {
        let reached = match (self.rounds, due) {
            (Some(rounds), Some(due)) => format!("{rounds} of {due} rounds, "),
            (Some(rounds), None) => format!("{rounds} rounds, "),
            (None, _) => String::new(),
        };
        format!("{reached}{}", if is_proved { "passed" } else { "FAILED" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_told_by_its_seed_its_rounds_and_how_it_ended() {
        let said = "running 1 test\ntest crash::kill::x ... WHARF_CRASH_SEED=7\nnoise\n\
                    | who | lost |\nproved: 12 rounds in 30 s, 99 writes acknowledged\nok";
        let outcome = Outcome::read(said);
        let lines =
            ["WHARF_CRASH_SEED=7", "| who | lost |", "proved: 12 rounds in 30 s, 99 writes acknowledged"];
        assert_eq!(outcome.lines, lines);
        assert_eq!(outcome.verdict(Some(200), true), "12 of 200 rounds, passed");
        assert_eq!(outcome.verdict(None, false), "12 rounds, FAILED");
        assert!(outcome.expect_rounds().is_ok() && Outcome::read("ok").expect_rounds().is_err());
    }
}
