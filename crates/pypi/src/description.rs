//! A project as JSON, as the public index tells it beside its pages (`/{project}/json`): what bots ask for that look for
//! new versions. Made for each reader: installers do not ask.

use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use pep440_rs::Version;
use serde_json::{Map, Value, json};
use wharf_core::{Error, Grant, Kind, Place, Result, Subject, action::Pull};
use wharf_http::REVALIDATED;
use wharf_registry::format::Pair;

use crate::{
    Call,
    filename::FileName,
    format::{FILENAME, METADATA, NAME},
    metadata::Metadata,
    page::{Shown, shown},
};

/// `GET /pypi/{organisation}/{registry}/{project}/json`, and of one version.
pub(crate) async fn project(
    call: &Call<'_>,
    (grant, base): (&Grant<Pull>, &str),
    version: Option<&str>,
) -> Result<Response> {
    let missing = || Error::new(Kind::NotFound(Subject::Name), "there is no such project or version here");
    let listing = call.registry.listing(grant, NAME).await?.ok_or_else(missing)?;
    let wanted: Option<Version> = version.map(|text| text.parse().map_err(|_| missing())).transpose()?;
    let files: Vec<Numbered> = shown(&listing)?.into_iter().map(Numbered::of).collect();
    let newest = newest(&files, wanted.as_ref()).ok_or_else(missing)?;
    let url = |shown: &Shown| {
        let Place { organisation, registry, .. } = grant.place();
        let project = listing.rows.first().map(|row| row.subject.as_str()).unwrap_or_default();
        format!("{base}/pypi/{organisation}/{registry}/{}", shown.path(project))
    };
    let of_version = files.iter().filter(|file| file.version == newest.version);
    let mut document = json!({
        "info": info(call, grant, &newest.shown).await?,
        "last_serial": 0,
        "urls": of_version.map(|Numbered { shown, .. }| file(shown, url(shown))).collect::<Vec<_>>(),
        "vulnerabilities": [],
    });
    if let (None, Some(fields)) = (version, document.as_object_mut()) {
        fields.insert("releases".to_owned(), releases(&files, url));
    }
    let revalidated = HeaderValue::from_static(REVALIDATED);
    Ok(([(header::CACHE_CONTROL, revalidated)], Json(document)).into_response())
}

/// A file with its version, by which it can be compared.
struct Numbered {
    version: Option<Version>,
    shown: Shown,
}

impl Numbered {
    fn of(shown: Shown) -> Self {
        Self { version: shown.file.version.parse().ok(), shown }
    }
}

/// A file of the newest version, which is one that is yanked or not yet final only if all are; or of the one that is
/// wanted.
fn newest<'a>(files: &'a [Numbered], wanted: Option<&Version>) -> Option<&'a Numbered> {
    let is_wanted = |file: &&Numbered| wanted.is_none() || file.version.as_ref() == wanted;
    let weight = |Numbered { version, shown }: &&Numbered| {
        let is_final = version.as_ref().is_some_and(|version| !version.any_prerelease());
        (shown.yanked.is_none(), is_final, version.clone(), shown.file.kind == "bdist_wheel")
    };
    files.iter().filter(is_wanted).max_by_key(weight)
}

/// What the metadata of a file says of its project.
async fn info(call: &Call<'_>, grant: &Grant<Pull>, shown: &Shown) -> Result<Value> {
    let pair = Pair { format: NAME, name: FILENAME, value: &shown.file.filename };
    let document = call.registry.listed_document(grant, pair, METADATA).await?;
    let document = document.ok_or_else(|| Error::internal("a file that is listed has no metadata"))?;
    let metadata = Metadata::parse(&document.bytes).map_err(Error::from)?;
    let mut info: Map<String, Value> = metadata.to_json();
    let urls = info.get("project_urls").and_then(Value::as_array).cloned().unwrap_or_default();
    let urls = urls
        .iter()
        .filter_map(|url| url.as_str()?.split_once(','))
        .map(|(label, url)| (label.trim().to_owned(), Value::from(url.trim())));
    info.insert("project_urls".to_owned(), Value::Object(urls.collect()));
    let text = String::from_utf8_lossy(&document.bytes);
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

fn releases(files: &[Numbered], url: impl Fn(&Shown) -> String) -> Value {
    let mut releases = Map::new();
    for Numbered { shown, .. } in files {
        let release = releases.entry(shown.file.version.clone()).or_insert_with(|| json!([]));
        if let Some(release) = release.as_array_mut() {
            release.push(file(shown, url(shown)));
        }
    }
    Value::Object(releases)
}

fn file(shown: &Shown, url: String) -> Value {
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
