//! Method, path and query below `/pypi/` → what is wanted, in words. Pure.

use axum::http::Method;
use wharf_core::{Detail, Error, Kind, Place, RegistryPlace, Result, Subject};
use wharf_http::decode_path;

use crate::name::ProjectName;

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// An upload to a registry.
    Upload(RegistryPlace),
    /// The list of projects, in the form of `?format=`.
    Root(RegistryPlace, Option<String>),
    /// The page of a project, in the form of `?format=`.
    Project(Place, Option<String>),
    /// A file.
    File(Place, String),
    /// The metadata of the file of this name.
    Metadata(Place, String),
    /// A project as JSON, whole or one version of it.
    Description(Place, Option<String>),
    /// What was attested of a file: its version and name.
    Provenance(Place, (String, String)),
    /// A page under another spelling than its own: where its own is.
    Moved(String),
}

/// What the endpoints are called in logs and metrics.
pub const NAMES: [&str; 7] = [
    "python_upload",
    "python_index",
    "python_project",
    "python_file",
    "python_metadata",
    "python_description",
    "python_provenance",
];

impl Endpoint {
    /// Reads a request.
    ///
    /// # Errors
    /// `Invalid` for names that are none; `NotFound` for a path that is none of the index's; `Unsupported` for another
    /// method than its own.
    pub(crate) fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Self> {
        let path = decode_path(path)?;
        let segments: Vec<&str> = path.strip_prefix("/pypi/").unwrap_or_default().split('/').collect();
        let [organisation, registry, rest @ ..] = segments.as_slice() else { return Err(nothing()) };
        let registry = RegistryPlace { organisation: organisation.parse()?, registry: registry.parse()? };
        let endpoint = Self::below(&registry, rest, query)?;
        let is_read = [Method::GET, Method::HEAD].contains(method);
        match endpoint {
            // uv says from the status that this is the place to install from.
            Self::Upload(_) if method != Method::POST => {
                Err(refused("uploads are sent here with POST", "POST"))
            }
            Self::Upload(_) => Ok(endpoint),
            _ if is_read => Ok(endpoint),
            _ => Err(refused("only GET and HEAD are served here; upload to legacy/", "GET, HEAD")),
        }
    }

    fn below(registry: &RegistryPlace, rest: &[&str], query: Option<&str>) -> Result<Self> {
        let RegistryPlace { organisation, registry: name } = registry;
        let base = format!("/pypi/{organisation}/{name}");
        match rest {
            ["legacy"] | ["legacy", ""] => Ok(Self::Upload(registry.clone())),
            ["simple"] => Ok(Self::Moved(format!("{base}/simple/"))),
            ["simple", ""] => Ok(Self::Root(registry.clone(), format_of(query))),
            // hatch takes every index for one that is laid out like this.
            ["legacy", "+simple", project, ""] => {
                Ok(Self::Project(project_of(project)?.place(registry)?, format_of(query)))
            }
            ["simple", project] | ["simple", project, ""] => {
                let normal = project_of(project)?;
                if rest.len() == 3 && normal.as_str() == *project {
                    return Ok(Self::Project(normal.place(registry)?, format_of(query)));
                }
                Ok(Self::Moved(format!("{base}/simple/{normal}/")))
            }
            ["files", project, file] | ["legacy", "files", project, file] => {
                let place = project_of(project)?.place(registry)?;
                Ok(match file.strip_suffix(".metadata") {
                    Some(file) => Self::Metadata(place, file.to_owned()),
                    None => Self::File(place, (*file).to_owned()),
                })
            }
            ["integrity", project, version, file, "provenance"] => {
                let named = ((*version).to_owned(), (*file).to_owned());
                Ok(Self::Provenance(project_of(project)?.place(registry)?, named))
            }
            [project, "json"] => Ok(Self::Description(project_of(project)?.place(registry)?, None)),
            [project, version, "json"] => {
                Ok(Self::Description(project_of(project)?.place(registry)?, Some((*version).to_owned())))
            }
            _ => Err(nothing()),
        }
    }

