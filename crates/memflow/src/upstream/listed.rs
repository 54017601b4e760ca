//! What an upstream lists, as it is read and kept: so many entries at most, of each only what is shown of it, and no text
//! longer than a plugin's own can be. Whatever else stands there is passed over as it is read.

use std::{fmt, marker::PhantomData};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, SeqAccess, Visitor},
};
use wharf_core::{Digest, Error, Kind, Result};

use super::PAGE;
use crate::{
    descriptor::{Descriptor, LONGEST_DESCRIPTION, LONGEST_NAME},
    endpoint::{Digits, Filter},
};

/// The most names of plugins that are read.
const MOST_NAMES: usize = 10_000;
/// The longest signature, in characters.
const LONGEST_SIGNATURE: usize = 1024;
/// The longest moment.
const LONGEST_MOMENT: usize = 64;

/// The names of plugins.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Names {
    plugins: Bounded<Name, MOST_NAMES>,
}

#[derive(Serialize, Deserialize)]
struct Name {
    name: String,
    #[serde(default)]
    description: String,
}

/// One page of the variants of a plugin.
#[derive(Serialize, Deserialize)]
pub(super) struct Variants {
    plugins: Bounded<Listed, PAGE>,
}

/// A variant as the upstream lists it.
#[derive(Serialize, Deserialize)]
pub(super) struct Listed {
    pub(super) digest: String,
    #[serde(default)]
    pub(super) signature: String,
    #[serde(default)]
    pub(super) created_at: String,
    pub(super) descriptor: Descriptor,
}

/// What an upstream says of one file.
#[derive(Deserialize)]
pub(super) struct Metadata {
    digest: String,
    pub(super) signature: String,
}

impl Names {
    /// Reads a list; names that no plugin can have are left out.
    ///
    /// # Errors
    /// `Unavailable` for what is no such list.
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let mut read: Self = read(bytes)?;
        let Bounded(names) = &mut read.plugins;
        let can_be = |name: &Name| {
            is_short(&name.name, LONGEST_NAME) && is_short(&name.description, LONGEST_DESCRIPTION)
        };
        names.retain(can_be);
        Ok(read)
    }
}

impl Variants {
    /// Reads a page.
    ///
    /// # Errors
    /// `Unavailable` for what is none, and for one with a variant that no file can have.
    pub(super) fn read(bytes: &[u8]) -> Result<Vec<Listed>> {
        let listed = Self::kept(bytes)?;
        if listed.iter().all(Listed::is_bounded) { Ok(listed) } else { Err(no_list()) }
    }

    /// Reads a page that was kept: every variant of it was looked at when it came.
    ///
    /// # Errors
    /// `Unavailable` for what is none.
    pub(super) fn kept(bytes: &[u8]) -> Result<Vec<Listed>> {
        let Self { plugins: Bounded(listed) } = read(bytes)?;
        Ok(listed)
    }

    /// The page as it is kept.
    pub(super) fn keep(listed: Vec<Listed>) -> Result<Bytes> {
        keep(&Self { plugins: Bounded(listed) })
    }
}

impl Listed {
    fn is_bounded(&self) -> bool {
        self.digest.len() == 64
            && Digits::parse(&self.digest).is_ok()
            && self.signature.len() <= LONGEST_SIGNATURE
            && self.created_at.len() <= LONGEST_MOMENT
            && self.descriptor.is_bounded()
    }

    /// Whether it passes a filter, as a variant of this registry would.
    pub(super) fn passes(&self, filter: &Filter) -> bool {
        let (hex, descriptor) = (self.digest.to_ascii_lowercase(), &self.descriptor);
        let is_version = |version: &String| {
            descriptor.version == *version
                || (!version.is_empty() && hex.starts_with(&version.to_ascii_lowercase()))
        };
        filter.version.as_ref().is_none_or(is_version)
            && filter.digests.iter().all(|digits| !digits.is_empty() && hex.starts_with(digits.as_str()))
            && filter.file_type.is_none_or(|word| descriptor.file_type.word() == word)
            && filter.architecture.is_none_or(|word| descriptor.architecture.word() == Some(word))
    }
}

