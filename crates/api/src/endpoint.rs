//! Method, path and query below `/api/v1/` → what is wanted, in words. Pure. A repository's name may hold slashes, so
//! what follows it is read from the right end.

use axum::http::Method;
use wharf_core::{Detail, Error, Kind, Limit, Place, Reference, RegistryPlace, Result, Subject};
use wharf_http::decode_path;
use wharf_registry::format::FactSearch;

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    SearchFacts(RegistryPlace, FactSearch, Limit),
    Facts(Place, Reference),
    Document(Place, Reference, String),
}

impl Endpoint {
    /// Reads a request.
    ///
    /// # Errors
    /// `Invalid` for names, references and numbers that are not; `NotFound` for a path that is none of the API's;
    /// `Unsupported` for a method other than GET and HEAD.
    pub(crate) fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Self> {
        let path = decode_path(path)?;
        let segments: Vec<&str> = path.strip_prefix("/api/v1/").unwrap_or_default().split('/').collect();
        let ["orgs", organisation, "registries", registry, rest @ ..] = segments.as_slice() else {
            return Err(nothing());
        };
        let registry = RegistryPlace { organisation: organisation.parse()?, registry: registry.parse()? };
        let endpoint = match rest {
            ["facts"] => Self::search(registry, query)?,
            ["repositories", name @ .., "manifests", reference, "facts"] => {
                Self::Facts(place(registry, name)?, reference.parse()?)
            }
            ["repositories", name @ .., "manifests", reference, "documents", document] => {
                Self::Document(place(registry, name)?, reference.parse()?, (*document).to_owned())
            }
            _ => return Err(nothing()),
        };
        match *method {
            Method::GET | Method::HEAD => Ok(endpoint),
            _ => Err(Error::new(Kind::Unsupported, "only GET and HEAD are served here")),
        }
    }

    /// `format`, `n` and `last`; every other parameter is an attribute that must have this value.
    fn search(place: RegistryPlace, query: Option<&str>) -> Result<Self> {
        let mut search = FactSearch { format: String::new(), pairs: Vec::new(), last: None };
        let mut limit = Limit::MOST;
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if name.is_empty() || [&name, &value].into_iter().any(|text| text.contains(char::is_control)) {
                return Err(Error::new(
                    Kind::Invalid,
                    "the query holds an empty name or a control character",
                ));
            }
            match name.as_ref() {
                "format" => search.format = value.into_owned(),
                "n" => limit = Limit::parse(&value)?,
                "last" => search.last = Some(value.parse()?),
                _ => search.pairs.push((name.into_owned(), value.into_owned())),
            }
        }
        Ok(Self::SearchFacts(place, search, limit))
    }
}

fn place(registry: RegistryPlace, name: &[&str]) -> Result<Place> {
    let RegistryPlace { organisation, registry } = registry;
    Ok(Place { organisation, registry, repository: name.join("/").parse()? })
}

fn nothing() -> Error {
    Error::new(Kind::NotFound(Subject::Name), "there is nothing at this path").with(Detail::Name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(path: &str, query: Option<&str>) -> Result<Endpoint> {
        Endpoint::parse(&Method::GET, &format!("/api/v1/orgs/acme/registries/main/{path}"), query)
    }

    #[test]
    fn a_repository_may_be_called_like_any_part_of_the_path() {
        let Endpoint::Facts(place, reference) =
            parse("repositories/manifests/documents/facts/manifests/1.0.0/facts", None).unwrap()
        else {
            panic!("other endpoint")
        };
        assert_eq!(place.repository.as_str(), "manifests/documents/facts");
        assert_eq!(reference, "1.0.0".parse().unwrap());
        assert!(matches!(
            parse("repositories/a%2Fb/manifests/v1/documents/readme", None),
            Ok(Endpoint::Document(place, _, name)) if place.repository.as_str() == "a/b" && name == "readme"
        ));
    }

    #[test]
    fn what_is_not_reserved_in_a_query_is_an_attribute() {
        let Endpoint::SearchFacts(_, search, limit) =
            parse("facts", Some("format=helm&n=7&name=a%20b&keyword=x")).unwrap()
        else {
            panic!("other endpoint")
        };
        assert_eq!((search.format.as_str(), limit.get()), ("helm", 7));
        let pairs =
            [("name", "a b"), ("keyword", "x")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(search.pairs, pairs);
        for bad in ["n=-1", "last=x", "=x", "name=%00", "%00=a"] {
            assert!(parse("facts", Some(bad)).is_err(), "{bad} was accepted");
        }
    }

    #[test]
    fn other_paths_and_methods_are_refused() {
        for bad in ["", "nothing", "repositories/app/manifests/v1", "repositories//manifests/v1/facts"] {
            assert!(parse(bad, None).is_err(), "{bad} was accepted");
        }
        let path = "/api/v1/orgs/acme/registries/main/facts";
        assert_eq!(Endpoint::parse(&Method::PUT, path, None).unwrap_err().kind(), Kind::Unsupported);
    }

    proptest! {
        #[test]
        fn no_path_panics_the_parser(path in "\\PC{0,60}", query in "\\PC{0,60}") {
            let _ = parse(&path, Some(&query));
        }
    }
}
