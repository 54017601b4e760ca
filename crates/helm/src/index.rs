//! `index.yaml`, rendered from what a registry shows.
//!
//! It is written as JSON, which is YAML: no text in a chart can mean anything else there, and Helm reads it many times
//! faster. Characters that YAML forbids or takes for the end of a line are escaped.

use std::{collections::BTreeSet, fmt::Write as _};

use memchr::memmem;
use serde::Serialize;
use serde_json::{Map, Value};
use wharf_core::{Error, RegistryPlace, Result};
use wharf_registry::{format::Page, port::ShownRow};

use crate::endpoint::Window;

/// The page.
pub(crate) const INDEX: &str = "index";
/// What its media type is (RFC 9512).
pub(crate) const YAML: &str = "application/yaml";
/// What stands before the charts, and nowhere before that.
const ENTRIES: &str = "\"entries\":";
/// How a chart begins among them, and nothing else: no text holds the end of a line, and a version begins with a brace.
const CHART: &str = "\n\"";

/// A version of a chart as the index and the API show it.
#[derive(Serialize)]
struct Entry<'a> {
    #[serde(flatten)]
    chart: Map<String, Value>,
    created: String,
    digest: &'a str,
    urls: [String; 1],
}

/// The page of all that a registry shows.
pub(crate) fn pages(registry: &RegistryPlace, rows: &[ShownRow]) -> Result<Vec<Page>> {
    let bytes = index(registry, rows)?.into();
    Ok(vec![Page { kind: INDEX, media_type: YAML, bytes }])
}

/// The charts of an index, as ChartMuseum's API lists them: a part of its text.
pub(crate) fn charts(index: &[u8]) -> Option<std::ops::Range<usize>> {
    let begin = memmem::find(index, ENTRIES.as_bytes())? + ENTRIES.len();
    let end = index.len().checked_sub("}\n".len())?;
    (begin <= end).then_some(begin..end)
}

/// Some of the charts of such a part, in their order. It is cut out of the text, and nothing of that is parsed.
pub(crate) fn some(charts: &[u8], Window { offset, limit }: Window) -> Vec<u8> {
    let mut begins = memmem::find_iter(charts, CHART).skip(offset);
    let (Some(begin), false) = (begins.next(), limit == Some(0)) else { return b"{}".to_vec() };
    let end = match limit.and_then(|limit| begins.nth(limit.checked_sub(1)?)) {
        Some(next) => next.saturating_sub(",".len()),
        None => charts.len().saturating_sub("}".len()),
    };
    [b"{", charts.get(begin..end).unwrap_or_default(), b"}"].concat()
}

/// The index of some rows, which come by subject, the newest first.
pub(crate) fn index(registry: &RegistryPlace, rows: &[ShownRow]) -> Result<String> {
    let RegistryPlace { organisation, registry } = registry;
    let generated = rows.iter().map(|row| row.created_at).max().unwrap_or_default().written()?;
    let mut index = format!(
        "{{\"apiVersion\":\"v1\",\"generated\":\"{generated}\",\
         \"serverInfo\":{{\"contextPath\":\"/helm/{organisation}/{registry}\"}},\n{ENTRIES}{{"
    );
    let mut subject = None;
    for (row, entry) in entries(rows)? {
        let name = row.cursor.subject.as_str();
        if subject == Some(name) {
            index.push_str(",\n");
        } else {
            let before = if subject.is_some() { "],\n" } else { "\n" };
            // A String takes all that is written to it.
            let _ = writeln!(index, "{before}{}:[", harmless(Value::from(name).to_string()));
            subject = Some(name);
        }
        index.push_str(&entry);
    }
    index.push_str(if subject.is_some() { "]\n}}\n" } else { "}}\n" });
    Ok(index)
}

/// Every version once, as JSON. Where two repositories hold one version of one chart, that which was there first counts.
pub(crate) fn entries(rows: &[ShownRow]) -> Result<Vec<(&ShownRow, String)>> {
    let mut seen = BTreeSet::new();
    let mut entries = Vec::new();
    for row in rows {
        let chart: Map<String, Value> = serde_json::from_str(&row.attributes).map_err(Error::internal)?;
        let version = version(&chart).to_owned();
        if seen.insert((row.cursor.subject.as_str(), version)) {
            entries.push((row, entry(row, chart)?));
        }
    }
    Ok(entries)
}

/// The version of a chart.
pub(crate) fn version(chart: &Map<String, Value>) -> &str {
    chart.get("version").and_then(Value::as_str).unwrap_or_default()
}

fn entry(row: &ShownRow, mut chart: Map<String, Value>) -> Result<String> {
    let (content, version) = (chart.remove("content"), version(&chart).to_owned());
    // What was found by looking inside is not the chart's own description.
    ["provenance", "images"].into_iter().for_each(|own| drop(chart.remove(own)));
    let digest = content.as_ref().and_then(|content| content.get("digest")?.as_str()).unwrap_or_default();
    let entry = Entry {
        created: row.created_at.written()?,
        digest: digest.strip_prefix("sha256:").unwrap_or(digest),
        urls: [url(row, &version)],
        chart,
    };
    serde_json::to_string(&entry).map(harmless).map_err(Error::internal)
}

