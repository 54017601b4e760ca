//! Core metadata: the head of `METADATA` and `PKG-INFO` (core metadata specifications, up to 2.5).
//!
//! Fields are lines of a name and a value, a line that begins with a blank goes on; after an empty line comes the
//! description. Nothing is decoded, for the specification knows no encoded words. Python reads it as a mail: what ends a
//! line or the head there, and would not here, is refused.

use pep440_rs::{Version, VersionSpecifiers};
use serde_json::{Map, Value};
use wharf_registry::format::Refusal;

use crate::{filename::FileName, name::ProjectName, requirement::is_requirement};

/// The versions that are read.
pub(crate) const VERSIONS: [&str; 8] = ["1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5"];
/// The most fields.
const MOST_FIELDS: usize = 4096;
/// The longest field of one line that pages and lists show, in characters. Each shows it for every file.
pub(crate) const LONGEST_LINE: usize = 512;

/// Fields that may stand more than once, by their names in the form.
pub(crate) const REPEATED: [&str; 19] = [
    "classifiers",
    "dynamic",
    "import_names",
    "import_namespaces",
    "license_file",
    "license_files",
    "obsoletes",
    "obsoletes_dist",
    "platform",
    "platforms",
    "project_urls",
    "provides",
    "provides_dist",
    "provides_extra",
    "requires",
    "requires_dist",
    "requires_external",
    "supported_platform",
    "supported_platforms",
];

/// The fields of a distribution, as they stand in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Metadata {
    fields: Vec<(String, String)>,
}

impl Metadata {
    /// Reads the head of a metadata file.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(bytes).map_err(|_| Refusal::new("the metadata is not UTF-8"))?;
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in text.lines().take_while(|line| !line.is_empty()) {
            if line.contains(|letter: char| letter.is_control() && letter != '\t') {
                let shown: String = line.chars().take(40).collect();
                return Err(Refusal::new(format!("the metadata holds a control character: {shown:?}")));
            }
            if line.starts_with([' ', '\t']) {
                let Some((_, value)) = fields.last_mut() else { return Err(no_field(line)) };
                value.push('\n');
                value.push_str(line.trim());
                continue;
            }
            let field = line.split_once(':').filter(|(name, _)| is_name(name));
            let (name, value) = field.ok_or_else(|| no_field(line))?;
            fields.push((name.to_ascii_lowercase().replace('-', "_"), value.trim().to_owned()));
            if fields.len() > MOST_FIELDS {
                return Err(Refusal::new(format!("the metadata has more than {MOST_FIELDS} fields")));
            }
        }
        fields.retain(|(_, value)| !value.is_empty() && value != "UNKNOWN");
        Ok(Self { fields })
    }

    /// All fields, in order.
    #[cfg(feature = "reading")]
    pub(crate) fn into_fields(self) -> Vec<(String, String)> {
        self.fields
    }

    /// The value of a field that stands once.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Holds the metadata to what the name of its file says.
    pub(crate) fn expect(&self, file: &FileName) -> Result<(), Refusal> {
        for field in ["metadata_version", "name", "version", "requires_python"] {
            if self.fields.iter().filter(|(name, _)| name == field).count() > 1 {
                return Err(Refusal::new(format!("the metadata gives {field} twice")));
            }
        }
        expect_version_of_metadata(self.get("metadata_version").unwrap_or_default())?;
        let name = self.get("name").unwrap_or_default();
        expect_short("name", name)?;
        let is_name = name.parse::<ProjectName>().is_ok_and(|name| name == file.project);
        let version = self.get("version").unwrap_or_default();
        let is_version = version.parse::<Version>().is_ok_and(|version| version == file.version);
        if !is_name || !is_version {
            return Err(Refusal::new(format!(
                "the metadata is that of {name:?} {version:?}, but the file is called {:?}",
                file.text
            )));
        }
        let mut required = self.fields.iter().filter(|(name, _)| name == "requires_dist");
        if let Some((_, value)) = required.find(|(_, value)| !is_requirement(value)) {
            return Err(Refusal::new(format!("{value:?} is invalid for 'requires-dist'")));
        }
        self.get("requires_python").map_or(Ok(()), expect_requires_python)
    }

    /// The fields as a JSON object, those that may stand several times as lists (PEP 566).
    pub(crate) fn to_json(&self) -> Map<String, Value> {
        let mut object = Map::new();
        for (name, value) in &self.fields {
            let listed = plural(name);
            if !REPEATED.contains(&listed) {
                object.insert(name.clone(), value.as_str().into());
            } else if let Some(list) =
                object.entry(listed).or_insert_with(|| Value::Array(Vec::new())).as_array_mut()
            {
                list.push(value.as_str().into());
            }
        }
        object
    }
}

/// Refuses a metadata version that is not known.
pub(crate) fn expect_version_of_metadata(version: &str) -> Result<(), Refusal> {
    if VERSIONS.contains(&version) {
        return Ok(());
    }
    Err(Refusal::new(format!("{version:?} is not a valid metadata version")))
}

