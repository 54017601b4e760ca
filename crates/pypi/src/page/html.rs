//! The pages as HTML (PEP 503, 592, 629, 714), which PEP 833 freezes: newer fields stand in JSON only.

use std::fmt::Write as _;

use wharf_registry::format::Page;

use super::{API_VERSION, HTML, ListedFile, Project};

pub(super) fn root(projects: &[impl AsRef<str>]) -> Page {
    let mut links = String::new();
    for name in projects {
        let name = escaped(name.as_ref());
        // A String takes all that is written to it.
        let _ = writeln!(links, "<a href=\"{name}/\">{name}</a><br>");
    }
    page("Simple index", ("active", None), &links)
}

pub(super) fn project(project: &Project<'_>) -> Page {
    let name = escaped(project.name);
    let mut links = format!("<h1>Links for {name}</h1>\n");
    project.files.iter().for_each(|shown| link(&mut links, project.name, shown));
    page(&format!("Links for {name}"), (project.status, project.reason), &links)
}

fn link(links: &mut String, project: &str, shown: &ListedFile) {
    let (url, sha256) = (escaped(&shown.url(project)), shown.sha256());
    let _ = write!(links, "<a href=\"{url}#sha256={sha256}\"");
    if let Some(versions) = &shown.file.requires_python {
        let _ = write!(links, " data-requires-python=\"{}\"", escaped(versions));
    }
    if let Some(sha256) = shown.metadata_sha256() {
        let _ = write!(
            links,
            " data-core-metadata=\"sha256={sha256}\" data-dist-info-metadata=\"sha256={sha256}\""
        );
    }
    if let Some(reason) = &shown.yanked {
        let _ = write!(links, " data-yanked=\"{}\"", escaped(reason.as_deref().unwrap_or_default()));
    }
    if let Some(provenance) = &shown.provenance {
        let _ = write!(links, " data-provenance=\"{}\"", escaped(provenance));
    }
    let _ = writeln!(links, ">{}</a><br>", escaped(&shown.file.filename));
}

/// A page of links, with what becomes of the project.
pub(crate) fn page(title: &str, (status, reason): (&str, Option<&str>), body: &str) -> Page {
    let reason = reason.map(|reason| {
        format!("<meta name=\"pypi:project-status-reason\" content=\"{}\">\n", escaped(reason))
    });
    let reason = reason.unwrap_or_default();
    let html = format!(
        "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"pypi:repository-version\" content=\"{API_VERSION}\">\n\
         <meta name=\"pypi:project-status\" content=\"{status}\">\n{reason}\
         <title>{title}</title>\n</head>\n<body>\n{body}</body>\n</html>\n"
    );
    Page { kind: HTML, media_type: "application/vnd.pypi.simple.v1+html", bytes: html.into() }
}

/// Text that stands for itself between tags and in attributes.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}
