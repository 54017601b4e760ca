//! `wharf import`, `wharf login` and `wharf logout`: from a second Wharf, from distribution and from its files, and from
//! a registry of our own that misbehaves.

mod charts;
mod directory;
mod distribution;
mod login;
mod misbehaving;
mod packages;
mod registries;
pub(crate) mod stage;

use serde_json::Value;

use crate::harness::Shell;

/// What an import printed for machines.
pub(crate) struct Imported {
    code: i32,
    pub(crate) lines: Vec<Value>,
    pub(crate) errors: String,
}

impl Shell {
    pub(crate) async fn import(&self, arguments: &[&str]) -> Imported {
        let output = self.run(&[&["import", "--json"], arguments].concat(), "").await;
        let text = String::from_utf8(output.stdout).unwrap();
        Imported {
            code: output.status.code().unwrap(),
            lines: text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            errors: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Imported {
    /// How the command must have ended.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{:#?}\n{}", self.lines, self.errors);
        self
    }

    /// A number of the summary.
    #[track_caller]
    pub(crate) fn count(&self, name: &str) -> u64 {
        let summary = self.lines.last().unwrap_or_else(|| panic!("no summary: {}", self.errors));
        assert_eq!(summary["event"], "summary");
        summary[name].as_u64().unwrap_or_else(|| panic!("no {name} in {summary}"))
    }

    /// Why the one thing that failed did.
    #[track_caller]
    fn reason(&self) -> &str {
        let failed: Vec<&Value> = self.lines.iter().filter(|line| line["outcome"] == "failed").collect();
        assert_eq!(failed.len(), 1, "{:#?}\n{}", self.lines, self.errors);
        failed[0]["reason"].as_str().unwrap()
    }
}
