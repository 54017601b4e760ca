//! How far an API token reaches: which repositories, and what may be done there. A token makes only a narrower one.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    Detail, Error, Kind, OrganisationName, Place, RegistryPlace, Result, Verb, name::LONGEST_REPOSITORY,
    right::one,
};

/// Which repositories are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RepositorySet {
    /// This one.
    One(Place),
    /// All whose long form, `organisation/registry/repository`, begins so.
    Below(Prefix),
}

/// The beginning of long forms: nothing, an organisation, a registry, or a registry and how its repositories begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(Begin);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Begin {
    Nothing,
    Organisation(OrganisationName),
    Repositories(RegistryPlace, String),
}

impl Prefix {
    fn matches(&self, place: &Place) -> bool {
        match &self.0 {
            Begin::Nothing => true,
            Begin::Organisation(organisation) => place.organisation == *organisation,
            Begin::Repositories(registry, begin) => {
                place.organisation == registry.organisation
                    && place.registry == registry.registry
                    && place.repository.as_str().starts_with(begin)
            }
        }
    }

    fn matches_all_of(&self, of: &RegistryPlace) -> bool {
        match &self.0 {
            Begin::Nothing => true,
            Begin::Organisation(organisation) => of.organisation == *organisation,
            Begin::Repositories(registry, begin) => begin.is_empty() && registry == of,
        }
    }

    fn matches_some_of(&self, of: &RegistryPlace) -> bool {
        match &self.0 {
            Begin::Nothing => true,
            Begin::Organisation(organisation) => of.organisation == *organisation,
            Begin::Repositories(registry, _) => registry == of,
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Begin::Nothing, _) => true,
            (_, Begin::Nothing) => false,
            (Begin::Organisation(one), Begin::Organisation(other)) => one == other,
            (Begin::Organisation(one), Begin::Repositories(other, _)) => *one == other.organisation,
            (Begin::Repositories(..), Begin::Organisation(_)) => false,
            (Begin::Repositories(registry, begin), Begin::Repositories(of, other)) => {
                registry == of && other.starts_with(begin)
            }
        }
    }

    /// The registry that all of them are in, if they cannot be in several.
    fn registry(&self) -> Option<RegistryPlace> {
        match &self.0 {
            Begin::Nothing | Begin::Organisation(_) => None,
            Begin::Repositories(registry, _) => Some(registry.clone()),
        }
    }

    /// A repository of a registry that begins so, where it says how.
    fn example(&self) -> Option<Place> {
        let Begin::Repositories(registry, begin) = &self.0 else { return None };
        let RegistryPlace { organisation, registry } = registry.clone();
        Some(Place { organisation, registry, repository: format!("{begin}a").parse().ok()? })
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Begin::Nothing => Ok(()),
            Begin::Organisation(organisation) => write!(f, "{organisation}/"),
            Begin::Repositories(registry, begin) => write!(f, "{registry}/{begin}"),
        }
    }
}

impl RepositorySet {
    /// Whether a repository is meant.
    pub fn matches(&self, place: &Place) -> bool {
        match self {
            Self::One(one) => one == place,
            Self::Below(prefix) => prefix.matches(place),
        }
    }

    /// Whether every repository of a registry is.
    pub fn matches_all_of(&self, registry: &RegistryPlace) -> bool {
        matches!(self, Self::Below(prefix) if prefix.matches_all_of(registry))
    }

    /// Whether some repository of a registry may be.
    pub fn matches_some_of(&self, registry: &RegistryPlace) -> bool {
        match self {
            Self::One(one) => one.is_in(registry),
            Self::Below(prefix) => prefix.matches_some_of(registry),
        }
    }

    /// The registry that all of them are in, if they cannot be in several.
    fn registry(&self) -> Option<RegistryPlace> {
        match self {
            Self::One(place) => Some(place.registry_place()),
            Self::Below(prefix) => prefix.registry(),
        }
    }

    /// Whether everything is meant that the other one means.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::One(place)) => self.matches(place),
            (Self::Below(prefix), Self::Below(other)) => prefix.covers(other),
            (Self::One(_), Self::Below(_)) => false,
        }
    }

    /// A repository that is meant: this one, if it is.
    pub(crate) fn example(&self, this: &Place) -> Option<Place> {
        match self {
            _ if self.matches(this) => Some(this.clone()),
            Self::One(place) => Some(place.clone()),
            Self::Below(prefix) => prefix.example(),
        }
    }
}

impl FromStr for RepositorySet {
    type Err = Error;

