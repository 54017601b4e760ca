//! A page in JSON (PEP 691, 700, 714). Whoever wrote it may have written anything: what is not asked for is passed over as it is
//! read, and never held.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{Beginning, Entry, Listed, MOST_FILES, MOST_PROJECTS, name};

#[derive(Deserialize)]
struct Page {
    files: First<File>,
}

#[derive(Deserialize)]
struct List {
    projects: First<Project>,
}

#[derive(Deserialize)]
struct Project {
    name: String,
}

/// The first of a list, as many as are read of it.
struct First<T: Item>(Beginning<T::Kept>);

/// Something that a page lists.
trait Item: DeserializeOwned {
    /// What is kept of it.
    type Kept;
    /// How many are read.
    const MOST: usize;
    /// What is kept of this one, if anything is.
    fn kept(self) -> Option<Self::Kept>;
}

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

/// The files of a project; their addresses as they are written.
pub(super) fn files(text: &str) -> serde_json::Result<Beginning<Entry>> {
    serde_json::from_str(text).map(|Page { files: First(files) }| files)
}

/// The projects of a list.
pub(super) fn projects(text: &str) -> serde_json::Result<Beginning<String>> {
    serde_json::from_str(text).map(|List { projects: First(projects) }| projects)
}

/// Why a file was yanked, as it is kept.
pub(super) fn yanked<'de, D: Deserializer<'de>>(source: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Leaf>::deserialize(source)?.and_then(Leaf::reason))
}

impl Item for Project {
    type Kept = String;
    const MOST: usize = MOST_PROJECTS;

    fn kept(self) -> Option<String> {
        name(self.name)
    }
}

impl Item for File {
    type Kept = Entry;
    const MOST: usize = MOST_FILES;

    fn kept(self) -> Option<Entry> {
        let promised = self.core_metadata.or(self.dist_info_metadata);
        let listed = Listed {
            filename: self.filename,
            url: self.url,
            size: self.size,
            requires_python: self.requires_python,
            uploaded: self.upload_time,
            yanked: self.yanked.and_then(Leaf::reason),
            metadata: promised.and_then(Leaf::sha256),
            ..Listed::default()
        };
        Entry::of(listed, self.hashes.sha256)
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

impl<'de, T: Item> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_seq(Reader::<T>(PhantomData)).map(Self)
    }
}

impl<'de> Deserialize<'de> for Leaf {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(LeafReader)
    }
}

struct Reader<T>(PhantomData<T>);

impl<'de, T: Item> Visitor<'de> for Reader<T> {
    type Value = Beginning<T::Kept>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut first = Beginning { entries: Vec::new(), goes_on: false };
        for _ in 0..T::MOST {
            let Some(item) = list.next_element::<T>()? else { return Ok(first) };
            first.entries.extend(item.kept());
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            first.goes_on = true;
        }
        Ok(first)
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
