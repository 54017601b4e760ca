//! What a chart says of itself: the fields of `Chart.yaml`, which the config repeats as JSON (Helm, "Charts").

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::Value;
use wharf_core::{json, manifest::is_folded};
use wharf_registry::format::{Fact, Refusal};

use crate::version::sort_key;

/// The longest value a chart is found by, in bytes.
const LONGEST: usize = 256;
/// The most keywords a chart is found by.
const MOST_KEYWORDS: usize = 100;
/// What a chart may say of itself in all, in bytes of JSON: the index repeats it for every version.
const MOST_SAID: usize = 256 * 1024;

/// A chart's own description, in the order in which Helm writes it. Unknown fields pass and are not kept.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Chart {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    home: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sources: Option<Vec<String>>,
    pub(crate) version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keywords: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maintainers: Option<Vec<Maintainer>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deprecated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kube_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dependencies: Option<Vec<Dependency>>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
}

/// Who looks after a chart.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
struct Maintainer {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// A chart that a chart needs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct Dependency {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    import_values: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alias: Option<String>,
}

/// `requirements.yaml` of charts of API version v1.
#[derive(Deserialize)]
struct Requirements {
    dependencies: Option<Vec<Dependency>>,
}

impl Chart {
    /// Reads a `Chart.yaml`.
    pub(crate) fn from_yaml(bytes: &[u8]) -> Result<Self, Refusal> {
        let chart: Self = yaml("Chart.yaml", bytes)?;
        expect_exact("Chart.yaml", &yaml("Chart.yaml", bytes)?)?;
        chart.expect_named("Chart.yaml")
    }

    /// Reads a chart's config.
    pub(crate) fn from_json(bytes: &[u8]) -> Result<Self, Refusal> {
        let unreadable = |fault| Refusal::new(format!("the chart's config cannot be read: {fault}"));
        let chart: Self = json::read(bytes).map_err(unreadable)?;
        expect_exact("the chart's config", &json::read(bytes).map_err(unreadable)?)?;
        chart.expect_named("config")
    }

    /// Takes the dependencies of a `requirements.yaml`.
    pub(crate) fn require(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let requirements: Requirements = yaml("requirements.yaml", bytes)?;
        self.dependencies = requirements.dependencies;
        Ok(())
    }

    fn expect_named(self, file: &str) -> Result<Self, Refusal> {
        if self.name.is_empty() || self.version.is_empty() {
            return Err(Refusal::new(format!("the chart's {file} must give its name and version")));
        }
        Ok(self)
    }

    /// The version of what it installs.
    pub(crate) fn app_version(&self) -> Option<&str> {
        self.app_version.as_deref()
    }

    /// What it is, in a line.
    pub(crate) fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Where its project lives.
    pub(crate) fn home(&self) -> Option<&str> {
        self.home.as_deref()
    }

    /// Where its source lies, the first of them.
    pub(crate) fn source(&self) -> Option<&str> {
        self.sources.as_ref()?.first().map(String::as_str)
    }

    /// Its annotations.
    pub(crate) fn annotations(&self) -> impl Iterator<Item = (&String, &String)> {
        self.annotations.iter().flatten()
    }

    /// Who looks after it, as one text.
    pub(crate) fn authors(&self) -> String {
        let author = |author: &Maintainer| match author.email.as_deref().filter(|email| !email.is_empty()) {
            Some(email) => format!("{} ({email})", author.name),
            None => author.name.clone(),
        };
        self.maintainers.iter().flatten().map(author).collect::<Vec<_>>().join(", ")
    }

    /// The fact a chart is found by.
    pub(crate) fn fact(&self) -> Result<Fact, Refusal> {
        let keyed = sort_key(&self.version);
        let words = || Refusal::new(format!("the chart's version {:?} is no semantic version", self.version));
        let text = serde_json::to_string(self).unwrap_or_default();
        if text.len() > MOST_SAID {
            return Err(Refusal::new(format!(
                "the chart's Chart.yaml says more than {} KiB",
                MOST_SAID >> 10
            )));
        }
        let Ok(Value::Object(attributes)) = serde_json::from_str(&text) else {
            return Err(Refusal::new("the chart's Chart.yaml cannot be kept as JSON"));
        };
        let named = [
            ("name", Some(&self.name)),
            ("version", Some(&self.version)),
            ("appVersion", self.app_version.as_ref()),
            ("type", self.kind.as_ref()),
        ];
        let named = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let keywords = self.keywords.iter().flatten().take(MOST_KEYWORDS).map(|keyword| ("keyword", keyword));
        let pairs = named.chain(keywords).filter(|(_, value)| value.len() <= LONGEST);
        Ok(Fact {
            subject: self.name.clone(),
            sort_key: keyed.ok_or_else(words)?,
            index: pairs.map(|(name, value)| (name, value.clone())).collect(),
            attributes,
            ..Fact::default()
        })
    }
}