    /// A repository as it is pulled from, or `organisation/*`, `organisation/registry/*`,
    /// `organisation/registry/begin*`, or `*` for everything.
    fn from_str(text: &str) -> Result<Self> {
        let Some(prefix) = text.strip_suffix('*') else { return text.parse().map(Self::One) };
        let mut parts = prefix.splitn(3, '/');
        let wrong = || {
            let words = "a pattern is a repository, organisation/*, organisation/registry/*, \
                         organisation/registry/begin* or *";
            Error::new(Kind::Invalid, words).with(Detail::Name)
        };
        let begin = match (parts.next().unwrap_or_default(), parts.next(), parts.next()) {
            ("", None, None) => Begin::Nothing,
            (organisation, Some(""), None) => Begin::Organisation(organisation.parse()?),
            (organisation, Some(registry), Some(begin)) if is_begin(begin) => {
                let (organisation, registry) = (organisation.parse()?, registry.parse()?);
                Begin::Repositories(RegistryPlace { organisation, registry }, begin.to_owned())
            }
            _ => return Err(wrong()),
        };
        Ok(Self::Below(Prefix(begin)))
    }
}

impl fmt::Display for RepositorySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(place) => write!(f, "{place}"),
            Self::Below(prefix) => write!(f, "{prefix}*"),
        }
    }
}

/// What may be done in some repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Which.
    pub repositories: RepositorySet,
    /// What.
    pub verbs: Vec<Verb>,
}

impl FromStr for Allowance {
    type Err = Error;

    /// Reads `repositories:action,action`, as commands are told it.
    fn from_str(text: &str) -> Result<Self> {
        let wrong =
            || Error::new(Kind::Invalid, "a reach is REPOSITORIES:ACTION,ACTION like acme/app:pull,push");
        let (repositories, actions) = text.rsplit_once(':').ok_or_else(wrong)?;
        let verbs = actions.split(',').map(|action| action.trim().parse()).collect::<Result<_>>()?;
        Ok(Self { repositories: repositories.parse()?, verbs })
    }
}

impl Allowance {
    fn covers(&self, other: &Self) -> bool {
        self.repositories.covers(&other.repositories)
            && other.verbs.iter().all(|verb| self.verbs.contains(verb))
    }
}

/// Everything that a token may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach(Vec<Allowance>);

impl Reach {
    /// The most allowances one token has.
    pub const MOST: usize = 100;

    /// A reach of these.
    ///
    /// # Errors
    /// `Invalid` for none, for too many, and for one without a verb. Verbs are kept each once, in their order.
    pub fn new(mut allowances: Vec<Allowance>) -> Result<Self> {
        if allowances.is_empty() || allowances.len() > Self::MOST {
            return Err(Error::new(Kind::Invalid, format!("a token reaches 1 to {} patterns", Self::MOST)));
        }
        if allowances.iter().any(|allowance| allowance.verbs.is_empty()) {
            return Err(Error::new(Kind::Invalid, "each pattern needs an action: pull, push or delete"));
        }
        for Allowance { verbs, .. } in &mut allowances {
            *verbs = Verb::ALL.into_iter().filter(|verb| verbs.contains(verb)).collect();
        }
        Ok(Self(allowances))
    }

    /// What it is made of.
    pub fn allowances(&self) -> &[Allowance] {
        &self.0
    }

    /// Whether it reaches a verb at a place.
    pub fn reaches(&self, place: &Place, verb: Verb) -> bool {
        self.0.iter().any(|one| one.verbs.contains(&verb) && one.repositories.matches(place))
    }

    /// Whether it reaches a verb in every repository of a registry.
    pub fn reaches_all_of(&self, registry: &RegistryPlace, verb: Verb) -> bool {
        self.0.iter().any(|one| one.verbs.contains(&verb) && one.repositories.matches_all_of(registry))
    }

    /// Whether it may reach a verb in some repository of a registry.
    pub fn reaches_some_of(&self, registry: &RegistryPlace, verb: Verb) -> bool {
        self.0.iter().any(|one| one.verbs.contains(&verb) && one.repositories.matches_some_of(registry))
    }

    /// Whether it reaches everything the other one does. It may say no where several together would.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|wanted| self.0.iter().any(|one| one.covers(wanted)))
    }

    /// The one registry that it reaches anything of, if there is just one.
    pub fn home(&self) -> Option<RegistryPlace> {
        one(self.0.iter().map(|allowance| allowance.repositories.registry()))
    }

    /// Reads what [`Reach::to_row`] wrote.
    pub fn from_row(text: &str) -> Option<Self> {
        let rows: Vec<Row> = serde_json::from_str(text).ok()?;
        let one = |row: Row| {
            let verbs = row.actions.iter().map(|word| word.parse().ok()).collect::<Option<_>>()?;
            Some(Allowance { repositories: row.repositories.parse().ok()?, verbs })
        };
        rows.into_iter().map(one).collect::<Option<_>>().map(Self)
    }

    /// As a column keeps it.
    ///
    /// # Errors
    /// `Internal`, which cannot be.
    pub fn to_row(&self) -> Result<String> {
        let rows: Vec<Row> = self.0.iter().map(Row::of).collect();
        serde_json::to_string(&rows).map_err(Error::internal)
    }
}

