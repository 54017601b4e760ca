//! The keys of a manifest, as readers see them that do not mind upper and lower case.
//!
//! Go's JSON reader, which most clients are built on, takes a key for a field that differs only in case, and lets the
//! last one win. So `"Layers"` beside `"layers"` is one image to us and another one to them (of the kind of
//! CVE-2021-41190), and is refused.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

const DOCUMENT: &[&str] = &[
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "subject",
    "annotations",
];
const DESCRIPTOR: &[&str] =
    &["mediaType", "digest", "size", "urls", "annotations", "data", "artifactType", "platform"];

/// Whether a reader that folds case takes a key for this field: ASCII, and the two other characters that fold to it.
pub fn is_folded(key: &str, field: &str) -> bool {
    let fold = |character: char| match character {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    key.chars().map(fold).eq(field.chars().map(fold))
}

/// Refuses a document with a key that is a known one but for its case, or with a list for an object.
pub(super) fn expect_exact(bytes: &[u8]) -> Result<(), serde_json::Error> {
    Part::Document.deserialize(&mut serde_json::Deserializer::from_slice(bytes))
}

/// A part of a manifest whose keys matter.
#[derive(Clone, Copy)]
enum Part {
    Document,
    Descriptor,
    Descriptors,
}

impl Part {
    const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Document => DOCUMENT,
            Self::Descriptor | Self::Descriptors => DESCRIPTOR,
        }
    }

    /// What lies under a key.
    fn under(self, key: &str) -> Option<Self> {
        match (self, key) {
            (Self::Document, "config" | "subject") => Some(Self::Descriptor),
            (Self::Document, "layers" | "manifests") => Some(Self::Descriptors),
            _ => None,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Part {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a part of a manifest")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let is_other = |field: &&&str| key != **field && is_folded(&key, field);
            if let Some(field) = self.fields().iter().find(is_other) {
                return Err(A::Error::custom(format!("the key {key:?} could be taken for {field:?}")));
            }
            match self.under(&key) {
                Some(part) => map.next_value_seed(part)?,
                None => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }

    // A reader in Go takes no list for an object; the manifest's own reader would take its items for the fields.
    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        if !matches!(self, Self::Descriptors) {
            return Err(A::Error::custom("a list stands where an object is expected"));
        }
        while sequence.next_element_seed(Self::Descriptor)?.is_some() {}
        Ok(())
    }

    // What is of another kind the manifest's own reader refuses, or passes over.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_reader_takes_for_something_else_is_refused() {
        for bad in [
            r#"{"Layers":[]}"#,
            r#"{"layer\u017f":[]}"#,
            r#"{"config":{"Digest":"x"}}"#,
            r#"{"layers":[{"SIZE":1}]}"#,
            r#"{"subject":{"mediatype":"a/b"}}"#,
            r#"[2,"a/b"]"#,
            r#"{"config":["a/b","sha256:00",2]}"#,
            r#"{"layers":[["a/b","sha256:00",2]]}"#,
        ] {
            assert!(expect_exact(bad.as_bytes()).is_err(), "{bad}");
        }
        for good in [
            r#"{"layers":[{"annotations":{"Digest":"x"}}],"annotations":{"Layers":"x"},"Unknown":1}"#,
            r#"{"config":null,"layers":"odd","manifests":[1,null,true]}"#,
        ] {
            assert!(expect_exact(good.as_bytes()).is_ok(), "{good}");
        }
    }
}
