//! A command's steps: each is announced with its name, and all stand in one table with their durations at the end.

use std::time::{Duration, Instant};

use crate::failure::Failure;

/// The steps so far.
#[derive(Default)]
pub(crate) struct Steps {
    rows: Vec<Row>,
}

struct Row {
    name: String,
    took: Duration,
    ended: Ended,
}

enum Ended {
    Well,
    Badly,
    Skipped(String),
}

impl Steps {
    /// Runs one step. Its failure is printed here, at once, and handed back for the caller to stop on.
    pub(crate) fn run<T>(
        &mut self,
        name: &str,
        work: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        println!("\n==> {name}");
        let begun = Instant::now();
        let result = work();
        let ended = match &result {
            Ok(_) => Ended::Well,
            Err(failure) => {
                println!("{name} failed: {}", failure.with_causes());
                Ended::Badly
            }
        };
        self.rows.push(Row { name: name.to_owned(), took: begun.elapsed(), ended });
        result
    }

    /// Runs one step that the next ones do not need: its failure counts at the end, and the others still run.
    pub(crate) fn attempt(&mut self, name: &str, work: impl FnOnce() -> Result<(), Failure>) {
        // The row remembers how it ended.
        let _ = self.run(name, work);
    }

    /// Notes, visibly, that a step was left out.
    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        println!("\n==> {name}: skipped, {why}");
        self.rows.push(Row {
            name: name.to_owned(),
            took: Duration::ZERO,
            ended: Ended::Skipped(why.to_owned()),
        });
    }

    /// Prints the table. Fails with the names of the steps that failed.
    pub(crate) fn close(self) -> Result<(), Failure> {
        self.close_within(Duration::MAX)
    }

    /// The same, and fails where all of them together took longer than this.
    pub(crate) fn close_within(self, most: Duration) -> Result<(), Failure> {
        println!("\n{}", self.table());
        let badly = |row: &&Row| matches!(row.ended, Ended::Badly);
        let failed: Vec<&str> = self.rows.iter().filter(badly).map(|row| row.name.as_str()).collect();
        if !failed.is_empty() {
            return Err(Failure::Broken(format!("failed: {}", failed.join(", "))));
        }
        let took = self.took();
        if took > most {
            let [took, most] = [took, most].map(|time| time.as_secs() / 60);
            return Err(Failure::Broken(format!("it took {took} minutes, and may take {most}")));
        }
        Ok(())
    }

    fn took(&self) -> Duration {
        self.rows.iter().map(|row| row.took).sum()
    }

    fn table(&self) -> String {
        let width = self.rows.iter().map(|row| row.name.len()).max().unwrap_or(0).max("total".len());
        let line = |name: &str, took: Duration, ended: &str| {
            format!("{name:width$}  {:>7.1} s  {ended}", took.as_secs_f64()).trim_end().to_owned()
        };
        let mut lines: Vec<String> =
            self.rows.iter().map(|row| line(&row.name, row.took, &row.ended.word())).collect();
        lines.push(line("total", self.took(), ""));
        lines.join("\n")
    }
}

impl Ended {
    fn word(&self) -> String {
        match self {
            Self::Well => "ok".to_owned(),
            Self::Badly => "FAILED".to_owned(),
            Self::Skipped(why) => format!("skipped: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_step_fails_the_command_and_the_others_still_run() {
        let mut steps = Steps::default();
        steps.attempt("format", || Err(Failure::Broken("no".to_owned())));
        let mut ran = false;
        steps.attempt("docs", || {
            ran = true;
            Ok(())
        });
        assert!(ran);
        assert_eq!(steps.close().unwrap_err().to_string(), "failed: format");
    }

    #[test]
    fn steps_that_took_too_long_together_fail_the_command() {
        let steps = || {
            let row = |name: &str| Row {
                name: name.to_owned(),
                took: Duration::from_secs(100),
                ended: Ended::Well,
            };
            Steps { rows: vec![row("build"), row("tests")] }
        };
        steps().close_within(Duration::from_secs(200)).unwrap();
        let failure = steps().close_within(Duration::from_secs(120)).unwrap_err();
        assert_eq!(failure.to_string(), "it took 3 minutes, and may take 2");
    }

    #[test]
    fn the_table_names_each_step_and_how_it_ended() {
        let mut steps = Steps::default();
        steps.skip("advisories", "no database at hand");
        steps.rows.push(Row {
            name: "docs".to_owned(),
            took: Duration::from_millis(1540),
            ended: Ended::Well,
        });
        let expected = "advisories      0.0 s  skipped: no database at hand\n\
                        docs            1.5 s  ok\n\
                        total           1.5 s";
        assert_eq!(steps.table(), expected);
    }
}
