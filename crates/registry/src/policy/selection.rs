//! Which tags of which repositories a rule is about.

use serde::{Deserialize, Serialize};
use wharf_core::{Error, Kind, Pattern, Place, RegistryPlace, Result, Tag};

/// The most patterns a list of a rule may have.
const MOST_PATTERNS: usize = 100;

/// Which tags of which repositories a rule is about: those that one pattern of each list fits, and none of the
/// exceptions. Repositories go by their name within the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Of these repositories; all if not said.
    #[serde(default = "everything")]
    pub repositories: Vec<Pattern>,
    /// These tags; all if not said.
    #[serde(default = "everything")]
    pub tags: Vec<Pattern>,
    /// But not of these repositories.
    #[serde(default)]
    pub except_repositories: Vec<Pattern>,
    /// But not these tags.
    #[serde(default)]
    pub except_tags: Vec<Pattern>,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            repositories: everything(),
            tags: everything(),
            except_repositories: Vec::new(),
            except_tags: Vec::new(),
        }
    }
}

fn everything() -> Vec<Pattern> {
    vec![Pattern::everything()]
}

impl Selection {
    /// Whether it is about a repository, with some of its tags at least.
    pub fn covers(&self, place: &Place) -> bool {
        fits(&self.repositories, &self.except_repositories, place.repository.as_str())
    }

    /// Whether it is about a tag of a repository.
    pub fn selects(&self, place: &Place, tag: &Tag) -> bool {
        self.covers(place) && self.selects_tag(tag)
    }

    /// Whether it is about a tag, in the repositories that it is about.
    pub(crate) fn selects_tag(&self, tag: &Tag) -> bool {
        fits(&self.tags, &self.except_tags, tag.as_str())
    }

    /// Refuses a selection that is dear to look through, or that nothing will ever be of. `within` is whose repositories it
    /// is about.
    pub(crate) fn expect_sensible(&self, within: &RegistryPlace) -> Result<()> {
        let lists = [&self.repositories, &self.tags, &self.except_repositories, &self.except_tags];
        if lists.iter().any(|list| list.len() > MOST_PATTERNS) {
            return Err(invalid(format!("a rule has at most {MOST_PATTERNS} patterns of each sort")));
        }
        expect_some(("repositories", &self.repositories), &self.except_repositories)?;
        expect_some(("tags", &self.tags), &self.except_tags)?;
        let mut repositories = self.repositories.iter().chain(&self.except_repositories);
        repositories.try_for_each(|pattern| expect_of_repository(pattern, within))?;
        self.tags.iter().chain(&self.except_tags).try_for_each(expect_of_tag)
    }

    /// Whether it tells tags from each other.
    pub(crate) fn is_about_tags(&self) -> bool {
        self.tags != everything() || !self.except_tags.is_empty()
    }
}

/// Refuses a list that lets nothing through.
fn expect_some((what, patterns): (&str, &[Pattern]), except: &[Pattern]) -> Result<()> {
    if patterns.is_empty() {
        return Err(invalid(format!(
            "an empty list of {what} selects nothing: leave it out for all of them"
        )));
    }
    if patterns.iter().all(|pattern| except.contains(pattern) || except.contains(&Pattern::everything())) {
        return Err(invalid(format!("all {what} that are selected are excepted too")));
    }
    Ok(())
}

/// Refuses a pattern that is of no repository's name within its registry, above all the name that is pulled.
fn expect_of_repository(pattern: &Pattern, within: &RegistryPlace) -> Result<()> {
    let text = pattern.as_str();
    let organisation = within.organisation.as_str();
    if let Some(rest) = text.strip_prefix(organisation).and_then(|rest| rest.strip_prefix('/')) {
        return Err(invalid(format!(
            "{text} is not within {within}: say {rest}, or ?{}/{rest} for what lies below {organisation} there",
            organisation.get(1..).unwrap_or_default(),
        )));
    }
    let is_possible = !text.starts_with('/')
        && !text.ends_with('/')
        && !text.contains("//")
        && !text.bytes().any(|c| c.is_ascii_uppercase());
    if is_possible { Ok(()) } else { Err(invalid(format!("no repository is ever called {text}"))) }
}

/// Refuses a pattern that is of no tag.
fn expect_of_tag(pattern: &Pattern) -> Result<()> {
    let text = pattern.as_str();
    if text.contains('/') || text.starts_with(['.', '-']) {
        return Err(invalid(format!("no tag is ever called {text}")));
    }
    Ok(())
}

fn invalid(message: String) -> Error {
    Error::new(Kind::Invalid, message)
}

fn fits(patterns: &[Pattern], except: &[Pattern], name: &str) -> bool {
    let any = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(name));
    any(patterns) && !any(except)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> Option<String> {
        let within =
            RegistryPlace { organisation: "acme".parse().unwrap(), registry: "main".parse().unwrap() };
        let selection: Selection = serde_json::from_str(text).unwrap();
        selection.expect_sensible(&within).err().map(|error| error.to_string())
    }

    #[test]
    fn a_selection_that_nothing_will_be_of_is_refused_in_words() {
        for (text, words) in [
            (
                r#"{"repositories":[]}"#,
                "an empty list of repositories selects nothing: leave it out for all of them",
            ),
            (r#"{"tags":[]}"#, "an empty list of tags selects nothing: leave it out for all of them"),
            (r#"{"except_tags":["**"]}"#, "all tags that are selected are excepted too"),
            (
                r#"{"repositories":["a"],"except_repositories":["a"]}"#,
                "all repositories that are selected are excepted too",
            ),
            (
                r#"{"repositories":["acme/app"]}"#,
                "acme/app is not within acme/main: say app, or ?cme/app for what lies below acme there",
            ),
            (
                r#"{"except_repositories":["acme/**"]}"#,
                "acme/** is not within acme/main: say **, or ?cme/** for what lies below acme there",
            ),
            (r#"{"repositories":["/app"]}"#, "no repository is ever called /app"),
            (r#"{"repositories":["App"]}"#, "no repository is ever called App"),
            (r#"{"tags":["a/b"]}"#, "no tag is ever called a/b"),
        ] {
            assert_eq!(refusal(text).as_deref(), Some(words), "{text}");
        }
    }

    #[test]
    fn a_selection_that_something_may_be_of_is_taken() {
        for text in [
            "{}",
            r#"{"repositories":["app","team/**","?cme/app","acme","acme-*"]}"#,
            r#"{"tags":["v*","V?.?","**"],"except_tags":["v*-rc*"]}"#,
            r#"{"repositories":["a","b"],"except_repositories":["a"]}"#,
        ] {
            assert_eq!(refusal(text), None, "{text}");
        }
    }
}