/// The fields that Helm reads.
const FIELDS: [&str; 17] = [
    "name",
    "home",
    "sources",
    "version",
    "description",
    "keywords",
    "maintainers",
    "icon",
    "apiVersion",
    "condition",
    "tags",
    "appVersion",
    "deprecated",
    "annotations",
    "kubeVersion",
    "dependencies",
    "type",
];

/// Helm takes a field for another that differs only in case, and the last one wins there: so such a one is refused.
fn expect_exact(file: &str, keys: &BTreeMap<String, IgnoredAny>) -> Result<(), Refusal> {
    let is_other = |key: &&String| FIELDS.iter().any(|field| key.as_str() != *field && is_folded(key, field));
    match keys.keys().find(is_other) {
        Some(key) => Err(Refusal::new(format!("{file} holds the field {key:?}, which could mean another"))),
        None => Ok(()),
    }
}

/// Reads YAML within a budget, for it can name a thing over and over.
pub(crate) fn yaml<T: for<'de> Deserialize<'de>>(file: &str, bytes: &[u8]) -> Result<T, Refusal> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: 20_000,
            max_events: 50_000,
            max_depth: 32,
            max_aliases: 100,
            max_anchors: 100,
            max_documents: 1,
            max_total_scalar_bytes: 1024 * 1024,
        },
    };
    serde_saphyr::from_slice_with_options(bytes, options)
        .map_err(|error| Refusal::new(format!("{file} cannot be read: {}", first_line(&error.to_string()))))
}

/// The parser draws the place it means below its first line; a client prints one.
fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_helm_writes_is_read() {
        let chart = Chart::from_yaml(
            b"apiVersion: v2\nname: app\nversion: 1.10.0\nappVersion: 1.10\nkeywords: [web, db]\nextra: 1\n\
              deprecated: true\ndependencies:\n- name: redis\n  version: ~1.2\n  repository: https://e.example/x\n\
              maintainers:\n",
        );
        let chart = chart.unwrap();
        let fact = chart.fact().unwrap();
        assert_eq!(fact.subject, "app");
        assert_eq!(fact.attributes["appVersion"], "1.10", "a number that is text stays text");
        assert_eq!(fact.attributes["dependencies"][0]["name"], "redis");
        assert!(!fact.attributes.contains_key("extra"));
        let pairs = [("name", "app"), ("version", "1.10.0"), ("appVersion", "1.10"), ("keyword", "web")];
        for (name, value) in pairs {
            assert!(fact.index.contains(&(name, value.to_owned())), "{name}");
        }
        let config = Chart::from_json(serde_json::to_string(&chart).unwrap().as_bytes()).unwrap();
        assert_eq!(config, chart, "the config repeats it");
    }

    #[test]
    fn a_field_that_helm_would_take_for_another_is_refused() {
        for key in ["Version", "ver\u{17f}ion", "NAME", "\u{212a}eywords"] {
            let yaml = format!("name: app\nversion: 1.0.0\n{key}: 6.6.6\n");
            assert!(
                Chart::from_yaml(yaml.as_bytes()).unwrap_err().to_string().contains("could mean another")
            );
            let json = format!(r#"{{"name":"app","version":"1.0.0","{key}":"6.6.6"}}"#);
            assert!(Chart::from_json(json.as_bytes()).is_err(), "{key}");
        }
    }

    #[test]
    fn what_names_nothing_or_too_much_is_refused() {
        for bad in ["", "name: app", "version: 1.0.0", "name: [a]\nversion: 1.0.0", "- a", "name: a\nname: b"]
        {
            assert!(Chart::from_yaml(bad.as_bytes()).is_err(), "{bad:?} was accepted");
        }
        let mut bomb = "name: a\nversion: 1.0.0\na0: &a0 [x]\n".to_owned();
        for level in 1..30 {
            bomb += &format!("a{level}: &a{level} [*a{0}, *a{0}]\n", level - 1);
        }
        bomb += "keywords: *a29\n";
        assert!(Chart::from_yaml(bomb.as_bytes()).is_err());
        let deep = format!("name: a\nversion: 1.0.0\nx: {}1{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(Chart::from_yaml(deep.as_bytes()).is_err());
        let long = format!("name: a\nversion: 1.0.0\ndescription: {}\n", "x".repeat(MOST_SAID));
        assert!(Chart::from_yaml(long.as_bytes()).unwrap().fact().is_err(), "an index would repeat it");
        assert!(Chart::from_json(b"{\"name\":1}").is_err());
        assert!(Chart::from_json(br#"["v2","a","1.0.0"]"#).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics_the_parser(text in "\\PC{0,200}") {
            let _ = Chart::from_yaml(text.as_bytes());
        }
    }
}
