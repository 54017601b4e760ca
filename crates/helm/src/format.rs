//! Charts as a format: what `helm push` stores is recognised, read, and held to what it says of itself.
//!
//! A chart is an image manifest with Helm's config type, one layer with the packaged chart and perhaps one with its
//! provenance file (Helm, `pkg/registry`). The layers come in the order of their digests, so they are told apart by
//! type. The facts come from the chart's own `Chart.yaml`, whoever pushed it; the config, the repository and a tag
//! that is a version must agree with it, for these are what `helm pull` goes by.

use std::io::{Read as _, Take};

use serde_json::json;
use wharf_core::{
    MediaType, Tag,
    manifest::{Descriptor, Role, Shape},
};
use wharf_registry::format::{
    Answers, BlobReader, Candidate, Contents, Document, Fact, Format, Listing, Page, Question, Refusal,
    RegistryPage,
};

use crate::{archive::Archive, chart::Chart, images::images, index, provenance, question};

/// What the format is called in rows, filters and URLs.
pub(crate) const NAME: &str = "helm";
/// The type of the config of a chart's manifest, by which it is known.
pub(crate) const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
/// The type of the packaged chart.
pub(crate) const CONTENT: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
/// What Helm before 3.7 called the content.
const OLD_CONTENT: &str = "application/tar+gzip";
/// The type of a provenance file.
pub(crate) const PROVENANCE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";
/// The document that holds the default values.
pub(crate) const VALUES: &str = "values";

/// The largest config and provenance file that is read, in bytes.
pub(crate) const LARGEST: u64 = 1024 * 1024;

/// Helm charts as a format.
pub struct Charts;

impl Format for Charts {
    fn name(&self) -> &'static str {
        NAME
    }

    fn found_by(&self) -> &'static [&'static str] {
        &["name", "version", "appVersion", "type", "keyword", "image"]
    }

    fn recognises(&self, candidate: &Candidate) -> bool {
        let manifest = &candidate.manifest;
        let is_config =
            |(role, config): &(Role, Descriptor)| *role == Role::Config && config.media_type == CONFIG;
        manifest.shape == Shape::Image
            && manifest.media_type.as_str() == MediaType::OCI_MANIFEST
            && manifest.references.iter().any(is_config)
    }

    fn inspect(&self, candidate: &Candidate, contents: &Contents) -> Result<Vec<Fact>, Refusal> {
        let parts = Parts::of(candidate)?;
        let content = contents.open(parts.content)?;
        let size = content.size();
        let archive = Archive::read(content, size)?;
        let chart = archive.chart()?;
        let config = Chart::from_json(&read(contents, parts.config)?)?;
        expect_same(&chart, &config)?;
        expect_repository(&chart, candidate)?;
        candidate.tags.iter().try_for_each(|tag| expect_tag(&chart, tag))?;
        let mut fact = chart.fact()?;
        fact.attributes.insert("content".to_owned(), json!({ "digest": parts.content.digest, "size": size }));
        if let Some(provenance) = parts.provenance {
            let signs = provenance::names(&read(contents, provenance)?, parts.content);
            let about =
                json!({ "digest": provenance.digest, "size": provenance.size, "names_content": signs });
            fact.attributes.insert("provenance".to_owned(), about);
        }
        let images = images(&chart, archive.file("values.yaml"), archive.images());
        fact.index.extend(images.iter().map(|image| ("image", image.image.clone())));
        fact.attributes.insert("images".to_owned(), json!(images));
        fact.documents = archive.documents();
        fact.shown_as = tag_of(&chart.version);
        Ok(vec![fact])
    }

    fn registry_page(&self) -> RegistryPage {
        RegistryPage::Facts
    }

    fn answers(&self, question: &Question) -> wharf_core::Result<Answers> {
        question::answers(question)
    }

    fn pages(&self, listing: &Listing) -> wharf_core::Result<Vec<Page>> {
        match listing {
            Listing::Shown(registry, rows) => index::pages(registry, rows),
            Listing::Repository(_) | Listing::Registry(_) => Ok(Vec::new()),
        }
    }
}

