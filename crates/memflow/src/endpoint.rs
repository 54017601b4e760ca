//! Method, path and query → what is wanted, in words. Pure.
//!
//! The paths are those of memflow's own registry, at the root and below `/memflow/{organisation}/{registry}`.

use axum::http::Method;
use wharf_core::{Detail, Error, Kind, RegistryPlace, Result, Subject};
use wharf_http::decode_path;

use crate::descriptor::PLUGIN_VERSION;

/// What the endpoints are called in logs and metrics.
pub const NAMES: [&str; 7] = [
    "plugins",
    "plugin_variants",
    "plugin_upload",
    "plugin_file",
    "plugin_metadata",
    "plugin_delete",
    "plugin_keys",
];

/// How many variants are shown to who does not say.
const USUAL: usize = 5;
/// The most that are shown at once.
const MOST: usize = 50;
/// The most that can be skipped: they are counted one by one.
const MOST_SKIPPED: usize = 10_000;
/// The fewest digits that stand for a digest where one file is meant.
const FEWEST_DIGITS: usize = 7;

/// A request: of which registry, if the path says so, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) registry: Option<RegistryPlace>,
    pub(crate) endpoint: Endpoint,
}

/// What is wanted of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Plugins,
    Variants(String, Filter),
    Upload,
    File(Digits),
    Metadata(Digits),
    Delete(Digits),
    Keys,
}

/// A digest, or the first digits of one, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digits(pub(crate) String);

/// Which variants of a plugin are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// The version, or the first digits of the digest.
    pub(crate) version: Option<String>,
    /// The first digits of the digest, all of which must hold.
    pub(crate) digests: Vec<String>,
    pub(crate) file_type: Option<&'static str>,
    pub(crate) architecture: Option<&'static str>,
    pub(crate) plugin_version: Option<i32>,
    pub(crate) skip: usize,
    pub(crate) limit: usize,
}

impl Wanted {
    /// Reads a request.
    ///
    /// # Errors
    /// `Invalid` for names and numbers that are none; `NotFound` for a path that is none of the API's; `Unsupported` for a
    /// method it does not take.
    pub(crate) fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Self> {
        let path = decode_path(path)?;
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let (registry, rest) = match segments.as_slice() {
            ["memflow", organisation, registry, rest @ ..] => {
                let (organisation, registry) = (organisation.parse()?, registry.parse()?);
                (Some(RegistryPlace { organisation, registry }), rest)
            }
            rest => (None, rest),
        };
        Ok(Self { registry, endpoint: Endpoint::parse(method, rest, query)? })
    }
}

impl Endpoint {
    fn parse(method: &Method, segments: &[&str], query: Option<&str>) -> Result<Self> {
        let reads = method == Method::GET || method == Method::HEAD;
        let endpoint = match segments {
            ["plugins"] if reads => Self::Plugins,
            ["plugins", name @ ..] if reads && !name.is_empty() => {
                Self::Variants(name.join("/"), Filter::parse(query)?)
            }
            ["files"] if method == Method::POST => Self::Upload,
            ["files", digest] if reads => Self::File(Digits::parse(digest)?),
            ["files", digest, "metadata"] if reads => Self::Metadata(Digits::parse(digest)?),
            ["files", digest] if method == Method::DELETE => Self::Delete(Digits::parse(digest)?),
            ["keys"] if reads => Self::Keys,
            ["keys"] | ["plugins", ..] | ["files", _, "metadata"] => return Err(refused("GET, HEAD")),
            ["files"] => return Err(refused("POST")),
            ["files", _] => return Err(refused("GET, HEAD, DELETE")),
            _ => return Err(Error::new(Kind::NotFound(Subject::Name), "there is nothing at this path")),
        };
        Ok(endpoint)
    }

    /// Its name in logs and metrics.
    pub(crate) const fn name(&self) -> &'static str {
        let [plugins, variants, upload, file, metadata, delete, keys] = NAMES;
        match self {
            Self::Plugins => plugins,
            Self::Variants(..) => variants,
            Self::Upload => upload,
            Self::File(_) => file,
            Self::Metadata(_) => metadata,
            Self::Delete(_) => delete,
            Self::Keys => keys,
        }
    }
}

/// The refusal of a method on a path that takes these.
fn refused(allowed: &str) -> Error {
    let refusal = Error::new(Kind::Unsupported, "this path does not take that method");
    refusal.with(Detail::Allow(allowed.to_owned()))
}

impl Digits {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let length = FEWEST_DIGITS..=64;
        if length.contains(&text.len()) && is_hex(text) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        // What cannot be a digest is one that is not here.
        Err(not_found())
    }
}