impl Metadata {
    /// Reads what is said of a file.
    ///
    /// # Errors
    /// `Unavailable` for what is no such thing.
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        read(bytes)
    }

    /// The file.
    ///
    /// # Errors
    /// `Unavailable` for what is no digest.
    pub(super) fn digest(&self) -> Result<Digest> {
        format!("sha256:{}", self.digest).parse().map_err(|_| no_list())
    }
}

/// What is kept of something that was read.
pub(super) fn keep(read: &impl Serialize) -> Result<Bytes> {
    serde_json::to_vec(read).map(Bytes::from).map_err(Error::internal)
}

fn read<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| no_list().because(error))
}

fn no_list() -> Error {
    Error::new(Kind::Unavailable, "the upstream answered as no registry of plugins does")
}

fn is_short(text: &str, longest: u64) -> bool {
    text.len() as u64 <= longest
}

/// So many at most: one more is refused before it is read.
#[derive(Serialize)]
#[serde(transparent)]
struct Bounded<T, const MOST: usize>(Vec<T>);

impl<T, const MOST: usize> Default for Bounded<T, MOST> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Bounded<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Few(PhantomData))
    }
}

struct Few<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Few<T, MOST> {
    type Value = Bounded<T, MOST>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a list of at most {MOST}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut few = Vec::new();
        while let Some(entry) = entries.next_element()? {
            if few.len() == MOST {
                return Err(de::Error::invalid_length(MOST + 1, &self));
            }
            few.push(entry);
        }
        Ok(Bounded(few))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn variant() -> Value {
        json!({
            "digest": "ab".repeat(32), "signature": "00", "created_at": "2024-03-22T18:14:53",
            "descriptor": {
                "plugin_kind": "os", "export_name": "MEMFLOW_OS_WIN32", "file_type": "elf",
                "architecture": "x86_64", "plugin_version": 1, "name": "win32", "version": "0.2.0",
                "description": "",
            },
        })
    }

    fn page(variants: &[Value]) -> Vec<u8> {
        json!({ "plugins": variants }).to_string().into_bytes()
    }

    #[test]
    fn nothing_is_kept_that_is_not_shown() {
        let mut swollen = variant();
        swollen["descriptor"]["more"] = json!(vec![0; 10_000]);
        swollen["more"] = json!({ "deep": vec![0; 10_000] });
        let kept = Variants::keep(Variants::read(&page(&[swollen])).unwrap()).unwrap();
        assert!(kept.len() < 400, "{} bytes are kept", kept.len());
        let again = Variants::kept(&kept).unwrap();
        assert_eq!(again[0].descriptor.name, "win32");
        let names = json!({ "plugins": [{ "name": "win32", "more": [0] }, { "name": "x".repeat(129) }] });
        let kept = keep(&Names::read(names.to_string().as_bytes()).unwrap()).unwrap();
        assert_eq!(kept, r#"{"plugins":[{"name":"win32","description":""}]}"#);
    }

    #[test]
    fn a_page_has_so_many_variants_and_none_that_no_file_can_have() {
        assert_eq!(Variants::read(&page(&vec![variant(); PAGE])).unwrap().len(), PAGE);
        assert!(Variants::read(&page(&vec![variant(); PAGE + 1])).is_err());
        for (field, wrong) in [
            ("digest", json!("ab")),
            ("signature", json!("0".repeat(1025))),
            ("created_at", json!("0".repeat(65))),
            ("descriptor", json!({ "name": "win32" })),
        ] {
            let mut odd = variant();
            odd[field] = wrong;
            assert!(Variants::read(&page(&[odd])).is_err(), "{field}");
        }
        let mut long = variant();
        long["descriptor"]["description"] = json!("x".repeat(4097));
        assert!(Variants::read(&page(std::slice::from_ref(&long))).is_err());
        assert_eq!(
            Variants::kept(&page(&[long])).unwrap().len(),
            1,
            "what is kept was looked at when it came"
        );
    }

    proptest! {
        #[test]
        fn no_text_panics_the_readers(text in "\\PC{0,80}") {
            let _ = Variants::read(text.as_bytes()).is_ok();
            let _ = Names::read(text.as_bytes()).is_ok();
            let _ = Metadata::read(text.as_bytes()).is_ok();
        }
    }
}
