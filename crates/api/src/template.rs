//! The paths of the API: written once, with a name in braces for each part that varies.
//!
//! `{repository}` may stand for several segments, for a repository's name may hold slashes; what follows it is read
//! from the right end. Each segment is decoded by itself, so `a%2Ftags` is the repository `a/tags`, while `a/tags`
//! asks for the tags of `a`.

use wharf_core::{Detail, Error, Kind, Result, Subject};
use wharf_http::decode_path;

/// The one part that may be several segments.
const SEVERAL: &str = "{repository}";

/// A path with names for what varies, below `/api/v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Template(pub(crate) &'static str);

/// What stood for the names of a template.
pub(crate) type Parameters = Vec<(&'static str, String)>;

impl Template {
    /// What a path has for the names of this template, if it is of it.
    pub(crate) fn matches(self, path: &[String]) -> Option<Parameters> {
        let parts: Vec<&'static str> = self.parts().collect();
        let Some(at) = parts.iter().position(|part| *part == SEVERAL) else {
            return same_length(&parts, path);
        };
        let (before, after) = (parts.get(..at)?, parts.get(at + 1..)?);
        let end = path.len().checked_sub(after.len())?;
        let mut found = same_length(before, path.get(..at)?)?;
        let name = path.get(at..end).filter(|name| !name.is_empty())?.join("/");
        found.push(("repository", name));
        found.extend(same_length(after, path.get(end..)?)?);
        Some(found)
    }

    /// The names in it, in order.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        self.parts().filter_map(name)
    }

    /// How many of its segments are words: of two templates that a path is of, the one with more says more of it.
    pub(crate) fn words(self) -> usize {
        self.parts().filter(|part| name(part).is_none()).count()
    }

    fn parts(self) -> impl Iterator<Item = &'static str> {
        self.0.split('/').skip(1)
    }
}

/// The segments of a path below `/api/v1`, each decoded once.
///
/// # Errors
/// `Invalid` for what is not UTF-8; `TooLarge`; `NotFound` for a path elsewhere.
pub(crate) fn segments(path: &str) -> Result<Vec<String>> {
    // What is wrong with the whole is told first, before any part of it is looked at.
    decode_path(path)?;
    let below = path.strip_prefix("/api/v1/").ok_or_else(nothing)?;
    below.split('/').map(decode_path).collect()
}

/// There is nothing at a path.
pub(crate) fn nothing() -> Error {
    Error::new(Kind::NotFound(Subject::Name), "there is nothing at this path").with(Detail::Name)
}

fn same_length(parts: &[&'static str], path: &[String]) -> Option<Parameters> {
    if parts.len() != path.len() {
        return None;
    }
    let mut found = Parameters::new();
    for (part, segment) in parts.iter().zip(path) {
        match name(part) {
            Some(name) if !segment.is_empty() => found.push((name, segment.clone())),
            None if part == segment => {}
            _ => return None,
        }
    }
    Some(found)
}

fn name(part: &'static str) -> Option<&'static str> {
    part.strip_prefix('{')?.strip_suffix('}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FACTS: Template =
        Template("/orgs/{org}/registries/{registry}/repositories/{repository}/manifests/{reference}/facts");

    fn found(template: Template, path: &str) -> Option<Vec<String>> {
        let path = segments(&format!("/api/v1/{path}")).unwrap();
        Some(template.matches(&path)?.into_iter().map(|(_, value)| value).collect())
    }

    #[test]
    fn a_repository_may_be_called_like_any_part_of_the_path() {
        let path = "orgs/acme/registries/main/repositories/manifests/documents/facts/manifests/1.0.0/facts";
        assert_eq!(found(FACTS, path).unwrap(), ["acme", "main", "manifests/documents/facts", "1.0.0"]);
        let encoded = "orgs/acme/registries/main/repositories/a%2Ftags";
        let one = Template("/orgs/{org}/registries/{registry}/repositories/{repository}");
        let tags = Template("/orgs/{org}/registries/{registry}/repositories/{repository}/tags");
        assert_eq!(found(one, encoded).unwrap(), ["acme", "main", "a/tags"]);
        assert_eq!(found(tags, encoded), None);
        assert_eq!(found(tags, "orgs/acme/registries/main/repositories/a/b/tags").unwrap()[2], "a/b");
    }

    #[test]
    fn other_paths_are_not_of_a_template() {
        for bad in ["", "orgs", "orgs//registries/main/repositories/a/manifests/v1/facts", "orgs/acme"] {
            assert_eq!(found(FACTS, bad), None, "{bad} was taken");
        }
        assert_eq!(found(FACTS, "orgs/a/registries/b/repositories/manifests/v1/facts"), None);
        assert!(segments("/elsewhere").is_err());
    }

    proptest! {
        #[test]
        fn no_path_panics(path in "\\PC{0,60}") {
            let _ = segments(&format!("/api/v1/{path}")).map(|path| FACTS.matches(&path));
        }
    }
}
