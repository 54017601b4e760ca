//! The pages as JSON (PEP 691, 700, 714, 792).

use bytes::Bytes;
use serde::Serialize;
use wharf_core::{Error, Result};
use wharf_registry::format::Page;

use super::{API_VERSION, JSON, ListedFile, Project};

#[derive(Serialize)]
pub(crate) struct Meta {
    #[serde(rename = "api-version")]
    api_version: &'static str,
}

#[derive(Serialize)]
struct RootDocument<'a> {
    meta: Meta,
    projects: Vec<Name<'a>>,
}

#[derive(Serialize)]
struct Name<'a> {
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct ProjectDocument<'a> {
    pub(crate) meta: Meta,
    pub(crate) name: &'a str,
    pub(crate) project_status: Status<'a>,
    pub(crate) versions: &'a [String],
    pub(crate) files: Vec<FileDocument<'a>>,
}

#[derive(Serialize)]
pub(crate) struct Status<'a> {
    pub(crate) status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct FileDocument<'a> {
    pub(crate) filename: &'a str,
    pub(crate) url: String,
    pub(crate) hashes: Hashes<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) requires_python: Option<&'a str>,
    pub(crate) core_metadata: Metadata<'a>,
    /// What it was called before PEP 714.
    pub(crate) dist_info_metadata: Metadata<'a>,
    pub(crate) yanked: Yanked<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) upload_time: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provenance: Option<&'a str>,
}

#[derive(Serialize)]
pub(crate) struct Hashes<'a> {
    pub(crate) sha256: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Metadata<'a> {
    Served(Hashes<'a>),
    Not(bool),
}

/// Whether, or why (PEP 592).
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Yanked<'a> {
    Whether(bool),
    Because(&'a str),
}

pub(crate) const META: Meta = Meta { api_version: API_VERSION };

pub(super) fn root(projects: &[impl AsRef<str>]) -> Result<Page> {
    let projects = projects.iter().map(|name| Name { name: name.as_ref() }).collect();
    page(&RootDocument { meta: META, projects })
}

pub(super) fn project(project: &Project<'_>) -> Result<Page> {
    page(&ProjectDocument {
        meta: META,
        name: project.name,
        project_status: Status { status: project.status, reason: project.reason },
        versions: &project.versions,
        files: project.files.iter().map(|shown| file(project, shown)).collect(),
    })
}

fn file<'a>(project: &Project<'_>, shown: &'a ListedFile) -> FileDocument<'a> {
    let metadata = || match shown.metadata_sha256() {
        Some(sha256) => Metadata::Served(Hashes { sha256 }),
        None => Metadata::Not(false),
    };
    FileDocument {
        filename: &shown.file.filename,
        url: shown.url(project.name),
        hashes: Hashes { sha256: shown.sha256() },
        requires_python: shown.file.requires_python.as_deref(),
        core_metadata: metadata(),
        dist_info_metadata: metadata(),
        yanked: match &shown.yanked {
            Some(Some(reason)) => Yanked::Because(reason),
            yanked => Yanked::Whether(yanked.is_some()),
        },
        size: Some(shown.file.size),
        upload_time: Some(&shown.uploaded),
        provenance: shown.provenance.as_deref(),
    }
}

pub(crate) fn page(document: &impl Serialize) -> Result<Page> {
    let bytes: Bytes = serde_json::to_vec(document).map_err(Error::internal)?.into();
    Ok(Page { kind: JSON, media_type: "application/vnd.pypi.simple.v1+json", bytes })
}
