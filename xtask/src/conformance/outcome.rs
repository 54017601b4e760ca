//! What the suite says at its end, read from what it prints: the tree of its cases, how many ended in which way, and
//! how each part of the API and each set of data fared.

use std::fmt;
use std::process::ExitStatus;

use crate::failure::Failure;

/// Each case begins with this, indented by its depth.
const CASE: &str = "OCI Conformance Test";

/// The words for how a case can end; only the first will do, for nothing is switched off (`SWITCHES`).
const WORDS: [&str; 5] = ["Pass", "Disabled", "Skip", "FAIL", "Error"];

/// What a run came to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// How many cases ended with each word, as the suite counts them.
    counts: [u64; WORDS.len()],
    /// Whether the suite came to its end and counted.
    is_counted: bool,
    /// Cases, parts and sets that were left out or skipped, failed or broke.
    bad: Vec<String>,
}

impl Outcome {
    /// Reads what the suite printed.
    pub(super) fn read(printed: &str) -> Self {
        let mut outcome = Self::default();
        printed.lines().map(str::trim).for_each(|line| outcome.take(line));
        outcome
    }

    fn take(&mut self, line: &str) {
        let Some((name, value)) = line.rsplit_once(':') else { return };
        let (dotted, value) = (name.ends_with('.'), value.trim());
        let name = name.trim_end_matches('.');
        if let (true, Ok(count)) = (dotted, value.parse()) {
            let counted = WORDS.iter().zip(&mut self.counts).find(|(word, _)| **word == name);
            if let Some((_, counted)) = counted {
                *counted = count;
            }
            self.is_counted |= name == "Total" && count > 0;
        } else if (dotted || name.starts_with(CASE)) && WORDS[1..].contains(&value) {
            self.bad.push(format!("{name}: {value}"));
        }
    }

    /// Fails unless the suite came to its end, called that a pass, and nothing was left out.
    pub(super) fn verdict(&self, status: ExitStatus) -> Result<(), Failure> {
        if !self.is_counted {
            return Err(Failure::Broken(format!("the suite did not come to its end: {status}")));
        }
        let all_passed = self.counts[0] > 0 && self.counts[1..].iter().all(|count| *count == 0);
        if all_passed && self.bad.is_empty() && status.success() {
            return Ok(());
        }
        Err(Failure::Broken(format!("the suite ended with {status}; not passed:\n{}", self.bad.join("\n"))))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = WORDS.iter().zip(self.counts).map(|(word, count)| format!("{word} {count}"));
        out.write_str(&counts.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn printed(case: &str, skipped: u64, part: &str) -> String {
        counted(case, [0, skipped], part)
    }

    fn counted(case: &str, [disabled, skipped]: [u64; 2], part: &str) -> String {
        format!(
            "Test results\nOCI Conformance Test: Pass\n    OCI Conformance Test/ping: {case}\n     - it said: no\n\
             Configuration:\n  registry: 127.0.0.1:5000\n\
             OCI Conformance Result: Pass\n  Disabled......................:          {disabled}\n  \
             Skip..........................:          {skipped}\n  \
             Pass..........................:       1032\n  FAIL..........................:          0\n  \
             Error.........................:          0\n  Total.........................:       1036\n\n\
             API conformance:\n  Tag listing...................:       {part}\n"
        )
    }

    fn verdict(printed: &str, status: i32) -> Result<(), String> {
        let verdict = Outcome::read(printed).verdict(ExitStatus::from_raw(status << 8));
        verdict.map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_run_without_a_fault_passes_and_tells_its_counts() {
        let all_well = printed("Pass", 0, "Pass");
        assert_eq!(verdict(&all_well, 0), Ok(()));
        let counts = "Pass 1032, Disabled 0, Skip 0, FAIL 0, Error 0";
        assert_eq!(Outcome::read(&all_well).to_string(), counts);
    }

    #[test]
    fn a_case_that_failed_or_was_skipped_fails_the_run_by_its_name() {
        for word in ["FAIL", "Error", "Skip", "Disabled"] {
            let failure = verdict(&printed(word, 0, "Pass"), 0).unwrap_err();
            assert!(failure.contains(&format!("OCI Conformance Test/ping: {word}")), "{failure}");
            let failure = verdict(&printed("Pass", 0, word), 0).unwrap_err();
            assert!(failure.contains(&format!("Tag listing: {word}")), "{failure}");
        }
        verdict(&printed("Pass", 1, "Pass"), 0).unwrap_err();
        verdict(&counted("Pass", [1, 0], "Pass"), 0).unwrap_err();
        verdict(&printed("Pass", 0, "Pass"), 1).unwrap_err();
    }

    #[test]
    fn a_run_that_never_counted_is_no_pass() {
        let failure = verdict("failed to load config: no\n", 0).unwrap_err();
        assert_eq!(failure, "the suite did not come to its end: exit status: 0");
    }
}
