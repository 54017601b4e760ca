//! Method, path and query below `/helm/` → what is wanted, in words. Pure.

use axum::http::Method;
use wharf_core::{Detail, Error, Kind, Place, RegistryPlace, Result, Subject};
use wharf_http::decode_path;

use crate::version;

/// A request that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Of which registry.
    pub(crate) registry: RegistryPlace,
    /// What.
    pub(crate) endpoint: Endpoint,
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// `index.yaml`.
    Index,
    /// A packaged chart, or its provenance file.
    Download(File),
    /// Every chart, as ChartMuseum lists them; or some of them.
    Charts(Window),
    /// The versions of a chart.
    Versions(String),
    /// One version of a chart.
    Version(String, String),
    /// Its default values.
    Values(String, String),
    /// Its templates.
    Templates(String, String),
    /// An upload of a chart.
    Upload(Existing),
    /// An upload of a provenance file.
    UploadProvenance(Existing),
    /// The removal of a version.
    Delete(String, String),
}

/// A file of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// The repository.
    pub(crate) place: Place,
    /// The version of the chart.
    pub(crate) version: String,
    /// Which part of it.
    pub(crate) part: Part,
}

/// A part of a chart that is a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The packaged chart.
    Content,
    /// The provenance file.
    Provenance,
}

/// Which charts of a list, in the order of their names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Window {
    /// How many are passed over.
    pub(crate) offset: usize,
    /// How many at most; nothing is all.
    pub(crate) limit: Option<usize>,
}

/// What becomes of a version that is there when it is uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It stays, and the upload is refused.
    Kept,
    /// The upload takes its place: `?force`.
    Replaced,
}

/// What the endpoints are called in logs and metrics.
pub const NAMES: [&str; 6] =
    ["helm_index", "helm_download", "helm_charts", "helm_chart", "helm_upload", "helm_delete"];

impl Wanted {
    /// Reads a request.
    ///
    /// # Errors
    /// `Invalid` for names that are none; `NotFound` for a path that is none of the repository's; `Unsupported` for
    /// another method than its own.
    pub(crate) fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Self> {
        let path = decode_path(path)?;
        let segments: Vec<&str> = path.strip_prefix("/helm/").unwrap_or_default().split('/').collect();
        let (organisation, registry, below) = match segments.as_slice() {
            // As ChartMuseum with many tenants has it; no organisation is called so.
            ["api", organisation, registry, rest @ ..] => {
                (*organisation, *registry, [&["api"], rest].concat())
            }
            [organisation, registry, rest @ ..] => (*organisation, *registry, rest.to_vec()),
            _ => return Err(nothing()),
        };
        let registry = RegistryPlace { organisation: organisation.parse()?, registry: registry.parse()? };
        let endpoint = match below.as_slice() {
            ["api", rest @ ..] => museum(method, rest, query)?,
            _ if !is_read(method) => return Err(only("GET, HEAD")),
            ["index.yaml"] => Endpoint::Index,
            ["charts", file] => Endpoint::Download(File::alone(&registry, file)?),
            ["charts", repository @ .., file] => Endpoint::Download(File::of(&registry, repository, file)?),
            _ => return Err(nothing()),
        };
        Ok(Self { registry, endpoint })
    }
}

fn museum(method: &Method, rest: &[&str], query: Option<&str>) -> Result<Endpoint> {
    let is_post = method == Method::POST;
    let read = |endpoint: Endpoint| if is_read(method) { Ok(endpoint) } else { Err(only("GET, HEAD")) };
    match rest {
        ["charts"] if is_post => Ok(Endpoint::Upload(Existing::of(query))),
        ["charts"] if is_read(method) => Ok(Endpoint::Charts(Window::of(query)?)),
        ["charts"] => Err(only("GET, HEAD, POST")),
        ["prov"] if is_post => Ok(Endpoint::UploadProvenance(Existing::of(query))),
        ["prov"] => Err(only("POST")),
        ["charts", name] => read(Endpoint::Versions((*name).to_owned())),
        ["charts", name, version] if method == Method::DELETE => {
            Ok(Endpoint::Delete((*name).to_owned(), (*version).to_owned()))
        }
        ["charts", name, version] if is_read(method) => {
            Ok(Endpoint::Version((*name).to_owned(), (*version).to_owned()))
        }
        ["charts", _, _] => Err(only("GET, HEAD, DELETE")),
        ["charts", name, version, "values"] => {
            read(Endpoint::Values((*name).to_owned(), (*version).to_owned()))
        }
        ["charts", name, version, "templates"] => {
            read(Endpoint::Templates((*name).to_owned(), (*version).to_owned()))
        }
        _ => Err(nothing()),
    }
}