/// The parts of a chart's manifest.
struct Parts<'a> {
    config: &'a Descriptor,
    content: &'a Descriptor,
    provenance: Option<&'a Descriptor>,
}

impl<'a> Parts<'a> {
    fn of(candidate: &'a Candidate) -> Result<Self, Refusal> {
        let all = |role: Role, types: &'static [&str]| {
            let references = candidate.manifest.references.iter();
            let wanted = move |(found, part): &&(Role, Descriptor)| {
                *found == role && types.contains(&part.media_type.as_str())
            };
            references.filter(wanted).map(|(_, part)| part)
        };
        let mut contents = all(Role::Layer, &[CONTENT, OLD_CONTENT]);
        let (Some(content), None) = (contents.next(), contents.next()) else {
            return Err(Refusal::new(format!("a chart has exactly one layer of type {CONTENT}")));
        };
        let config = all(Role::Config, &[CONFIG]).next();
        let config = config.ok_or_else(|| Refusal::new("a chart has a config"))?;
        Ok(Self { config, content, provenance: all(Role::Layer, &[PROVENANCE]).next() })
    }
}

/// A small part, whole.
fn read(contents: &Contents, part: &Descriptor) -> Result<Vec<u8>, Refusal> {
    let reader = contents.open(part)?;
    if reader.size() > LARGEST {
        return Err(Refusal::new(format!("the part of type {} is larger than 1 MiB", part.media_type)));
    }
    let (mut bytes, mut reader): (_, Take<BlobReader>) = (Vec::new(), reader.take(LARGEST));
    reader.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn expect_same(chart: &Chart, config: &Chart) -> Result<(), Refusal> {
    if (&chart.name, &chart.version) == (&config.name, &config.version) {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "the chart is {} {} by its Chart.yaml, and {} {} by its config",
        chart.name, chart.version, config.name, config.version
    )))
}

/// `helm pull` finds a chart by the last part of the repository.
fn expect_repository(chart: &Chart, candidate: &Candidate) -> Result<(), Refusal> {
    let repository = candidate.place.repository.as_str();
    let last = repository.rsplit('/').next().unwrap_or(repository);
    if chart.name == last {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "the chart is called {:?} by its Chart.yaml, but is pushed to a repository called {last:?}",
        chart.name
    )))
}

/// A tag that is a version is one `helm pull --version` asks for, so it must be the chart's; others are free.
fn expect_tag(chart: &Chart, tag: &Tag) -> Result<(), Refusal> {
    // A tag cannot hold the plus sign of a version, so Helm writes an underscore.
    let version = tag.as_str().replace('_', "+");
    if version == chart.version || semver::Version::parse(&version).is_err() {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "the chart has version {} by its Chart.yaml, but is tagged {tag}",
        chart.version
    )))
}

/// The tag that `helm push` gives a version: a tag cannot hold the plus sign of one.
pub fn tag_of(version: &str) -> Option<Tag> {
    version.replace('+', "_").parse().ok()
}

impl Archive {
    /// What the chart says of itself.
    pub(crate) fn chart(&self) -> Result<Chart, Refusal> {
        let chart = self.file("Chart.yaml").ok_or_else(|| Refusal::new("the chart has no Chart.yaml"))?;
        let mut chart = Chart::from_yaml(chart)?;
        // Charts of API version v1 keep their dependencies in a file of their own.
        if let (None, Some(requirements)) = (&chart.dependencies, self.file("requirements.yaml")) {
            chart.require(requirements)?;
        }
        Ok(chart)
    }

    fn documents(&self) -> Vec<Document> {
        let kept = [
            ("README.md", "readme", "text/markdown; charset=utf-8"),
            ("values.yaml", VALUES, "application/yaml"),
            ("values.schema.json", "values-schema", "application/json"),
        ];
        let document = |(file, name, media_type)| {
            let bytes = self.file(file)?.to_vec();
            Some(Document { name, media_type, bytes })
        };
        kept.into_iter().filter_map(document).collect()
    }
}
