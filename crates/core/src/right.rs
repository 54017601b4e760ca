//! What may be done: verbs, roles, and the narrowing a token carries.

mod likely;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Detail, Error, Kind, Place, Reach, RegistryPlace};

/// What is done to the content of a repository; the words of token scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Read and list.
    Pull,
    /// Write.
    Push,
    /// Remove.
    Delete,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 3] = [Self::Pull, Self::Push, Self::Delete];

    /// The word in a scope.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
        }
    }

    /// The least role that includes it.
    pub const fn least_role(self) -> Role {
        match self {
            Self::Pull => Role::Viewer,
            Self::Push | Self::Delete => Role::Writer,
        }
    }
}

impl FromStr for Verb {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|verb| verb.word() == text);
        found.ok_or_else(|| Error::new(Kind::Invalid, "an action is pull, push or delete"))
    }
}

/// A verb as a type, so that a [`crate::Grant`] says what it is for.
pub trait Action: Send + Sync + 'static {
    /// The verb.
    const VERB: Verb;
}

/// The action types.
pub mod action {
    use super::{Action, Verb};

    /// Read and list.
    #[derive(Debug)]
    pub struct Pull;
    /// Write.
    #[derive(Debug)]
    pub struct Push;
    /// Remove.
    #[derive(Debug)]
    pub struct Delete;

    impl Action for Pull {
        const VERB: Verb = Verb::Pull;
    }
    impl Action for Push {
        const VERB: Verb = Verb::Push;
    }
    impl Action for Delete {
        const VERB: Verb = Verb::Delete;
    }
}

/// What a member may do in an organisation; each role includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// List and pull.
    Viewer,
    /// And push and delete.
    Writer,
    /// And members, registries, policy.
    Admin,
}

impl Role {
    /// Whether the role includes the verb.
    pub fn allows(self, verb: Verb) -> bool {
        self >= verb.least_role()
    }

    /// The word in rows and commands.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Writer => "writer",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        [Self::Viewer, Self::Writer, Self::Admin]
            .into_iter()
            .find(|role| role.word() == text)
            .ok_or_else(|| Error::new(Kind::Invalid, "role must be viewer, writer or admin"))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One entry of a token's `access`, and what a `scope` asks for (distribution, token specification).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// `repository` or `registry`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The repository in canonical spelling, or `catalog`.
    pub name: String,
    /// `pull`, `push`, `delete`, `*`.
    pub actions: Vec<String>,
}

impl Scope {
    /// The scope a request on a repository needs.
    pub fn of(place: &Place, verbs: &[Verb]) -> Self {
        let actions = verbs.iter().map(|verb| verb.word().to_owned()).collect();
        Self { kind: "repository".to_owned(), name: place.to_string(), actions }
    }

    /// The scope the catalog needs.
    pub fn catalog() -> Self {
        Self { kind: "registry".to_owned(), name: "catalog".to_owned(), actions: vec!["*".to_owned()] }
    }

    /// The place it speaks of, if it is a repository of a legal name.
    pub fn place(&self) -> Option<Place> {
        (self.kind == "repository").then(|| self.name.parse().ok()).flatten()
    }

    /// As much of it as these verbs allow, none where that is nothing.
    pub fn narrowed(&self, verbs: &[Verb]) -> Option<Self> {
        let place = self.place()?;
        let verbs: Vec<Verb> = verbs.iter().copied().filter(|verb| self.allows(*verb)).collect();
        (!verbs.is_empty()).then(|| Self::of(&place, &verbs))
    }

    /// Whether it reaches everything the other one does.
    pub fn covers(&self, other: &Self) -> bool {
        let has = |action: &String| self.actions.contains(action);
        self.kind == other.kind && self.name == other.name && other.actions.iter().all(has)
    }

    fn allows(&self, verb: Verb) -> bool {
        self.actions.iter().any(|action| action == verb.word() || action == "*")
    }
}

impl FromStr for Scope {
    type Err = Error;

    /// `type[(class)]:name:action[,action]`: the type from the left, the actions from the right, for a name may
    /// hold a `:` of its own. The class is dropped.
    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid =
            || Error::new(Kind::Invalid, "scope must be type:name:action[,action]").with(Detail::Name);
        let (kind, rest) = text.split_once(':').ok_or_else(invalid)?;
        let (name, actions) = rest.rsplit_once(':').ok_or_else(invalid)?;
        let kind = kind.split('(').next().unwrap_or_default();
        if kind.is_empty() || name.is_empty() {
            return Err(invalid());
        }
        // A longer spelling of a repository is the same repository, so both get the canonical one.
        let name = match name.parse::<Place>() {
            Ok(place) if kind == "repository" => place.to_string(),
            _ => name.to_owned(),
        };
        let actions = actions.split(',').filter(|action| !action.is_empty()).map(str::to_owned).collect();
        Ok(Self { kind: kind.to_owned(), name, actions })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.kind, self.name, self.actions.join(","))
    }
}