impl Endpoint {
    /// The name in logs and metrics, one of [`NAMES`].
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Index => NAMES[0],
            Self::Download(_) => NAMES[1],
            Self::Charts(_) => NAMES[2],
            Self::Versions(_) | Self::Version(..) | Self::Values(..) | Self::Templates(..) => NAMES[3],
            Self::Upload(_) | Self::UploadProvenance(_) => NAMES[4],
            Self::Delete(..) => NAMES[5],
        }
    }
}

impl File {
    /// A file by its repository, as the index names it: the last part of that is the chart's name.
    fn of(registry: &RegistryPlace, repository: &[&str], file: &str) -> Result<Self> {
        let (stem, part) = split(file)?;
        let name = repository.last().copied().unwrap_or_default();
        let version = stem.strip_prefix(name).and_then(|rest| rest.strip_prefix('-')).ok_or_else(nothing)?;
        Self::in_repository(registry, (&repository.join("/"), version, part))
    }

    /// A file by its name alone, as ChartMuseum names it: it lies in the repository of the chart's name, which ends
    /// where a version begins.
    fn alone(registry: &RegistryPlace, file: &str) -> Result<Self> {
        let (stem, part) = split(file)?;
        let splits =
            stem.match_indices('-').filter_map(|(at, _)| Some((stem.get(..at)?, stem.get(at + 1..)?)));
        let mut named = splits.filter(|(_, version)| version::is_semantic(version));
        let (name, version) = named.next().ok_or_else(nothing)?;
        Self::in_repository(registry, (name, version, part))
    }

    fn in_repository(
        registry: &RegistryPlace,
        (repository, version, part): (&str, &str, Part),
    ) -> Result<Self> {
        let RegistryPlace { organisation, registry } = registry.clone();
        // A name that is none is that of a chart that is not there.
        let repository = repository.parse().map_err(|_| nothing())?;
        let place = Place { organisation, registry, repository };
        Ok(Self { place, version: version.to_owned(), part })
    }
}

/// The name of a file without its ending, and what that says it is.
fn split(file: &str) -> Result<(&str, Part)> {
    let content = file.strip_suffix(".tgz").map(|stem| (stem, Part::Content));
    let provenance = file.strip_suffix(".tgz.prov").map(|stem| (stem, Part::Provenance));
    content.or(provenance).ok_or_else(nothing)
}

impl Existing {
    fn of(query: Option<&str>) -> Self {
        let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        if pairs.any(|(name, _)| name == "force") { Self::Replaced } else { Self::Kept }
    }
}

impl Window {
    /// The entity tag of these charts, of a list that has this one.
    pub(crate) fn tag(self, list: &str) -> String {
        let Self { offset, limit } = self;
        let limit = limit.map_or_else(|| "all".to_owned(), |limit| limit.to_string());
        format!("{list}-charts-{offset}-{limit}")
    }

    fn of(query: Option<&str>) -> Result<Self> {
        let mut window = Self::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let number = || {
                let words = format!("{name} must be a whole number");
                value.parse::<usize>().map_err(|_| Error::new(Kind::Invalid, words))
            };
            match &*name {
                "offset" => window.offset = number()?,
                "limit" => window.limit = Some(number()?),
                _ => {}
            }
        }
        Ok(window)
    }
}

fn is_read(method: &Method) -> bool {
    [Method::GET, Method::HEAD].contains(method)
}

/// The refusal of a method on a path that takes these.
fn only(allowed: &str) -> Error {
    let refusal = Error::new(Kind::Unsupported, "this path does not take that method");
    refusal.with(Detail::Allow(allowed.to_owned()))
}

