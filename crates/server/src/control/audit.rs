//! The commands on the audit log: verify it, export it, show its heads.

use std::path::PathBuf;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wharf_core::{Error, Kind, OperatorGrant, Result, Subject, Timestamp};
use wharf_registry::{
    audit::{AuditFinding, AuditInspector, AuditLog, Checked, Exported, Month, Noted, RemovedMonth},
    port::HeadRow,
};

use super::progress::{Outcome, Progress, Step, Unit, Verdict};
use crate::{
    as_text::AsText,
    output::OutputFormat,
    whole_file::{Earlier, WholeFile},
};

/// What to do with the audit log.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(crate) enum Audit {
    /// Holds every sealed record against the signed heads.
    Verify {
        /// A root that was noted elsewhere.
        noted: Option<AsText<Noted>>,
        /// How it tells what it finds.
        output: OutputFormat,
    },
    /// Tells the records as lines of JSON, each month's head at its end.
    Export {
        /// Only those sealed in this month.
        month: Option<AsText<Month>>,
        /// Into this file instead; a month that is over may then be forgotten.
        output: Option<PathBuf>,
    },
    /// Tells the heads, for whoever keeps them elsewhere.
    Heads,
}

impl Audit {
    /// Carries it out; says what to tell.
    pub(super) async fn carry_out(
        self,
        log: &AuditLog,
        grant: &OperatorGrant,
        progress: &Progress,
    ) -> Result<Outcome> {
        match self {
            Self::Verify { noted, output } => verify(log, noted.map(|noted| noted.0), output, progress).await,
            Self::Export { month, output: None } => {
                let export = Export { log, grant, progress };
                export.run(month.map(|month| month.0), &mut Told(progress)).await?;
                Ok(Outcome::good(""))
            }
            Self::Export { month, output: Some(path) } => {
                let told = path.display().to_string();
                let mut file = WholeFile::begin(path, Earlier::Stays).await?;
                let export = Export { log, grant, progress };
                let months = export.run(month.map(|month| month.0), &mut file).await?;
                file.keep().await?;
                export.note(&months).await?;
                let records: u64 = months.iter().map(|month| month.head().size).sum();
                Ok(Outcome::good(format!("exported {records} records to {told}")))
            }
            Self::Heads => {
                let heads = log.heads().await?;
                let lines = heads.iter().map(|row| row.line(log.signer())).collect::<Result<Vec<_>>>()?;
                Ok(Outcome::good(lines.join("\n")))
            }
        }
    }
}

async fn verify(
    log: &AuditLog,
    noted: Option<Noted>,
    output: OutputFormat,
    progress: &Progress,
) -> Result<Outcome> {
    let mut watch = Watch { progress, output, findings: 0 };
    let checked = log.verify(noted, &mut watch).await?;
    let verdict = if watch.findings == 0 { Verdict::Good } else { Verdict::Damaged };
    let text = match output {
        OutputFormat::Json => summary(&checked, watch.findings)?.to_string(),
        OutputFormat::Text => told(&checked, watch.findings)?,
    };
    Ok(Outcome { text, verdict })
}

struct Watch<'a> {
    progress: &'a Progress,
    output: OutputFormat,
    findings: u64,
}

#[async_trait]
impl AuditInspector for Watch<'_> {
    async fn passed(&mut self, records: u64, of: u64) -> Result<()> {
        let (what, total) = ("verifying the audit log".to_owned(), Some(of.max(records)));
        self.progress.step(Step { what, done: records, total, unit: Unit::Rows })
    }

    async fn found(&mut self, finding: AuditFinding) -> Result<()> {
        self.findings += 1;
        let line = match self.output {
            OutputFormat::Json => as_json(&finding).to_string(),
            OutputFormat::Text => in_words(&finding),
        };
        self.progress.line(line).await
    }
}

fn as_json(finding: &AuditFinding) -> Value {
    let of = |found: &str, month: &Month| json!({ "found": found, "month": month.to_string() });
    match finding {
        AuditFinding::Edited { month, number, row } => {
            json!({ "found": "edited", "month": month.to_string(), "number": number, "row": row })
        }
        AuditFinding::Missing { month, from, to } => {
            json!({ "found": "missing", "month": month.to_string(), "from": from, "to": to })
        }
        AuditFinding::Inserted { month, number, row } => {
            json!({ "found": "inserted", "month": month.to_string(), "number": number, "row": row })
        }
        AuditFinding::Placeless { row } => json!({ "found": "placeless", "row": row }),
        AuditFinding::Forged { month } => of("forged", month),
        AuditFinding::Unchained { month } => of("unchained", month),
        AuditFinding::Astray { month } => of("astray", month),
        AuditFinding::Rewritten { month, size } => {
            json!({ "found": "rewritten", "month": month.to_string(), "size": size })
        }
    }
}

