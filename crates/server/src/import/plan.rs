//! Which repository of the source becomes which of the server.

use wharf_core::{Error, Kind, Place, Reference, Result, Tag};
use wharf_outbound::Repository;
use wharf_pypi::carried::{normal_name, project_at};

use super::{names::Inside, source::ImportSource};

/// What the command asks for.
#[derive(Debug)]
pub(crate) enum Plan {
    /// One repository, or one thing in it.
    One(Pair),
    /// Every repository the source lists, or those below a name.
    All {
        /// Only those below it.
        below: Option<Repository>,
        /// Where they go; else their own names are kept.
        to: Option<Repository>,
    },
}

/// One repository on both sides.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) from: Repository,
    pub(crate) to: Repository,
    /// The one thing of it; else everything that has a tag.
    pub(crate) one: Option<Thing>,
}

/// A manifest by its name on both sides.
#[derive(Clone, Debug)]
pub(crate) struct Thing {
    pub(crate) from: Reference,
    pub(crate) to: Reference,
}

impl Thing {
    /// The same name on both sides.
    pub(super) fn same(reference: Reference) -> Self {
        Self { from: reference.clone(), to: reference }
    }

    pub(super) fn tag(tag: &Tag) -> Self {
        Self::same(Reference::Tag(tag.clone()))
    }
}

impl Plan {
    /// Every repository of the source, or those below a name.
    ///
    /// # Errors
    /// `Invalid` for names that do not fit together.
    pub(super) fn all(from: Inside, to: Inside) -> Result<Self> {
        if from.reference.is_some() || to.reference.is_some() {
            return Err(Error::new(Kind::Invalid, "with --all there is no tag and no digest"));
        }
        Ok(Self::All { below: from.repository, to: to.repository })
    }

    /// One repository of the source, or one thing in it.
    ///
    /// # Errors
    /// `Invalid` for names that do not fit together.
    pub(super) fn one(from: Inside, to: Inside) -> Result<Self> {
        let wrong = |words: &str| Err(Error::new(Kind::Invalid, words));
        let Some(repository) = from.repository else {
            return wrong("name a repository of the source, or say --all");
        };
        let Some(place) = to.repository else {
            return wrong("name the repository on the server");
        };
        let one = match (from.reference, to.reference) {
            (None, None) => None,
            (None, Some(_)) => {
                return wrong("a whole repository keeps its tags: name one tag of the source too");
            }
            (Some(from), None) => Some(Thing::same(from)),
            (Some(Reference::Digest(one)), Some(Reference::Digest(other))) if one != other => {
                return wrong("a digest cannot become another one");
            }
            (Some(Reference::Tag(_)), Some(Reference::Digest(_))) => {
                return wrong("a tag becomes a tag, not a digest");
            }
            (Some(from), Some(to)) => Some(Thing { from, to }),
        };
        Ok(Self::One(Pair { from: repository, to: place, one }))
    }

    /// Refuses to bring Python projects where no index would list them.
    ///
    /// # Errors
    /// `Invalid` in words that say where they go.
    pub(super) fn expect_projects(&self) -> Result<()> {
        let project_of = |name: &str| name.parse::<Place>().ok().and_then(|place| project_at(&place));
        let words = match self {
            Self::One(Pair { from, to, .. }) => {
                let project = normal_name(from.as_str()).unwrap_or_else(|| from.to_string());
                if project_of(to.as_str()).as_ref() == Some(&project) {
                    return Ok(());
                }
                format!(
                    "pip finds the project {project} at SERVER/ORGANISATION/REGISTRY/pypi/{project} alone: say that"
                )
            }
            Self::All { to, .. } => {
                // Any project stands for all of them.
                if to.as_ref().is_some_and(|to| project_of(&format!("{to}/project")).is_some()) {
                    return Ok(());
                }
                "pip finds projects below SERVER/ORGANISATION/REGISTRY/pypi alone: say that".to_owned()
            }
        };
        Err(Error::new(Kind::Invalid, words))
    }

    /// The pairs, in the order of their names.
    pub(super) async fn pairs(&self, source: &dyn ImportSource) -> Result<Vec<Pair>> {
        let (below, to) = match self {
            Self::One(pair) => return Ok(vec![pair.clone()]),
            Self::All { below, to } => (below, to),
        };
        let mut found = source.repositories().await?;
        found.sort();
        found.dedup();
        let pair = |from: Repository| {
            let rest = match below {
                Some(below) => rest_below(&from, below)?.to_owned(),
                None => from.to_string(),
            };
            let parts = [to.as_ref().map(Repository::as_str), Some(rest.as_str())];
            let parts: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
            // The prefix itself, and nowhere to put it, keeps its name.
            let name = if parts.is_empty() { from.to_string() } else { parts.join("/") };
            Some(name.parse().map(|to| Pair { from, to, one: None }))
        };
        found.into_iter().filter_map(pair).collect()
    }
}

/// What is left of a name below another one: nothing, of that one itself.
fn rest_below<'a>(name: &'a Repository, below: &Repository) -> Option<&'a str> {
    let rest = name.as_str().strip_prefix(below.as_str())?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_at_a_slash() {
        let below = "team".parse().unwrap();
        let rest = |name: &str| rest_below(&name.parse().unwrap(), &below).map(str::to_owned);
        assert_eq!(rest("team/app/web").as_deref(), Some("app/web"));
        assert_eq!(rest("team").as_deref(), Some(""));
        assert_eq!(rest("teamwork/app"), None);
    }

    #[test]
    fn names_that_do_not_fit_together_are_refused() {
        let one = |from: &str, to: &str| Plan::one(from.parse()?, to.parse()?);
        for (from, to) in [("a:v1", "b"), ("a:v1", "b:v2"), ("a", "b")] {
            assert!(one(from, to).is_ok(), "{from} {to}");
        }
        for (from, to) in [("a", "b:v1"), ("", "b"), ("a", "")] {
            assert!(one(from, to).is_err(), "{from} {to}");
        }
        let all = |from: &str| Plan::all(from.parse()?, Inside::default());
        assert!(all("").is_ok() && all("a").is_ok() && all("a:v1").is_err());
    }

    #[test]
    fn projects_go_where_their_index_is() {
        let one = |from: &str, to: &str| Plan::one(from.parse()?, to.parse()?)?.expect_projects();
        assert!(one("foo", "acme/main/pypi/foo").is_ok() && one("foo_bar", "acme/main/pypi/foo-bar").is_ok());
        for to in ["acme/foo", "acme/main/foo", "acme/pypi/foo", "acme/main/pypi/other", "acme/main/pypi"] {
            let refused = one("foo", to).unwrap_err().to_string();
            assert!(refused.contains("REGISTRY/pypi/foo"), "{to}: {refused}");
        }
        let all = |to: &str| Plan::all(Inside::default(), to.parse()?)?.expect_projects();
        assert!(all("acme/main/pypi").is_ok());
        for to in ["", "acme", "acme/main", "acme/pypi", "acme/main/pypi/foo"] {
            assert!(all(to).is_err(), "{to:?}");
        }
    }
}
