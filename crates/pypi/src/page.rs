//! The pages of the simple index (simple repository API 1.4), rendered from what is listed.

pub(crate) mod html;
pub(crate) mod json;

use std::collections::{BTreeSet, HashMap, HashSet};

use pep440_rs::Version;
use wharf_core::{Error, Place, Result};
use wharf_registry::{
    format::{self, Page},
    port::{About, NoticeRow, Says},
};

use crate::{attestation::kept::Attested, format::File, name::ProjectName};

/// The version of the protocol that the pages speak.
pub(crate) const API_VERSION: &str = "1.4";

/// The most bytes that the files of a page are counted with. Of more the newest are shown.
const MOST_BYTES: usize = 32 << 20;
/// How many bytes of a page a file is counted with, apart from what it says of itself.
const EACH: usize = 512;

/// The pages of one listing, by their names.
pub(crate) const JSON: &str = "json";
/// The same as HTML.
pub(crate) const HTML: &str = "html";

/// Everything a project's page shows.
struct Project<'a> {
    name: &'a str,
    /// `active`, `deprecated`, `archived` or `quarantined` (PEP 792).
    status: &'static str,
    /// Why, if that was told.
    reason: Option<&'a str>,
    /// The oldest first.
    versions: Vec<String>,
    /// By version, then by name.
    files: Vec<ListedFile>,
}

/// A file on a page.
pub(crate) struct ListedFile {
    /// What is known of it.
    pub(crate) file: File,
    /// Since when it is there.
    pub(crate) uploaded: String,
    /// Whether it is yanked, and why, if that was told.
    pub(crate) yanked: Option<Option<String>>,
    /// Whether its publisher attested anything of it.
    is_attested: bool,
    /// Where that is found, if pages tell.
    provenance: Option<String>,
}

impl ListedFile {
    /// Where it lies, as seen from the page of its project.
    fn url(&self, project: &str) -> String {
        format!("../../{}", self.path(project))
    }

    /// Where it lies within its index.
    pub(crate) fn path(&self, project: &str) -> String {
        format!("files/{project}/{}", encoded(&self.file.filename))
    }

    /// How many bytes of a page it takes, about.
    fn weight(&self) -> usize {
        let File { filename, version, requires_python, .. } = &self.file;
        let reason = self.yanked.iter().flatten();
        let told = requires_python.iter().chain(reason).chain([version]).map(String::len);
        EACH + 2 * filename.len() + told.sum::<usize>()
    }

    /// Its SHA-256 in hexadecimal digits.
    pub(crate) fn sha256(&self) -> &str {
        File::sha256(&self.file.digest).unwrap_or_default()
    }

    /// The SHA-256 of the metadata that is served beside it. Only for wheels: a source distribution's may be dynamic.
    fn metadata_sha256(&self) -> Option<&str> {
        (self.file.kind == "bdist_wheel").then(|| File::sha256(&self.file.metadata)).flatten()
    }
}

/// The pages of a project.
pub(crate) fn project(listing: &format::RepositoryListing, origin: Option<&str>) -> Result<Vec<Page>> {
    let name = listing.rows.first().map(|row| row.subject.as_str()).unwrap_or_default();
    let about_all = listing.notices.iter().find(|notice| notice.about == About::All);
    let mut files = shown(listing)?;
    if let Some(origin) = origin {
        files.iter_mut().for_each(|shown| shown.provenance = provenance(shown, (origin, listing)));
    }
    // 1.0 and 1.0.0 stand for one version, so their files stand mixed.
    let mut seen = BTreeSet::new();
    let versions = files.iter().map(|shown| &shown.file.version);
    let versions = versions.filter(|version| seen.insert(*version)).cloned().collect();
    let status = about_all.map_or("active", |notice| notice.says.word());
    let reason = about_all.and_then(|notice| notice.reason.as_deref());
    let project = Project { name, status, reason, versions, files };
    Ok(vec![json::project(&project)?, html::project(&project)])
}

fn provenance(shown: &ListedFile, (origin, listing): (&str, &format::RepositoryListing)) -> Option<String> {
    let Place { organisation, registry, .. } = &listing.place;
    let (project, version) = (ProjectName::of(&listing.place)?, encoded(&shown.file.version));
    let file = encoded(&shown.file.filename);
    let path = format!("pypi/{organisation}/{registry}/integrity/{project}/{version}/{file}/provenance");
    shown.is_attested.then(|| format!("{origin}/{path}"))
}

/// A name in a URL. No other sign that it may hold means anything there.
fn encoded(name: &str) -> String {
    name.replace('!', "%21").replace('+', "%2B")
}

/// The files that are shown, by version, then by name: none of a project in quarantine, and of very many the newest.
pub(crate) fn shown(listing: &format::RepositoryListing) -> Result<Vec<ListedFile>> {
    let is_quarantine = |notice: &NoticeRow| notice.about == About::All && notice.says == Says::Quarantined;
    if listing.notices.iter().any(is_quarantine) {
        return Ok(Vec::new());
    }
    files(listing).map(|files| last(files, MOST_BYTES))
}

/// The last files, as many as so many bytes of a page take.
fn last(mut files: Vec<ListedFile>, most: usize) -> Vec<ListedFile> {
    let mut taken = 0;
    let is_beyond = |shown: &ListedFile| {
        taken += shown.weight();
        taken > most
    };
    let left_out = files.iter().rposition(is_beyond);
    files.split_off(left_out.map_or(0, |position| position + 1))
}

fn files(listing: &format::RepositoryListing) -> Result<Vec<ListedFile>> {
    let attested = attested(&listing.beside)?;
    let key = |notice: &NoticeRow| (notice.about.word(), notice.about.name().to_owned());
    let notices: HashMap<_, _> = listing.notices.iter().map(|notice| (key(notice), notice)).collect();
    let mut files = Vec::new();
    let mut names = BTreeSet::new();
    for row in &listing.rows {
        let file = File::of(row)?;
        // One name stands for the same bytes, however many manifests hold it.
        if !names.insert(file.filename.clone()) {
            continue;
        }
        let version: Option<Version> = file.version.parse().ok();
        // What was said about the file says more than what was said about its release.
        let about = [("part", file.filename.clone()), ("release", row.release.clone())];
        let yanked = about.iter().find_map(|about| notices.get(about)).map(|notice| notice.reason.clone());
        let sha256 = File::sha256(&file.digest).unwrap_or_default().to_owned();
        let is_attested = attested.contains(&(file.filename.clone(), sha256));
        let uploaded = row.created_at.written()?;
        files.push((version, ListedFile { file, uploaded, yanked, is_attested, provenance: None }));
    }
    files.sort_by(|(one, left), (other, right)| {
        (one, &left.file.filename).cmp(&(other, &right.file.filename))
    });
    Ok(files.into_iter().map(|(_, shown)| shown).collect())
}

/// The names and the SHA-256 of files of which their publishers attested anything.
fn attested(beside: &[String]) -> Result<HashSet<(String, String)>> {
    let mut files = HashSet::new();
    for attributes in beside {
        let Attested { filename, sha256, publisher, .. } =
            serde_json::from_str(attributes).map_err(Error::internal)?;
        if publisher.is_some() {
            files.insert((filename, sha256));
        }
    }
    Ok(files)
}

/// The pages of all projects of a registry.
pub(crate) fn root(projects: &[impl AsRef<str>]) -> Result<Vec<Page>> {
    Ok(vec![json::root(projects)?, html::root(projects)])
}

#[cfg(test)]
mod tests;