/// The refusal of a file that is not here.
pub(crate) fn not_found() -> Error {
    Error::new(Kind::NotFound(Subject::Blob), "plugin not found")
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

impl Filter {
    /// Parameters that nobody knows are passed over, as the original does.
    fn parse(query: Option<&str>) -> Result<Self> {
        let mut filter = Self { limit: USUAL, ..Self::default() };
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match name.as_ref() {
                "version" => filter.version = Some(value.into_owned()),
                "digest" | "digest_short" => filter.digests.push(value.to_ascii_lowercase()),
                "file_type" => filter.file_type = Some(word(&value, &["pe", "elf", "mach"], "file_type")?),
                "architecture" => {
                    let known = ["x86", "x86_64", "arm", "arm64"];
                    filter.architecture = Some(word(&value, &known, "architecture")?);
                }
                "memflow_plugin_version" => filter.plugin_version = Some(number(&value, &name)?),
                "skip" => filter.skip = number(&value, &name)?,
                "limit" => filter.limit = number::<usize>(&value, &name)?.min(MOST),
                _ => {}
            }
        }
        if filter.skip > MOST_SKIPPED {
            return Err(invalid(format!("at most {MOST_SKIPPED} variants can be skipped")));
        }
        Ok(filter)
    }

    /// Whether any file of ours can be meant at all.
    pub(crate) fn is_possible(&self) -> bool {
        self.plugin_version.is_none_or(|version| version == PLUGIN_VERSION)
    }
}

fn word(value: &str, known: &[&'static str], name: &str) -> Result<&'static str> {
    let found = known.iter().find(|word| **word == value).copied();
    found.ok_or_else(|| invalid(format!("{name} must be one of {}", known.join(", "))))
}

fn number<T: std::str::FromStr>(value: &str, name: &str) -> Result<T> {
    value.parse().map_err(|_| invalid(format!("{name} must be a number")))
}

fn invalid(words: String) -> Error {
    Error::new(Kind::Invalid, words).with(Detail::Page)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(method: &Method, path: &str) -> Result<Wanted> {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        Wanted::parse(method, path, query)
    }

    #[test]
    fn the_same_paths_stand_at_the_root_and_below_a_registry() {
        let digest = "ab".repeat(32);
        for (method, path, expected) in [
            (Method::GET, "/plugins", Endpoint::Plugins),
            (Method::HEAD, "/plugins", Endpoint::Plugins),
            (Method::POST, "/files", Endpoint::Upload),
            (Method::GET, "/keys", Endpoint::Keys),
            (Method::GET, &format!("/files/{digest}"), Endpoint::File(Digits(digest.clone()))),
            (Method::GET, "/files/ABCDEF0", Endpoint::File(Digits("abcdef0".to_owned()))),
            (Method::GET, &format!("/files/{digest}/metadata"), Endpoint::Metadata(Digits(digest.clone()))),
            (Method::DELETE, &format!("/files/{digest}"), Endpoint::Delete(Digits(digest.clone()))),
        ] {
            assert_eq!(parse(&method, path).unwrap(), Wanted { registry: None, endpoint: expected.clone() });
            let wanted = parse(&method, &format!("/memflow/acme/main{path}")).unwrap();
            let registry =
                RegistryPlace { organisation: "acme".parse().unwrap(), registry: "main".parse().unwrap() };
            assert_eq!(wanted, Wanted { registry: Some(registry), endpoint: expected });
        }
    }

    #[test]
    fn filters_are_read_and_what_is_unknown_is_passed_over() {
        let filter = |query: &str| match parse(&Method::GET, &format!("/plugins/acme%2Ffixture?{query}")) {
            Ok(Wanted { endpoint: Endpoint::Variants(name, filter), .. }) if name == "acme/fixture" => {
                Ok(filter)
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.kind()),
        };
        assert_eq!(filter("colour=red").unwrap(), Filter { limit: 5, ..Filter::default() });
        let all = "version=0.2.0&memflow_plugin_version=1&file_type=elf&architecture=x86_64&skip=3&limit=51";
        let expected = Filter {
            version: Some("0.2.0".to_owned()),
            file_type: Some("elf"),
            architecture: Some("x86_64"),
            plugin_version: Some(1),
            skip: 3,
            limit: 50,
            digests: Vec::new(),
        };
        assert_eq!(filter(all).unwrap(), expected);
        assert_eq!(filter("digest=AB&digest_short=ab").unwrap().digests, ["ab", "ab"]);
        for bad in [
            "architecture=mips",
            "file_type=exe",
            "skip=-1",
            "limit=x",
            "memflow_plugin_version=a",
            "skip=10001",
        ] {
            assert_eq!(filter(bad), Err(Kind::Invalid), "{bad}");
        }
    }

    #[test]
    fn other_paths_methods_and_digests_are_refused() {
        let kind = |method: Method, path: &str| parse(&method, path).unwrap_err().kind();
        assert_eq!(kind(Method::PUT, "/plugins"), Kind::Unsupported);
        assert_eq!(kind(Method::GET, "/files"), Kind::Unsupported);
        assert_eq!(kind(Method::GET, "/memflow/acme/main/other"), Kind::NotFound(Subject::Name));
        for digest in ["abcdef", "..%2Fouter", "zzzzzzz", &"a".repeat(65)] {
            let subject = if digest.contains("%2F") { Subject::Name } else { Subject::Blob };
            assert_eq!(kind(Method::GET, &format!("/files/{digest}")), Kind::NotFound(subject));
        }
    }

    proptest! {
        #[test]
        fn no_path_panics_the_parser(path in "\\PC{0,60}") {
            let _ = parse(&Method::GET, &path);
        }
    }
}