/// Where a packaged chart lies, as seen from the index.
fn url(row: &ShownRow, version: &str) -> String {
    let (repository, name) = (&row.place.repository, &row.cursor.subject);
    format!("charts/{repository}/{name}-{}.tgz", version.replace('+', "%2B"))
}

/// JSON in which every character is one that YAML 1.1 and 1.2 allow, and none ends a line.
fn harmless(json: String) -> String {
    let is_harmful = |letter: char| {
        matches!(letter, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    if !json.contains(is_harmful) {
        return json;
    }
    json.chars().fold(String::with_capacity(json.len() + 16), |mut escaped, letter| {
        if is_harmful(letter) {
            // As above.
            let _ = write!(escaped, "\\u{:04x}", u32::from(letter));
        } else {
            escaped.push(letter);
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use wharf_core::{Algorithm, Digest, Timestamp};
    use wharf_registry::format::FactCursor;

    use super::*;

    fn registry() -> RegistryPlace {
        RegistryPlace { organisation: "acme".parse().unwrap(), registry: "main".parse().unwrap() }
    }

    fn row(place: &str, version: &str, description: &str) -> ShownRow {
        let place: wharf_core::Place = place.parse().unwrap();
        let subject = place.repository.as_str().rsplit('/').next().unwrap().to_owned();
        let content = format!("sha256:{}", "ab".repeat(32));
        let attributes = json!({
            "apiVersion": "v2", "name": subject, "version": version, "description": description,
            "content": { "digest": content, "size": 1 },
        });
        ShownRow {
            cursor: FactCursor { subject, sort_key: Vec::new(), id: 1 },
            place,
            tag: version.replace('+', "_").parse().unwrap(),
            digest: Digest::new(Algorithm::Sha256, &[1; 32]).unwrap(),
            created_at: Timestamp::from_microseconds(1_700_000_000_000_000),
            attributes: attributes.to_string(),
        }
    }

    #[test]
    fn an_index_lists_every_version_once() {
        let rows = [
            row("acme/app", "2.0.0+b", "new"),
            row("acme/app", "1.0.0", "old"),
            row("acme/main/copy/app", "1.0.0", "copy"),
            row("acme/web", "1.0.0", ""),
        ];
        let text = index(&registry(), &rows).unwrap();
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["serverInfo"]["contextPath"], "/helm/acme/main");
        let apps = read["entries"]["app"].as_array().unwrap();
        assert_eq!(apps.len(), 2);
        assert_eq!(apps[0]["urls"], json!(["charts/app/app-2.0.0%2Bb.tgz"]));
        assert_eq!((&apps[1]["description"], &apps[1]["digest"]), (&json!("old"), &json!("ab".repeat(32))));
        assert_eq!(apps[1]["created"], "2023-11-14T22:13:20.000000Z");
        assert!(apps[1].get("content").is_none());
        let charts = &text.as_bytes()[charts(text.as_bytes()).unwrap()];
        assert_eq!(serde_json::from_slice::<Value>(charts).unwrap(), read["entries"]);
        let empty = index(&registry(), &[]).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&empty).unwrap()["entries"], json!({}));
        assert_eq!(&empty.as_bytes()[super::charts(empty.as_bytes()).unwrap()], b"{}");
    }

    #[test]
    fn charts_are_cut_out_as_if_they_had_been_parsed() {
        let places = ["acme/a", "acme/b", "acme/b", "acme/c", "acme/d"];
        let odd = "\n\"a\":[\n{},\n";
        let rows: Vec<_> = (0..).zip(places).map(|(n, place)| row(place, &format!("1.{n}.0"), odd)).collect();
        for rows in [&rows[..], &rows[..1], &[]] {
            let text = index(&registry(), rows).unwrap();
            let all = &text.as_bytes()[charts(text.as_bytes()).unwrap()];
            let parsed: Map<String, Value> = serde_json::from_slice(all).unwrap();
            for (offset, limit) in (0..6).flat_map(|offset| (0..6).map(move |limit| (offset, limit))) {
                for limit in [Some(limit), None, Some(usize::MAX)] {
                    let cut: Value = serde_json::from_slice(&some(all, Window { offset, limit })).unwrap();
                    let wanted = parsed.clone().into_iter().skip(offset).take(limit.unwrap_or(usize::MAX));
                    assert_eq!(cut, Value::Object(wanted.collect()), "{offset} {limit:?}");
                }
            }
        }
    }

    proptest! {
        /// A chart may say what it likes: JSON and YAML read the same of it, and the entries beside it stay.
        #[test]
        fn no_text_breaks_the_index(text in "(\\PC|\u{7f}|\u{85}|\u{2028}|\u{feff}|\"|\\\\|: |\n|---|\\{|\u{0}){0,40}") {
            let rows = [row("acme/app", "1.0.0", &text), row("acme/web", "1.0.0", "")];
            let index = index(&registry(), &rows).unwrap();
            let json: Value = serde_json::from_str(&index).unwrap();
            prop_assert_eq!(json["entries"]["app"][0]["description"].as_str(), Some(text.as_str()));
            let yaml: Value = serde_saphyr::from_str(&index).unwrap();
            prop_assert_eq!(&yaml, &json);
        }
    }
}