/// How far a credential reaches, within what its owner may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// As far as its owner.
    Whole,
    /// Only this: a bearer token's, which is fetched anew where more is needed.
    Only(Vec<Scope>),
    /// Only this: an API token's, which stays as it is.
    Within(Reach),
    /// A bearer token's that was fetched with an API token.
    OnlyWithin(Vec<Scope>, Reach),
}

impl Access {
    /// The one registry that it reaches anything of, if there is just one: where its owner is at home.
    pub fn home(&self) -> Option<RegistryPlace> {
        match self {
            Self::Whole => None,
            Self::Within(reach) => reach.home(),
            Self::Only(scopes) | Self::OnlyWithin(scopes, _) => {
                one(scopes.iter().filter_map(Scope::place).map(|place| Some(place.registry_place())))
            }
        }
    }

    /// What the scopes of a bearer token make of the access that it was fetched with.
    #[must_use]
    pub fn only(self, scopes: Vec<Scope>) -> Self {
        match self {
            Self::Whole | Self::Only(_) => Self::Only(scopes),
            Self::Within(reach) | Self::OnlyWithin(_, reach) => Self::OnlyWithin(scopes, reach),
        }
    }

    /// What no other token of the same kind would widen.
    pub const fn reach(&self) -> Option<&Reach> {
        match self {
            Self::Within(reach) | Self::OnlyWithin(_, reach) => Some(reach),
            Self::Whole | Self::Only(_) => None,
        }
    }

    const fn scopes(&self) -> Option<&Vec<Scope>> {
        match self {
            Self::Only(scopes) | Self::OnlyWithin(scopes, _) => Some(scopes),
            Self::Whole | Self::Within(_) => None,
        }
    }

    /// Whether its scopes reach a verb at a place; if not, a token with others may.
    pub fn is_scoped_for(&self, place: &Place, verb: Verb) -> bool {
        let Some(scopes) = self.scopes() else { return true };
        let name = place.to_string();
        scopes.iter().any(|scope| scope.kind == "repository" && scope.name == name && scope.allows(verb))
    }

    /// Whether it may reach a verb in some repository of a registry.
    pub fn reaches_some_of(&self, registry: &RegistryPlace, verb: Verb) -> bool {
        let is_of =
            |scope: &Scope| scope.place().is_some_and(|place| place.is_in(registry)) && scope.allows(verb);
        let is_scoped = self.scopes().is_none_or(|scopes| scopes.iter().any(is_of));
        is_scoped && self.reach().is_none_or(|reach| reach.reaches_some_of(registry, verb))
    }

    /// Whether it reaches a verb at a place.
    pub fn reaches(&self, place: &Place, verb: Verb) -> bool {
        self.is_scoped_for(place, verb) && self.reach().is_none_or(|reach| reach.reaches(place, verb))
    }

    /// Whether it reaches the catalog.
    pub fn reaches_catalog(&self) -> bool {
        self.scopes().is_none_or(|scopes| {
            scopes.iter().any(|scope| scope.kind == "registry" && scope.name == "catalog")
        })
    }

    /// Whether a token of this access may make one of the other: only a narrower one, and a bearer token none.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Whole, Self::Whole | Self::Within(_)) => true,
            (Self::Within(reach), Self::Within(other)) => reach.covers(other),
            _ => false,
        }
    }
}

/// What all of them are, if it is the same.
pub(crate) fn one<T: PartialEq>(mut all: impl Iterator<Item = Option<T>>) -> Option<T> {
    let first = all.next()??;
    all.all(|other| other.as_ref() == Some(&first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn roles_include_the_ones_before() {
        let table =
            [(Role::Viewer, [true, false, false]), (Role::Writer, [true; 3]), (Role::Admin, [true; 3])];
        for (role, expected) in table {
            assert_eq!(Verb::ALL.map(|verb| role.allows(verb)), expected, "{role}");
        }
    }

    #[test]
    fn a_scope_is_read_from_both_ends() {
        let scope: Scope = "repository(plugin):host:5000/a:pull,push".parse().unwrap();
        assert_eq!((scope.kind.as_str(), scope.name.as_str()), ("repository", "host:5000/a"));
        assert_eq!(scope.actions, ["pull", "push"]);
        assert_eq!("repository:library/main/a:pull".parse::<Scope>().unwrap().name, "a");
        for bad in ["", "repository", "repository:a", ":a:pull", "repository::pull"] {
            assert!(bad.parse::<Scope>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn access_reaches_only_what_it_names() {
        let (a, b): (Place, Place) = ("acme/a".parse().unwrap(), "acme/b".parse().unwrap());
        let access = Access::Only(vec![Scope::of(&a, &[Verb::Pull])]);
        assert!(access.reaches(&a, Verb::Pull));
        assert!(!access.reaches(&a, Verb::Push));
        assert!(!access.reaches(&b, Verb::Pull));
        assert!(!access.reaches_catalog());
    }

    proptest! {
        #[test]
        fn a_printed_scope_parses_back(text in "[a-z]{1,4}:[a-z:/]{1,9}:[a-z]{1,4}(,[a-z]{1,4})?") {
            if let Ok(scope) = text.parse::<Scope>() {
                prop_assert_eq!(&scope, &scope.to_string().parse::<Scope>().unwrap());
            }
        }
    }
}
