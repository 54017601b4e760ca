//! The page of an upstream's project as it is shown here: with the upstream's hashes, sizes and times, and files that are
//! fetched from here.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use pep440_rs::Version;
use wharf_core::Result;
use wharf_registry::format::Page;

use super::index::Index;
use crate::{
    filename::FileName,
    name::ProjectName,
    page::{
        html::{escaped, page},
        json::{self, FileDocument, Hashes, Metadata, ProjectDocument, Status, Yanked},
    },
    simple_page::Listed,
};

/// Both forms.
pub(super) fn pages(project: &ProjectName, index: &Index) -> Result<Vec<Page>> {
    Ok(vec![json_page(project, index)?, html_page(project, index)])
}

/// Where a file lies, as seen from the page of its project.
fn url(project: &ProjectName, file: &Listed) -> String {
    format!("../../files/{project}/{}", file.filename.replace('!', "%21").replace('+', "%2B"))
}

fn json_page(project: &ProjectName, index: &Index) -> Result<Page> {
    let versions: BTreeSet<Version> =
        index.files.iter().filter_map(|file| Some(FileName::parse(&file.filename).ok()?.version)).collect();
    let versions: Vec<String> = versions.iter().map(ToString::to_string).collect();
    json::page(&ProjectDocument {
        meta: json::META,
        name: project.as_str(),
        project_status: Status { status: "active", reason: None },
        versions: &versions,
        files: index.files.iter().map(|file| json_file(project, file)).collect(),
    })
}

fn json_file<'a>(project: &ProjectName, file: &'a Listed) -> FileDocument<'a> {
    let metadata = || match &file.metadata {
        Some(sha256) => Metadata::Served(Hashes { sha256 }),
        None => Metadata::Not(false),
    };
    FileDocument {
        filename: &file.filename,
        url: url(project, file),
        hashes: Hashes { sha256: &file.sha256 },
        requires_python: file.requires_python.as_deref(),
        core_metadata: metadata(),
        dist_info_metadata: metadata(),
        yanked: match file.yanked.as_deref() {
            None => Yanked::Whether(false),
            Some("") => Yanked::Whether(true),
            Some(reason) => Yanked::Because(reason),
        },
        size: file.size,
        upload_time: file.uploaded.as_deref(),
        provenance: None,
    }
}

fn html_page(project: &ProjectName, index: &Index) -> Page {
    let mut links = format!("<h1>Links for {project}</h1>\n");
    for file in &index.files {
        // A String takes all that is written to it.
        let _ =
            write!(links, "<a href=\"{}#sha256={}\"", escaped(&url(project, file)), escaped(&file.sha256));
        if let Some(versions) = &file.requires_python {
            let _ = write!(links, " data-requires-python=\"{}\"", escaped(versions));
        }
        if let Some(sha256) = file.metadata.as_deref().map(escaped) {
            let _ = write!(
                links,
                " data-core-metadata=\"sha256={sha256}\" data-dist-info-metadata=\"sha256={sha256}\""
            );
        }
        if let Some(yanked) = &file.yanked {
            let _ = write!(links, " data-yanked=\"{}\"", escaped(yanked));
        }
        let _ = writeln!(links, ">{}</a><br>", escaped(&file.filename));
    }
    page(&format!("Links for {project}"), ("active", None), &links)
}
