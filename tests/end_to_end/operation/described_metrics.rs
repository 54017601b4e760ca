//! The table of metrics in `docs/operation.md`, held against the page: names, types, labels and their values.

use std::collections::{BTreeMap, BTreeSet};

use super::metrics::{page, watched};
use crate::harness::postgres::{Database, SECRET_KEY};
use crate::harness::{ADMIN_PASSWORD, Caller, Image, Wharf};

/// What is said or shown of a metric.
#[derive(Debug, Default, PartialEq, Eq)]
struct Metric {
    kind: String,
    /// The values of each label; none where they are not listed.
    labels: BTreeMap<String, BTreeSet<String>>,
}

/// Metrics by the names of the table.
type Metrics = BTreeMap<String, Metric>;

/// The words in code in a text.
fn in_code(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The rows of the table, without those in which one of these words says that they are about other servers.
fn described(elsewhere: &[&str]) -> Metrics {
    let document = include_str!("../../../docs/operation.md");
    let (_, table) = document.split_once("## Metrics").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    let mut metrics = Metrics::new();
    for row in cells {
        let [name, labels, what] = row.as_slice() else { panic!("not three cells: {row:?}") };
        if elsewhere.iter().any(|word| what.contains(word)) {
            continue;
        }
        let name = name.trim_matches('`');
        metrics.insert(name.to_owned(), Metric { kind: kind(name, what), labels: labels_of(labels) });
    }
    metrics
}

/// The type, as the name or the first word of the row says it.
fn kind(name: &str, what: &str) -> String {
    let by_name = [("_total", "counter"), ("_info", "info")].into_iter();
    let by_name = by_name.filter(|(end, _)| name.ends_with(end)).map(|(_, kind)| kind).next();
    let otherwise = if what.starts_with("histogram") { "histogram" } else { "gauge" };
    by_name.unwrap_or(otherwise).to_owned()
}

/// The labels of a row: names alone, or one name and its values.
fn labels_of(cell: &str) -> BTreeMap<String, BTreeSet<String>> {
    match cell.split_once(':') {
        None => in_code(cell).into_iter().map(|name| (name, BTreeSet::new())).collect(),
        Some((name, values)) => in_code(name).into_iter().map(|name| (name, in_code(values))).collect(),
    }
}

/// The metrics of a page. Values are kept of those labels alone whose values the table lists.
fn shown(page: &str, described: &Metrics) -> Metrics {
    let mut metrics = Metrics::new();
    let (mut name, mut family) = (String::new(), String::new());
    for line in page.lines() {
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            let (base, kind) = declared.split_once(' ').unwrap();
            // On the page a counter lacks the end of its samples' names, and an info too.
            let end = [("counter", "_total"), ("info", "_info")].iter().find(|(of, _)| *of == kind);
            (family, name) = (base.to_owned(), format!("{base}{}", end.map_or("", |(_, end)| end)));
            metrics.insert(name.clone(), Metric { kind: kind.to_owned(), ..Metric::default() });
        } else if let Some(labels) = labels_of_sample(line, &family) {
            let lists = |label: &str| {
                described.get(&name).and_then(|row| row.labels.get(label)).is_some_and(|row| !row.is_empty())
            };
            let metric = metrics.get_mut(&name).unwrap();
            for (label, value) in labels.into_iter().filter(|(label, _)| label != "le") {
                let is_listed = lists(&label);
                metric.labels.entry(label).or_default().extend(is_listed.then_some(value));
            }
        }
    }
    metrics
}

/// The labels of a sample of a family, in the order of the page.
fn labels_of_sample(line: &str, family: &str) -> Option<Vec<(String, String)>> {
    let (_, rest) = line.strip_prefix(family).filter(|_| !line.starts_with('#'))?.split_once('{')?;
    let (labels, _) = rest.rsplit_once('}')?;
    let pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
    Some(pairs.map(|(label, value)| (label.to_owned(), value.trim_matches('"').to_owned())).collect())
}

/// A page on which every labelled metric has a sample.
async fn busy_page(wharf: &Wharf, scraper: &Caller) -> String {
    wharf.admin().repository("acme/app").push_image(&Image::oci(1), "v1").await;
    page(scraper.get("/metrics").await)
}

#[tokio::test]
async fn every_metric_is_described_with_its_type_and_labels_and_nothing_else_is() {
    let (wharf, scraper) = watched().await;
    let described = described(&["PostgreSQL only", "bucket only"]);

    assert_eq!(shown(&busy_page(&wharf, &scraper).await, &described), described);
}

#[tokio::test]
async fn on_postgresql_too_every_metric_is_described_and_nothing_else_is() {
    let Some(database) = Database::fresh().await else { return };
    let url = database.url();
    let settings = [
        ("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD),
        ("WHARF_DATABASE", url.as_str()),
        ("WHARF_SECRET_KEY", SECRET_KEY),
        ("WHARF_STORAGE", "file"),
    ];
    let wharf = Wharf::start_with(&settings).await;
    let described = described(&["SQLite only", "bucket only"]);

    let page = busy_page(&wharf, &wharf.admin()).await;

    assert_eq!(shown(&page, &described), described);
}