    /// The name in logs and metrics, one of [`NAMES`].
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Upload(_) => NAMES[0],
            Self::Root(..) => NAMES[1],
            Self::Project(..) | Self::Moved(_) => NAMES[2],
            Self::File(..) => NAMES[3],
            Self::Metadata(..) => NAMES[4],
            Self::Description(..) => NAMES[5],
            Self::Provenance(..) => NAMES[6],
        }
    }
}

/// A name that is none is that of a project that is not there.
fn project_of(text: &str) -> Result<ProjectName> {
    text.parse().map_err(|_| nothing())
}

fn format_of(query: Option<&str>) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    // A plus sign in a query is a blank, but nobody writes it otherwise in a media type, which has no blanks.
    pairs.find(|(name, _)| name == "format").map(|(_, value)| value.replace(' ', "+"))
}

fn refused(words: &str, allowed: &str) -> Error {
    Error::new(Kind::Unsupported, words).with(Detail::Allow(allowed.to_owned()))
}

fn nothing() -> Error {
    Error::new(Kind::NotFound(Subject::Name), "there is nothing at this path").with(Detail::Name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn get(path: &str) -> Result<Endpoint> {
        Endpoint::parse(&Method::GET, &format!("/pypi/acme/main/{path}"), None)
    }

    #[test]
    fn every_spelling_of_a_project_leads_to_one_page() {
        let moved = |to: &str| Endpoint::Moved(format!("/pypi/acme/main/simple/{to}"));
        assert_eq!(get("simple").unwrap(), moved(""));
        for spelling in ["simple/Foo.Bar/", "simple/foo-bar", "simple/foo__bar/"] {
            assert_eq!(get(spelling).unwrap(), moved("foo-bar/"), "{spelling}");
        }
        let page = Endpoint::Project("acme/main/pypi/foo-bar".parse().unwrap(), None);
        assert_eq!(get("simple/foo-bar/").unwrap(), page);
        assert_eq!(get("legacy/%2Bsimple/foo.bar/").unwrap(), page);
        let place = || "acme/main/pypi/foo".parse().unwrap();
        assert_eq!(get("Foo/json").unwrap(), Endpoint::Description(place(), None));
        assert_eq!(get("foo/1.0/json").unwrap(), Endpoint::Description(place(), Some("1.0".to_owned())));
        let named = ("1.0".to_owned(), "foo-1.0.tar.gz".to_owned());
        let provenance = get("integrity/foo/1.0/foo-1.0.tar.gz/provenance").unwrap();
        assert_eq!(provenance, Endpoint::Provenance(place(), named));
        for bad in ["simple/-/", "simple/a b/", "simple/a/b/", "other/", "", "files/foo"] {
            assert!(matches!(get(bad).unwrap_err().kind(), Kind::NotFound(_)), "{bad}");
        }
    }

    #[test]
    fn uploads_are_posted_and_pages_are_read() {
        for path in ["legacy", "legacy/"] {
            let path = format!("/pypi/acme/main/{path}");
            assert!(matches!(Endpoint::parse(&Method::POST, &path, None), Ok(Endpoint::Upload(_))));
            assert_eq!(Endpoint::parse(&Method::GET, &path, None).unwrap_err().kind(), Kind::Unsupported);
        }
        let posted = Endpoint::parse(&Method::POST, "/pypi/acme/main/simple/", None);
        assert_eq!(posted.unwrap_err().kind(), Kind::Unsupported);
        let file = get("files/foo/foo-1%2B1.whl.metadata").unwrap();
        assert_eq!(file, Endpoint::Metadata("acme/main/pypi/foo".parse().unwrap(), "foo-1+1.whl".to_owned()));
    }

    proptest! {
        #[test]
        fn no_path_panics_the_parser(path in "\\PC{0,60}", query in "\\PC{0,60}") {
            let _ = Endpoint::parse(&Method::GET, &format!("/pypi/{path}"), Some(&query));
            let _ = get(&path);
        }
    }
}
