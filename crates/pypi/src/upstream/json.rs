//! A page of a project in JSON (PEP 691, 700, 714). Whoever wrote it may have written anything: what is not asked for is
//! passed over as it is read, and never held.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{index::MOST_FILES, listed::Listed};

#[derive(Deserialize)]
struct Page {
    files: Files,
}

/// The first files of a page, as many as are read.
struct Files(Vec<Listed>);

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
    core_metadata: Option<Leaf>,
    #[serde(default)]
    dist_info_metadata: Option<Leaf>,
    #[serde(default)]
    yanked: Option<Leaf>,
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

/// A value that may be of several kinds.
enum Leaf {
    /// No.
    No,
    /// Yes, and nothing more; or what nobody expects here.
    Yes,
    /// In words.
    Words(String),
    /// An object with a SHA-256.
    Hashed(String),
}

/// The files of a page; their addresses as they are written.
pub(super) fn files(text: &str) -> serde_json::Result<Vec<Listed>> {
    let page: Page = serde_json::from_str(text)?;
    Ok(page.files.0)
}

/// Why a file was yanked, as it is kept.
pub(super) fn yanked<'de, D: Deserializer<'de>>(source: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Leaf>::deserialize(source)?.and_then(Leaf::reason))
}

impl File {
    fn listed(self) -> Option<Listed> {
        let promised = self.core_metadata.or(self.dist_info_metadata);
        let listed = Listed {
            filename: self.filename,
            url: self.url,
            sha256: self.hashes.sha256?,
            size: self.size,
            requires_python: self.requires_python,
            uploaded: self.upload_time,
            yanked: self.yanked.and_then(Leaf::reason),
            metadata: promised.and_then(Leaf::sha256),
        };
        listed.bounded()
    }
}

impl Leaf {
    /// Why a file was yanked, if it was.
    fn reason(self) -> Option<String> {
        match self {
            Self::No => None,
            Self::Yes | Self::Hashed(_) => Some(String::new()),
            Self::Words(reason) => Some(reason),
        }
    }

    fn sha256(self) -> Option<String> {
        if let Self::Hashed(sha256) = self { Some(sha256) } else { None }
    }
}

impl<'de> Deserialize<'de> for Files {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_seq(Reader).map(Self)
    }
}

impl<'de> Deserialize<'de> for Leaf {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(LeafReader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Vec<Listed>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of files")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Listed>, A::Error> {
        let mut files = Vec::new();
        for _ in 0..MOST_FILES {
            let Some(file) = list.next_element::<File>()? else { return Ok(files) };
            files.extend(file.listed());
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(files)
    }
}

struct LeafReader;

impl<'de> Visitor<'de> for LeafReader {
    type Value = Leaf;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, whether: bool) -> Result<Leaf, E> {
        Ok(if whether { Leaf::Yes } else { Leaf::No })
    }

    fn visit_unit<E>(self) -> Result<Leaf, E> {
        Ok(Leaf::No)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Leaf, E> {
        Ok(Leaf::Yes)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Leaf, E> {
        Ok(Leaf::Yes)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Leaf, E> {
        Ok(Leaf::Yes)
    }

    fn visit_str<E>(self, words: &str) -> Result<Leaf, E> {
        Ok(Leaf::Words(words.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Leaf, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Leaf::Yes)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Leaf, A::Error> {
        let mut leaf = Leaf::Yes;
        while let Some(name) = object.next_key::<String>()? {
            if name != "sha256" {
                object.next_value::<IgnoredAny>()?;
            } else if let Self::Value::Words(sha256) = object.next_value()? {
                leaf = Leaf::Hashed(sha256);
            }
        }
        Ok(leaf)
    }
}
