//! The page of an upstream's project as it is shown here: with the upstream's hashes, sizes and times, and files that are
//! fetched from here.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bytes::Bytes;
use pep440_rs::Version;
use serde_json::{Map, Value, json};
use wharf_core::{Error, Result};
use wharf_registry::format::Page;

use super::index::{Index, Listed};
use crate::{
    filename::FileName,
    name::ProjectName,
    page::{
        API_VERSION, JSON,
        html::{escaped, page},
    },
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
    let files: Vec<Value> = index.files.iter().map(|file| json_file(project, file)).collect();
    let document = json!({
        "meta": { "api-version": API_VERSION },
        "name": project.as_str(),
        "project-status": { "status": "active" },
        "versions": versions.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "files": files,
    });
    let bytes: Bytes = serde_json::to_vec(&document).map_err(Error::internal)?.into();
    Ok(Page { kind: JSON, media_type: "application/vnd.pypi.simple.v1+json", bytes })
}

fn json_file(project: &ProjectName, file: &Listed) -> Value {
    let metadata = file.metadata.as_ref().map_or(Value::Bool(false), |sha256| json!({ "sha256": sha256 }));
    let mut fields = Map::from_iter([
        ("filename".to_owned(), file.filename.as_str().into()),
        ("url".to_owned(), url(project, file).into()),
        ("hashes".to_owned(), json!({ "sha256": file.sha256 })),
        ("core-metadata".to_owned(), metadata.clone()),
        ("dist-info-metadata".to_owned(), metadata),
        ("yanked".to_owned(), file.yanked.clone().unwrap_or(Value::Bool(false))),
    ]);
    let known = [
        ("requires-python", file.requires_python.as_deref().map(Value::from)),
        ("size", file.size.map(Value::from)),
        ("upload-time", file.uploaded.as_deref().map(Value::from)),
    ];
    fields.extend(known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Value::Object(fields)
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
            let _ = write!(links, " data-yanked=\"{}\"", escaped(yanked.as_str().unwrap_or_default()));
        }
        let _ = writeln!(links, ">{}</a><br>", escaped(&file.filename));
    }
    page(&format!("Links for {project}"), ("active", None), &links)
}
