//! The pages of the simple index (simple repository API 1.4), rendered from what is listed.

mod html;
mod json;

use std::collections::BTreeSet;

use pep440_rs::Version;
use wharf_core::{Result, Timestamp};
use wharf_registry::{format::Page, port::ListedRow};

use crate::format::File;

/// The version of the protocol that the pages speak.
const API_VERSION: &str = "1.4";

/// The pages of one listing, by their names.
pub(crate) const JSON: &str = "json";
/// The same as HTML.
pub(crate) const HTML: &str = "html";

/// Everything a project's page shows.
struct Project<'a> {
    name: &'a str,
    /// The oldest first.
    versions: Vec<String>,
    /// By version, then by name.
    files: Vec<Shown>,
}

/// A file on a page.
struct Shown {
    file: File,
    uploaded: String,
}

impl Shown {
    /// Where it lies, as seen from the page of its project.
    fn url(&self, project: &str) -> String {
        format!("../../files/{project}/{}", self.file.filename.replace('!', "%21").replace('+', "%2B"))
    }

    fn sha256(&self) -> &str {
        File::sha256(&self.file.digest).unwrap_or_default()
    }

    /// The SHA-256 of the metadata that is served beside it. Only for wheels: a source distribution's may be dynamic.
    fn metadata_sha256(&self) -> Option<&str> {
        (self.file.kind == "bdist_wheel").then(|| File::sha256(&self.file.metadata)).flatten()
    }
}

/// The pages of a project.
pub(crate) fn project(rows: &[ListedRow]) -> Result<Vec<Page>> {
    let mut files = Vec::new();
    let mut names = BTreeSet::new();
    for row in rows {
        let file = File::of(row)?;
        // One name stands for the same bytes, however many manifests hold it.
        if names.insert(file.filename.clone()) {
            let version: Option<Version> = file.version.parse().ok();
            files.push((version, Shown { file, uploaded: iso(row.created_at) }));
        }
    }
    files.sort_by(|(one, left), (other, right)| {
        (one, &left.file.filename).cmp(&(other, &right.file.filename))
    });
    // 1.0 and 1.0.0 stand for one version, so their files stand mixed.
    let mut seen = BTreeSet::new();
    let versions = files.iter().map(|(_, shown)| &shown.file.version);
    let versions = versions.filter(|version| seen.insert(*version)).cloned().collect();
    let files = files.into_iter().map(|(_, shown)| shown).collect();
    let name = rows.first().map(|row| row.subject.as_str()).unwrap_or_default();
    let project = Project { name, versions, files };
    Ok(vec![json::project(&project)?, html::project(&project)])
}

/// The pages of all projects of a registry.
pub(crate) fn root(projects: &[String]) -> Result<Vec<Page>> {
    Ok(vec![json::root(projects)?, html::root(projects)])
}

/// A moment as the specification writes it.
pub(crate) fn iso(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_microsecond(at.microseconds()).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[cfg(test)]
mod tests;