/// Refuses what no installer could compare with.
pub(crate) fn expect_requires_python(text: &str) -> Result<(), Refusal> {
    expect_short("requires-python", text)?;
    let refusal = |_| Refusal::new(format!("{text:?} is invalid for 'requires-python'"));
    text.parse::<VersionSpecifiers>().map(drop).map_err(refusal)
}

fn expect_short(field: &str, text: &str) -> Result<(), Refusal> {
    if text.chars().count() > LONGEST_LINE {
        return Err(Refusal::new(format!("{field}: Use at most {LONGEST_LINE} characters.")));
    }
    Ok(())
}

/// Whether a mail may have a field of this name (RFC 5322, section 3.6.8).
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The name under which several values are listed.
fn plural(name: &str) -> &str {
    match name {
        "classifier" => "classifiers",
        "project_url" => "project_urls",
        "import_name" => "import_names",
        "import_namespace" => "import_namespaces",
        other => other,
    }
}

fn no_field(line: &str) -> Refusal {
    let line: String = line.chars().take(40).collect();
    Refusal::new(format!("the metadata holds a line that is no field: {line:?}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const TEXT: &str = "Metadata-Version: 2.5\nName: Foo.Bar\nVersion: 1.0\nClassifier: A\nClassifier: B\nLicense: UNKNOWN\n\
        Summary: one\n  two\nNote: one\n        \n        two\nRequires-Python: >=3.8\n\nDescription: not a field\n";

    #[test]
    fn the_head_is_read_and_the_description_is_not() {
        let metadata = Metadata::parse(TEXT.as_bytes()).unwrap();
        assert_eq!((metadata.get("summary"), metadata.get("license")), (Some("one\ntwo"), None));
        assert_eq!(metadata.get("description"), None);
        assert_eq!(metadata.to_json()["classifiers"], json!(["A", "B"]));
        metadata.expect(&FileName::parse("foo_bar-1.0.0-py3-none-any.whl").unwrap()).unwrap();
    }

    #[test]
    fn what_contradicts_the_name_of_the_file_is_refused() {
        let file = FileName::parse("foo_bar-1.0-py3-none-any.whl").unwrap();
        for (from, to) in [
            ("Foo.Bar", "other"),
            ("Version: 1.0", "Version: 2.0"),
            ("2.5", "9.0"),
            (">=3.8", "three"),
            ("Classifier: A", "Name: Foo.Bar"),
            ("Classifier: A", "no field"),
            ("Classifier: A", "Requires-Dist: bar>=one"),
        ] {
            let wrong = TEXT.replacen(from, to, 1);
            let read = Metadata::parse(wrong.as_bytes()).and_then(|metadata| metadata.expect(&file));
            assert!(read.is_err(), "{to:?} was accepted");
        }
        let at_bound = format!("Requires-Python: {}>=3", ">=3,".repeat(127));
        for (line, is_taken) in [(at_bound.clone(), true), (format!("{at_bound},>=3"), false)] {
            let text = TEXT.replace("Requires-Python: >=3.8", &line);
            let read = Metadata::parse(text.as_bytes()).and_then(|metadata| metadata.expect(&file));
            assert_eq!(read.is_ok(), is_taken, "{} bytes", line.len());
        }
        let long = TEXT.replace("Foo.Bar", &format!("Foo{}Bar", ".".repeat(512)));
        assert!(Metadata::parse(long.as_bytes()).unwrap().expect(&file).is_err());
        assert!(Metadata::parse(b"Name: \xff\n").is_err());
        assert!(Metadata::parse(b" Name: folded\n").is_err());
        assert!(Metadata::parse("A: b\n".repeat(5000).as_bytes()).is_err());
    }

    #[test]
    fn a_line_ends_where_it_ends_for_python() {
        for end in ["\n", "\r\n"] {
            let metadata = Metadata::parse(TEXT.replace('\n', end).as_bytes()).unwrap();
            assert_eq!(metadata.get("name"), Some("Foo.Bar"));
        }
        Metadata::parse(format!("{TEXT}\r and \x0c are free here").as_bytes()).unwrap();
        Metadata::parse(b"Summary: a\tb\n").unwrap();
        for other in ["\rName: evil", "\r\r\nName: evil", "\x0bName: evil", "\x0c", "\0", "\u{85}Name: evil"]
        {
            let text = TEXT.replacen("Classifier: A", &format!("Summary: x{other}"), 1);
            assert!(Metadata::parse(text.as_bytes()).is_err(), "{other:?}");
        }
        assert!(Metadata::parse(b"Name: foo\r").is_err());
        // Here the head ends for a reader of mails.
        for line in ["Two words: x", "Name : x", "From me: x", "N\u{e4}me: x", ": x"] {
            let text = TEXT.replacen("Classifier: A", line, 1);
            assert!(Metadata::parse(text.as_bytes()).is_err(), "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "([A-Z][a-z-]{0,9}:? ?[a-z]{0,9}\\n){0,9}") {
            for bytes in [bytes, text.into_bytes()] {
                let _ = Metadata::parse(&bytes).map(|metadata| metadata.to_json());
            }
        }
    }
}