fn in_words(finding: &AuditFinding) -> String {
    match finding {
        AuditFinding::Edited { month, number, row } => {
            format!("edited: record {number} of {month}, row {row}, is not what was sealed")
        }
        AuditFinding::Missing { month, from, to } => {
            format!("missing: records {from} to {} of {month} are gone", to - 1)
        }
        AuditFinding::Inserted { month, number, row } => {
            format!("inserted: row {row} says it is record {number} of {month}, where none was sealed")
        }
        AuditFinding::Placeless { row } => {
            format!("placeless: row {row} says it was sealed, and not in which month")
        }
        AuditFinding::Forged { month } => {
            format!(
                "forged: the head of {month}, or what is said of its export or removal, was not signed so"
            )
        }
        AuditFinding::Unchained { month } => {
            format!("unchained: the head of {month} does not follow the one before it")
        }
        AuditFinding::Astray { month } => {
            format!("astray: the records of {month} do not lead to its signed root")
        }
        AuditFinding::Rewritten { month, size } => {
            format!("rewritten: after {size} records of {month} the root was another one")
        }
    }
}

fn summary(checked: &Checked, findings: u64) -> Result<Value> {
    let told =
        |removed: &RemovedMonth| json!({ "month": removed.month.to_string(), "records": removed.records });
    let removed: Vec<_> = checked.removed.iter().map(told).collect();
    Ok(json!({ "verified": {
        "records": checked.records,
        "removed": removed,
        "head": checked.head.as_ref().map(|head| Noted::of(head).to_string()),
        "unsealed": checked.tail.records,
        "unsealed_since": checked.tail.since.map(Timestamp::written).transpose()?,
        "findings": findings,
    } }))
}

fn told(checked: &Checked, findings: u64) -> Result<String> {
    let Checked { records, removed, head, tail } = checked;
    let mut lines: Vec<_> = removed
        .iter()
        .map(|RemovedMonth { month, records }| {
            format!("removed by Wharf after its export: {month}, {records} records")
        })
        .collect();
    if let Some(since) = tail.since {
        lines.push(format!("not sealed yet: {} records, since {}", tail.records, since.written()?));
    }
    if let Some(head) = head {
        lines.push(format!("head: {}", Noted::of(head)));
    }
    let end = if findings == 0 { "all is right".to_owned() } else { format!("{findings} findings") };
    lines.push(format!("verified {records} records: {end}"));
    Ok(lines.join("\n"))
}

/// Takes the lines of an export.
#[async_trait]
trait Taker: Send {
    async fn take(&mut self, line: String) -> Result<()>;
}

struct Told<'a>(&'a Progress);

#[async_trait]
impl Taker for Told<'_> {
    async fn take(&mut self, line: String) -> Result<()> {
        self.0.line(line).await
    }
}

/// An export of the log.
struct Export<'a> {
    log: &'a AuditLog,
    grant: &'a OperatorGrant,
    progress: &'a Progress,
}

impl Export<'_> {
    /// Hands every sealed record on, of one month or of all that are there, and each month's head after its last; the
    /// months that were handed on. Each is held against its head meanwhile.
    async fn run(&self, month: Option<Month>, taker: &mut dyn Taker) -> Result<Vec<Exported>> {
        let wanted = |row: &HeadRow| month.map_or(row.removed.is_none(), |month| row.head.month == month);
        let heads: Vec<_> = self.log.heads().await?.into_iter().filter(wanted).collect();
        if let Some(month) = month.filter(|_| heads.is_empty()) {
            let message = format!("nothing was sealed in {month}");
            return Err(Error::new(Kind::NotFound(Subject::Name), message));
        }
        let total = heads.iter().map(|row| row.head.size).sum();
        let (mut done, mut exported) = (0, Vec::new());
        for row in &heads {
            let mut export = self.log.export_month(self.grant, row)?;
            loop {
                let lines = export.next().await?;
                if lines.is_empty() {
                    break;
                }
                done += lines.len() as u64;
                for line in lines {
                    taker.take(line).await?;
                }
                let what = "exporting the audit log".to_owned();
                self.progress.step(Step { what, done, total: Some(total), unit: Unit::Rows })?;
            }
            exported.push(export.end()?);
            taker.take(row.line(self.log.signer())?).await?;
        }
        Ok(exported)
    }

    /// Notes of each month that is over that it was exported. The last one is not.
    async fn note(&self, months: &[Exported]) -> Result<()> {
        let last = self.log.heads().await?.pop().map(|row| row.head.month);
        for month in months.iter().filter(|month| Some(month.head().month) < last) {
            self.log.note_export(self.grant, month).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Taker for WholeFile {
    async fn take(&mut self, mut line: String) -> Result<()> {
        line.push('\n');
        self.write(line.as_bytes()).await
    }
}
