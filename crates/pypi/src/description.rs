//! A project as JSON, as the public index tells it beside its pages (`/{project}/json`): what bots ask for that look for
//! new versions. Made for each reader: installers do not ask.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use pep440_rs::Version;
use serde_json::{Map, Value, json};
use tokio::task::spawn_blocking;
use wharf_core::{Error, Grant, Kind, Place, Result, Subject, action::Pull};
use wharf_http::REVALIDATED;
use wharf_registry::format::{Pair, RepositoryListing};

use crate::{
    Call,
    filename::FileName,
    format::{FILENAME, METADATA, NAME},
    metadata::Metadata,
    page::{ListedFile, shown},
};

/// `GET /pypi/{organisation}/{registry}/{project}/json`, and of one version.
pub(crate) async fn project(
    call: &Call<'_>,
    (grant, base): (&Grant<Pull>, &str),
    version: Option<&str>,
) -> Result<Response> {
    let wanted: Option<Version> = version.map(|text| text.parse().map_err(|_| missing())).transpose()?;
    let Place { organisation, registry, .. } = grant.place();
    let turn = call.serving.pages.next(organisation).await?;
    let listing = call.registry.listing(grant, NAME).await?.ok_or_else(missing)?;
    let reading = spawn_blocking(move || Project::of(&listing, wanted));
    let (project, newest) = reading.await.map_err(Error::internal)??;
    let pair = Pair { format: NAME, name: FILENAME, value: &newest };
    let metadata = call.registry.listed_document(grant, pair, METADATA).await?;
    let metadata = metadata.ok_or_else(|| Error::internal("a file that is listed has no metadata"))?;
    let base = format!("{base}/pypi/{organisation}/{registry}");
    let writing = move || {
        // The reader may go away; the work goes on, and the turn with it.
        let _turn = turn;
        project.document(&metadata.bytes, &base)
    };
    let document = spawn_blocking(writing).await.map_err(Error::internal)??;
    let headers = [
        (header::CACHE_CONTROL, HeaderValue::from_static(REVALIDATED)),
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
    ];
    Ok((headers, document).into_response())
}

fn missing() -> Error {
    Error::new(Kind::NotFound(Subject::Name), "there is no such project or version here")
}

/// What is told of a project.
struct Project {
    name: String,
    files: Vec<Numbered>,
    /// The version that is wanted, if one is.
    wanted: Option<Version>,
}

impl Project {
    /// What is listed of it, with the name of the file whose metadata speaks for it.
    fn of(listing: &RepositoryListing, wanted: Option<Version>) -> Result<(Self, String)> {
        let name = listing.rows.first().map(|row| row.subject.clone()).unwrap_or_default();
        let files = shown(listing)?.into_iter().map(Numbered::of).collect();
        let project = Self { name, files, wanted };
        let newest = project.newest()?.shown.file.filename.clone();
        Ok((project, newest))
    }

    /// A file of the newest version, which is one that is yanked or not yet final only if all are; or of the one that is
    /// wanted.
    fn newest(&self) -> Result<&Numbered> {
        let is_wanted = |file: &&Numbered| self.wanted.is_none() || file.version == self.wanted;
        let weight = |Numbered { version, shown }: &&Numbered| {
            let is_final = version.as_ref().is_some_and(|version| !version.any_prerelease());
            (shown.yanked.is_none(), is_final, version.clone(), shown.file.kind == "bdist_wheel")
        };
        self.files.iter().filter(is_wanted).max_by_key(weight).ok_or_else(missing)
    }

    /// The document, with addresses below a base.
    fn document(&self, metadata: &[u8], base: &str) -> Result<Bytes> {
        let newest = self.newest()?;
        let url = |shown: &ListedFile| format!("{base}/{}", shown.path(&self.name));
        let of_version = self.files.iter().filter(|file| file.version == newest.version);
        let mut document = json!({
            "info": info(metadata, &newest.shown)?,
            "last_serial": 0,
            "urls": of_version.map(|Numbered { shown, .. }| file(shown, url(shown))).collect::<Vec<_>>(),
            "vulnerabilities": [],
        });
        if let (None, Some(fields)) = (&self.wanted, document.as_object_mut()) {
            fields.insert("releases".to_owned(), releases(&self.files, url));
        }
        serde_json::to_vec(&document).map(Bytes::from).map_err(Error::internal)
    }
}

/// A file with its version, by which it can be compared.
struct Numbered {
    version: Option<Version>,
    shown: ListedFile,
}

impl Numbered {
    fn of(shown: ListedFile) -> Self {
        Self { version: shown.file.version.parse().ok(), shown }
    }
}

/// What the metadata of a file says of its project.
fn info(bytes: &[u8], shown: &ListedFile) -> Result<Value> {
    let metadata = Metadata::parse(bytes).map_err(Error::from)?;
    let mut info: Map<String, Value> = metadata.to_json();
    let urls = info.get("project_urls").and_then(Value::as_array).cloned().unwrap_or_default();
    let urls = urls
        .iter()
        .filter_map(|url| url.as_str()?.split_once(','))
        .map(|(label, url)| (label.trim().to_owned(), Value::from(url.trim())));
    info.insert("project_urls".to_owned(), Value::Object(urls.collect()));
    let text = String::from_utf8_lossy(bytes);
    // An empty line ends the head, and the description follows.
    let ends = ["\n\n", "\r\n\r\n"].iter().filter_map(|end| text.find(end).map(|at| at + end.len())).min();
    let body = ends.and_then(|at| text.get(at..)).unwrap_or_default();
    info.entry("description").or_insert_with(|| body.into());
    info.insert("yanked".to_owned(), shown.yanked.is_some().into());
    info.insert("yanked_reason".to_owned(), json!(shown.yanked.clone().flatten()));
    for field in NAMED {
        info.entry(*field).or_insert(Value::Null);
    }
    Ok(Value::Object(info))
}

/// Fields that readers expect, be it as nothing.
const NAMED: &[&str] = &[
    "author",
    "author_email",
    "classifiers",
    "description_content_type",
    "home_page",
    "keywords",
    "license",
    "license_expression",
    "maintainer",
    "maintainer_email",
    "requires_dist",
    "requires_python",
    "summary",
];

fn releases(files: &[Numbered], url: impl Fn(&ListedFile) -> String) -> Value {
    let mut releases = Map::new();
    for Numbered { shown, .. } in files {
        let release = releases.entry(shown.file.version.clone()).or_insert_with(|| json!([]));
        if let Some(release) = release.as_array_mut() {
            release.push(file(shown, url(shown)));
        }
    }
    Value::Object(releases)
}

fn file(shown: &ListedFile, url: String) -> Value {
    let python = FileName::parse(&shown.file.filename).map(|name| name.python).unwrap_or_default();
    json!({
        "comment_text": null,
        "digests": { "sha256": shown.sha256() },
        "filename": shown.file.filename,
        "packagetype": shown.file.kind,
        "python_version": python,
        "requires_python": shown.file.requires_python,
        "size": shown.file.size,
        "upload_time": shown.uploaded.split('.').next(),
        "upload_time_iso_8601": shown.uploaded,
        "url": url,
        "yanked": shown.yanked.is_some(),
        "yanked_reason": shown.yanked.clone().flatten(),
    })
}
