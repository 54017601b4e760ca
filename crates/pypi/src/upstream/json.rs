//! A page of a project in JSON (PEP 691, 700, 714).

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::index::Listed;

#[derive(Deserialize)]
struct Page {
    files: Vec<File>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: Hashes,
    #[serde(default)]
    requires_python: Option<String>,
    #[serde(default)]
    core_metadata: Option<Value>,
    #[serde(default)]
    dist_info_metadata: Option<Value>,
    #[serde(default)]
    yanked: Option<Value>,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    upload_time: Option<String>,
}

#[derive(Default, Deserialize)]
struct Hashes {
    #[serde(default)]
    sha256: Option<String>,
}

/// The files of a page.
pub(super) fn files(text: &str, base: &Url) -> serde_json::Result<Vec<Listed>> {
    let page: Page = serde_json::from_str(text)?;
    Ok(page.files.into_iter().filter_map(|file| listed(file, base)).collect())
}

fn listed(file: File, base: &Url) -> Option<Listed> {
    let metadata = file.core_metadata.or(file.dist_info_metadata);
    let metadata = metadata.as_ref().and_then(|promised| promised.get("sha256")).and_then(Value::as_str);
    Some(Listed {
        url: base.join(&file.url).ok()?.into(),
        filename: file.filename,
        sha256: file.hashes.sha256?.to_ascii_lowercase(),
        size: file.size,
        requires_python: file.requires_python,
        uploaded: file.upload_time.filter(|moment| moment.parse::<jiff::Timestamp>().is_ok()),
        yanked: file.yanked.filter(|yanked| *yanked != Value::Bool(false) && !yanked.is_null()),
        metadata: metadata.map(str::to_ascii_lowercase),
    })
}
