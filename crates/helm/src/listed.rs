//! The index of a chart repository somewhere else (Helm, "The index file"), as an import reads it: what versions there are,
//! and where they lie. What it says of a chart besides is passed over, for the chart says it itself.

use std::collections::BTreeMap;

use serde::Deserialize;
use wharf_registry::format::Refusal;

/// The most versions that are read.
const MOST: usize = 500_000;

/// A version of a chart, as an index lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Listed {
    /// What the chart is called.
    #[serde(skip)]
    pub name: String,
    /// Its version.
    pub version: String,
    /// The SHA-256 of the packaged chart in hex, if it is told; written as any tool writes it.
    pub digest: Option<String>,
    /// Where the packaged chart lies, each absolute or relative to the repository.
    pub urls: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    entries: Option<BTreeMap<String, Option<Vec<Option<Listed>>>>>,
}

/// The versions that an `index.yaml` lists, by name, in its order.
///
/// # Errors
/// A refusal for what is no index, and for one that is larger than any.
pub fn listed(index: &[u8]) -> Result<Vec<Listed>, Refusal> {
    let entries = read(index)?.entries.unwrap_or_default();
    let named = |(name, versions): (String, Option<Vec<Option<Listed>>>)| {
        let versions = versions.into_iter().flatten().flatten();
        versions.map(move |version| Listed { name: name.clone(), ..version })
    };
    let listed: Vec<Listed> = entries.into_iter().flat_map(named).collect();
    if listed.len() > MOST {
        return Err(Refusal::new(format!("the index lists more than {MOST} versions")));
    }
    Ok(listed)
}

/// Wharf, and helm where it is told so, write the index as JSON, which is read many times faster.
fn read(index: &[u8]) -> Result<Index, Refusal> {
    let first = |text: String| text.lines().next().unwrap_or_default().to_owned();
    let unreadable = |error: String| Refusal::new(format!("the index cannot be read: {}", first(error)));
    if index.trim_ascii_start().starts_with(b"{") {
        return serde_json::from_slice(index).map_err(|error| unreadable(error.to_string()));
    }
    // No tool writes anchors into an index, so nothing in it can name a thing over and over.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: 50_000_000,
            max_events: 100_000_000,
            max_depth: 64,
            max_aliases: 0,
            max_anchors: 0,
            max_documents: 1,
            max_total_scalar_bytes: 128 * 1024 * 1024,
        },
    };
    serde_saphyr::from_slice_with_options(index, options).map_err(|error| unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::slice;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_ways_of_writing_it_are_read() {
        let yaml = b"apiVersion: v1\nentries:\n  app:\n  - name: lie\n    version: 1.10\n    digest: ab\n    urls:\n    - app-1.10.tgz\n    maintainers: [{name: x}]\n  none:\n  odd: [null]\ngenerated: now\n";
        let json = br#"{"entries":{"app":[{"name":"lie","version":"1.10","digest":"ab","urls":["app-1.10.tgz"]}],"none":null}}"#;
        let expected = Listed {
            name: "app".to_owned(),
            version: "1.10".to_owned(),
            digest: Some("ab".to_owned()),
            urls: Some(vec!["app-1.10.tgz".to_owned()]),
        };
        assert_eq!(listed(yaml).unwrap(), slice::from_ref(&expected));
        assert_eq!(listed(json).unwrap(), [expected]);
        assert_eq!(listed(b"apiVersion: v1\nentries: {}\n").unwrap(), []);
        assert_eq!(listed(b"apiVersion: v1\n").unwrap(), []);
    }

    #[test]
    fn what_names_a_thing_over_and_over_is_refused() {
        let mut bomb = "a0: &a0 [x]\n".to_owned();
        for level in 1..30 {
            bomb += &format!("a{level}: &a{level} [*a{0}, *a{0}]\n", level - 1);
        }
        bomb += "entries: {app: *a29}\n";
        assert!(listed(bomb.as_bytes()).is_err());
        let deep = format!("entries: {}1{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(listed(deep.as_bytes()).is_err());
        for bad in ["<html></html>", "entries: 1", "a: b\n---\nentries: {}", "\u{0}", "{"] {
            assert!(listed(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_the_reader(text in "\\PC{0,200}") {
            let _ = listed(text.as_bytes());
        }
    }
}