fn nothing() -> Error {
    Error::new(Kind::NotFound(Subject::Name), "not found").with(Detail::Name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn of(method: Method, path: &str, query: Option<&str>) -> Result<Endpoint> {
        Wanted::parse(&method, &format!("/helm/{path}"), query).map(|wanted| {
            assert_eq!(wanted.registry.organisation.as_str(), "acme");
            wanted.endpoint
        })
    }

    fn get(path: &str) -> Result<Endpoint> {
        of(Method::GET, &format!("acme/main/{path}"), None)
    }

    fn file(place: &str, version: &str, part: Part) -> Endpoint {
        Endpoint::Download(File { place: place.parse().unwrap(), version: version.to_owned(), part })
    }

    #[test]
    fn files_are_found_with_their_repository_and_without_it() {
        let content = |place: &str, version: &str| file(place, version, Part::Content);
        assert_eq!(get("charts/app/app-1.0.0.tgz").unwrap(), content("acme/app", "1.0.0"));
        let nested = get("charts/team/my-app/my-app-1.0.0%2Bb.1.tgz").unwrap();
        assert_eq!(nested, content("acme/main/team/my-app", "1.0.0+b.1"));
        assert_eq!(get("charts/my-2-app-1.0.0-rc.1.tgz").unwrap(), content("acme/my-2-app", "1.0.0-rc.1"));
        let provenance = file("acme/app", "1.0.0", Part::Provenance);
        assert_eq!(get("charts/app/app-1.0.0.tgz.prov").unwrap(), provenance);
        for bad in [
            "charts/app/other-1.0.0.tgz",
            "charts/app/app-1.0.0.zip",
            "charts/../app/app-1.0.0.tgz",
            "charts/App-1.0.0.tgz",
            "charts/app.tgz",
            "charts/..%2F..%2Fapp-1.0.0.tgz",
            "charts/",
            "index.yml",
            "",
            "api/charts/a/b/c",
        ] {
            assert!(matches!(get(bad).unwrap_err().kind(), Kind::NotFound(_)), "{bad}");
        }
    }

    #[test]
    fn no_two_windows_have_one_tag() {
        let windows =
            [(0, None), (0, Some(0)), (1, None), (1, Some(0)), (0, Some(1)), (10, Some(1)), (1, Some(1))];
        let tags: BTreeSet<_> =
            windows.map(|(offset, limit)| Window { offset, limit }.tag("list")).into_iter().collect();
        assert_eq!(tags.len(), windows.len(), "{tags:?}");
    }

    #[test]
    fn both_forms_of_the_api_mean_the_same() {
        for base in ["acme/main/api", "api/acme/main"] {
            let of =
                |method: Method, path: &str, query| of(method, &format!("{base}/{path}"), query).unwrap();
            assert_eq!(of(Method::POST, "charts", None), Endpoint::Upload(Existing::Kept));
            assert_eq!(of(Method::POST, "charts", Some("force")), Endpoint::Upload(Existing::Replaced));
            let prov = Endpoint::UploadProvenance(Existing::Replaced);
            assert_eq!(of(Method::POST, "prov", Some("force=true")), prov);
            let window = Window { offset: 2, limit: Some(3) };
            assert_eq!(of(Method::GET, "charts", Some("limit=3&offset=2")), Endpoint::Charts(window));
            let delete = Endpoint::Delete("app".to_owned(), "1.0.0+b".to_owned());
            assert_eq!(of(Method::DELETE, "charts/app/1.0.0+b", None), delete);
        }
        for (method, path) in [
            (Method::DELETE, "charts/app"),
            (Method::PUT, "charts"),
            (Method::GET, "prov"),
            (Method::POST, "charts/app"),
        ] {
            let refused = of(method, &format!("acme/main/api/{path}"), None);
            assert_eq!(refused.unwrap_err().kind(), Kind::Unsupported, "{path}");
        }
        assert!(of(Method::GET, "acme/main/api/charts", Some("limit=-1")).is_err());
    }

    proptest! {
        #[test]
        fn no_path_panics_the_parser(path in "\\PC{0,60}", query in "\\PC{0,60}") {
            let _ = Wanted::parse(&Method::GET, &format!("/helm/{path}"), Some(&query));
            let _ = Wanted::parse(&Method::POST, &format!("/helm/acme/main/api/{path}"), Some(&query));
            let _ = get(&format!("charts/{path}.tgz"));
        }
    }
}