/// An allowance as a column keeps it.
#[derive(Serialize, Deserialize)]
struct Row {
    repositories: String,
    actions: Vec<String>,
}

impl Row {
    fn of(allowance: &Allowance) -> Self {
        let actions = allowance.verbs.iter().map(|verb| verb.word().to_owned()).collect();
        Self { repositories: allowance.repositories.to_string(), actions }
    }
}

/// Whether some repository's name could begin so.
fn is_begin(text: &str) -> bool {
    text.len() <= LONGEST_REPOSITORY
        && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._-/".contains(&c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> RepositorySet {
        text.parse().unwrap()
    }

    #[test]
    fn a_pattern_means_what_it_says() {
        let place = |text: &str| text.parse::<Place>().unwrap();
        for (text, inside, outside) in [
            ("acme/app", "acme/main/app", "acme/app2"),
            ("acme/*", "acme/team/a/b", "acme2/app"),
            ("acme/team/*", "acme/team/a", "acme/team2/a"),
            ("acme/team/we*", "acme/team/web/x", "acme/team/api"),
            ("*", "library/main/x", "library/main/x"),
        ] {
            assert!(pattern(text).matches(&place(inside)), "{text} {inside}");
            assert_eq!(pattern(text).matches(&place(outside)), inside == outside, "{text} {outside}");
            assert_eq!(pattern(text).to_string().parse::<RepositorySet>().unwrap(), pattern(text));
        }
        for bad in
            ["", "acme*", "acme/app*", "a*c/*", "Acme/*", "acme/team/A*", "v2/*", "**", "/*", "acme/*/x"]
        {
            assert!(bad.parse::<RepositorySet>().is_err(), "{bad} was accepted");
        }
    }

    #[test]
    fn a_whole_registry_is_reached_by_who_reaches_all_of_it() {
        let team = RegistryPlace { organisation: "acme".parse().unwrap(), registry: "team".parse().unwrap() };
        for (text, all) in [
            ("*", true),
            ("acme/*", true),
            ("acme/team/*", true),
            ("acme/team/a*", false),
            ("acme/te/*", false),
        ] {
            assert_eq!(pattern(text).matches_all_of(&team), all, "{text}");
        }
    }

    #[test]
    fn who_reaches_one_registry_is_at_home_there() {
        let home = |patterns: &[&str]| {
            let one = |text: &&str| Allowance { repositories: pattern(text), verbs: vec![Verb::Pull] };
            let home = Reach::new(patterns.iter().map(one).collect()).unwrap().home()?;
            Some(format!("{}/{}", home.organisation, home.registry))
        };
        assert_eq!(home(&["acme/team/*"]).as_deref(), Some("acme/team"));
        assert_eq!(home(&["acme/team/memflow/*", "acme/team/app"]).as_deref(), Some("acme/team"));
        for several in [&["*"][..], &["acme/*"], &["acme/team/*", "acme/main/*"], &["acme/team/*", "*"]] {
            assert_eq!(home(several), None, "{several:?}");
        }
    }

    #[test]
    fn a_verb_that_is_repeated_counts_once() {
        let verbs = [Verb::Push, Verb::Pull].repeat(500);
        let reach = Reach::new(vec![Allowance { repositories: pattern("acme/*"), verbs }]).unwrap();
        assert_eq!(reach.allowances()[0].verbs, [Verb::Pull, Verb::Push]);
    }

    fn reach() -> impl Strategy<Value = Reach> {
        let patterns = prop_oneof![
            Just("*".to_owned()),
            "[ab]/\\*",
            "[ab]/[mn]/\\*",
            "[ab]/[mn]/[xy]{1,2}\\*",
            "[ab]/[mn]/[xy]{1,2}",
        ];
        let verbs = proptest::sample::subsequence(Verb::ALL.to_vec(), 1..=3);
        let one =
            (patterns, verbs).prop_map(|(text, verbs)| Allowance { repositories: pattern(&text), verbs });
        proptest::collection::vec(one, 1..4).prop_map(Reach)
    }

    proptest! {
        #[test]
        fn what_is_covered_reaches_nowhere_else(wide in reach(), narrow in reach(), text in "[ab]/[mn]/[xy]{1,3}") {
            let place: Place = text.parse().unwrap();
            prop_assert!(wide.covers(&wide));
            for verb in Verb::ALL {
                if wide.covers(&narrow) && narrow.reaches(&place, verb) {
                    prop_assert!(wide.reaches(&place, verb));
                }
            }
        }

        #[test]
        fn a_row_is_read_as_it_was_written(reach in reach()) {
            prop_assert_eq!(Reach::from_row(&reach.to_row().unwrap()), Some(reach));
        }

        #[test]
        fn no_text_panics_the_parser(text in "\\PC*") {
            let _ = (text.parse::<RepositorySet>(), Reach::from_row(&text));
        }
    }
}
