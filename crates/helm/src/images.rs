//! The images that a chart would run, as far as can be told without running its templates.
//!
//! What its author declares in the annotations is taken at its word. What is written out in the default values and in
//! the templates is a guess: values can be set, templates put names together, and the charts it needs have their own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::chart::{Chart, yaml};

/// The most images that are told of one chart.
const MOST: usize = 100;
/// The longest image, in bytes.
const LONGEST: usize = 256;
/// Where authors declare them: for Artifact Hub, and for Helm's own tools.
const ANNOTATIONS: [&str; 2] = ["artifacthub.io/images", "helm.sh/images"];

/// Where an image was found; the surest comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ImageSource {
    /// In an annotation.
    Declared,
    /// In the default values, with its tag or digest.
    Values,
    /// In the default values without a tag, for which most charts take the version of the application.
    AppVersion,
    /// In a template, written out.
    Template,
}

/// An image.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Image {
    /// As it would be pulled.
    pub(crate) image: String,
    /// Where it was found.
    pub(crate) source: ImageSource,
}

/// The images of a chart, each once, in byte order.
pub(crate) fn images<'a>(
    chart: &Chart,
    values: Option<&[u8]>,
    templates: impl Iterator<Item = &'a String>,
) -> Vec<Image> {
    let mut found = FoundImages::default();
    for (_, text) in chart.annotations().filter(|(name, _)| ANNOTATIONS.contains(&name.as_str())) {
        let declared: Vec<Declared> = yaml("an annotation", text.as_bytes()).unwrap_or_default();
        declared.into_iter().for_each(|declared| found.add(declared.image, ImageSource::Declared));
    }
    // What cannot be read tells nothing, and is no fault of the chart here: Helm reads it in its own way.
    if let Some(Ok(values)) = values.map(|values| yaml::<Value>("values.yaml", values)) {
        found.walk("", &values, chart.app_version());
    }
    templates.for_each(|image| found.add(image.clone(), ImageSource::Template));
    found.0.into_iter().map(|(image, source)| Image { image, source }).collect()
}

/// The image that a line of a template writes out.
pub(crate) fn of_line(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let value = line.strip_prefix("- ").unwrap_or(line).trim_start().strip_prefix("image:")?;
    let value = value.split(" #").next().unwrap_or_default().trim();
    let value = value.trim_matches(|letter| matches!(letter, '"' | '\''));
    is_image(value).then_some(value)
}

/// One entry of an annotation.
#[derive(Deserialize)]
struct Declared {
    image: String,
}

#[derive(Default)]
struct FoundImages(BTreeMap<String, ImageSource>);

impl FoundImages {
    fn add(&mut self, image: String, source: ImageSource) {
        if !is_image(&image) || (self.0.len() >= MOST && !self.0.contains_key(&image)) {
            return;
        }
        let known = self.0.entry(image).or_insert(source);
        *known = source.min(*known);
    }

    /// Looks for what is called an image, or has the parts of one.
    fn walk(&mut self, key: &str, value: &Value, app_version: Option<&str>) {
        match value {
            Value::Object(fields) => {
                if let Some((image, source)) = composed(key, fields, app_version) {
                    self.add(image, source);
                }
                fields.iter().for_each(|(key, value)| self.walk(key, value, app_version));
            }
            Value::Array(values) => values.iter().for_each(|value| self.walk(key, value, app_version)),
            Value::String(image) if is_called_image(key) => self.add(image.clone(), ImageSource::Values),
            _ => {}
        }
    }
}

/// The image whose repository and tag, and perhaps registry, are values of their own.
fn composed(
    key: &str,
    fields: &serde_json::Map<String, Value>,
    app_version: Option<&str>,
) -> Option<(String, ImageSource)> {
    let text = |name: &str| match fields.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let (repository, tag, digest) = (text("repository")?, text("tag"), text("digest"));
    if !is_called_image(key) && !fields.contains_key("tag") && digest.is_none() {
        return None;
    }
    let registry = text("registry").map(|registry| format!("{registry}/")).unwrap_or_default();
    let name = format!("{registry}{repository}");
    Some(match (digest, tag, app_version) {
        (Some(digest), _, _) => (format!("{name}@{digest}"), ImageSource::Values),
        (None, Some(tag), _) => (format!("{name}:{tag}"), ImageSource::Values),
        (None, None, Some(version)) => (format!("{name}:{version}"), ImageSource::AppVersion),
        (None, None, None) => (name, ImageSource::Values),
    })
}

fn is_called_image(key: &str) -> bool {
    key == "image" || key.ends_with("Image")
}

/// Whether this could be pulled: no words, and nothing that a template has to fill.
fn is_image(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@+".contains(&byte);
    (1..=LONGEST).contains(&text.len())
        && text.bytes().all(is_part)
        && text.starts_with(|letter: char| letter.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(annotations: &str, values: &str, templates: &[&str]) -> Vec<(String, ImageSource)> {
        let yaml = format!("name: app\nversion: 1.0.0\nappVersion: '2.1'\nannotations:{annotations}\n");
        let chart = Chart::from_yaml(yaml.as_bytes()).unwrap();
        let templates: Vec<_> =
            templates.iter().filter_map(|line| of_line(line)).map(str::to_owned).collect();
        let found = images(&chart, Some(values.as_bytes()), templates.iter());
        found.into_iter().map(|image| (image.image, image.source)).collect()
    }

    #[test]
    fn what_is_declared_is_told_apart_from_what_is_guessed() {
        let annotations = "\n  artifacthub.io/images: |\n    - name: a\n      image: quay.io/a:1\n  helm.sh/images: |\n    - image: b@sha256:00\n";
        let values = "image:\n  registry: docker.io\n  repository: team/web\n  tag: 1.25\n\
                      sidecar:\n  image:\n    repository: proxy\n    tag: ''\n\
                      jobs:\n- image: quay.io/a:1\n  backupImage: job:3\n\
                      imageName: not an image\nimage2: x\nother:\n  repository: https://charts.example\n";
        let templates =
            ["  - image: \"init:4\" # first", "image: {{ .Values.image }}", "image:", "  image: 'c'"];
        let expected = [
            ("b@sha256:00", ImageSource::Declared),
            ("c", ImageSource::Template),
            ("docker.io/team/web:1.25", ImageSource::Values),
            ("init:4", ImageSource::Template),
            ("job:3", ImageSource::Values),
            ("proxy:2.1", ImageSource::AppVersion),
            ("quay.io/a:1", ImageSource::Declared),
        ];
        let expected = expected.map(|(image, source)| (image.to_owned(), source));
        assert_eq!(of(annotations, values, &templates), expected);
    }

    #[test]
    fn what_cannot_be_read_tells_nothing() {
        assert_eq!(of("\n  artifacthub.io/images: 'x: ['", "a: [", &["image: a b"]), []);
        let many: String = (0..300).map(|number| format!("- image: a{number}\n")).collect();
        assert_eq!(of("", &format!("all:\n{many}"), &[]).len(), MOST);
    }

    proptest! {
        #[test]
        fn no_text_panics_the_reader(values in "(image|repository|tag|:|\n| |-|a|\"|\\{){0,30}", line in "\\PC{0,60}") {
            let _ = of("", &values, &[&line]);
        }
    }
}
