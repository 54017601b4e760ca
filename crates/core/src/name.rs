//! Names of organisations, registries, repositories and users, and what an OCI name means.
//!
//! The number of components alone decides (design: tenancy and names): `hello` is library/main/hello, `acme/app`
//! is acme/main/app, `acme/team/a/b` is acme/team and repository `a/b`. The shortest spelling that parses back
//! to the same triple is the canonical one.

use std::{fmt, str::FromStr};

use crate::{Detail, Error, Kind};

/// The organisation an OCI name of one component belongs to.
const LIBRARY: &str = "library";
/// The registry every organisation is born with.
const MAIN: &str = "main";
/// Longest organisation, registry and user name.
const SHORT: usize = 64;
/// Longest repository name. Clients refuse a whole reference over 255 characters themselves.
pub(crate) const LONGEST_REPOSITORY: usize = 190;

/// First path segments that are Wharf's own, so that no organisation may be called so.
const RESERVED: &[&str] = &[
    "-",
    "_",
    "api",
    "artifacts",
    "assets",
    "assign",
    "bpf",
    "files",
    "health",
    "healthz",
    "helm",
    "hosts",
    "index",
    "index_report",
    "indexer",
    "keys",
    "login",
    "logout",
    "matcher",
    "memflow",
    "metrics",
    "notifier",
    "plugins",
    "pypi",
    "readyz",
    "robots.txt",
    "scan",
    "signup",
    "static",
    "token",
    "unassign",
    "v1",
    "v2",
];

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $longest:expr, $what:literal, $accepts:expr, $reserved:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                let accepts: fn(&str) -> bool = $accepts;
                if text.len() > $longest {
                    return Err(invalid(concat!($what, " is too long")));
                }
                if !accepts(text) {
                    return Err(invalid(concat!(
                        $what,
                        " must be lower-case letters and digits, joined by single '.', '_' or '-'"
                    )));
                }
                let reserved: &[&str] = $reserved;
                if reserved.contains(&text) {
                    return Err(invalid(concat!($what, " is reserved: Wharf has a path of that name; choose another")));
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// An organisation: one component, at most 64 characters, not a path of Wharf's own.
    OrganisationName, SHORT, "organisation name", is_component, RESERVED
}
name! {
    /// A registry within an organisation: one component, at most 64 characters.
    RegistryName, SHORT, "registry name", is_component, &[]
}
name! {
    /// A repository within a registry: components joined by `/`, at most 190 characters.
    RepositoryName, LONGEST_REPOSITORY, "repository name", |text| text.split('/').all(is_component), &[]
}
name! {
    /// The login of a user; a personal organisation takes the same name, so the same rule holds.
    UserName, SHORT, "user name", is_component, RESERVED
}

/// The login of a robot: its organisation and a name of its own, joined by a `+`, which no user's login holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RobotName(String);

impl RobotName {
    /// The robot of an organisation by the name it has there: one component, at most 64 characters.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn new(organisation: &OrganisationName, name: &str) -> Result<Self, Error> {
        match name.len() <= SHORT && is_component(name) {
            true => Ok(Self(format!("{organisation}+{name}"))),
            false => Err(invalid(
                "robot name must be at most 64 lower-case letters and digits, joined by single '.', '_' or '-'",
            )),
        }
    }

    /// The whole login.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name within the organisation.
    pub fn short(&self) -> &str {
        self.0.split_once('+').map_or("", |(_, name)| name)
    }
}

impl FromStr for RobotName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (organisation, name) =
            text.split_once('+').ok_or_else(|| invalid("a robot is called organisation+name"))?;
        Self::new(&organisation.parse()?, name)
    }
}

impl fmt::Display for RobotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

name! {
    /// A rule of a registry or about an issuer: one component, at most 64 characters.
    RuleName, SHORT, "rule name", is_component, &[]
}

name! {
    /// An issuer that an organisation believes: one component, at most 64 characters.
    IssuerName, SHORT, "issuer name", is_component, &[]
}
name! {
    /// A provider at which users of the platform log in: one component, at most 64 characters.
    ProviderName, SHORT, "provider name", is_component, &[]
}

impl OrganisationName {
    /// `library`, where names of one component live.
    pub fn library() -> Self {
        Self(LIBRARY.to_owned())
    }
}

impl RegistryName {
    /// `main`, the registry every organisation is born with.
    pub fn main() -> Self {
        Self(MAIN.to_owned())
    }
}

/// Where content lives: one repository of one registry of one organisation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The organisation.
    pub organisation: OrganisationName,
    /// The registry within it.
    pub registry: RegistryName,
    /// The repository within that.
    pub repository: RepositoryName,
}

/// A registry of an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegistryPlace {
    /// The organisation.
    pub organisation: OrganisationName,
    /// The registry within it.
    pub registry: RegistryName,
}

impl fmt::Display for RegistryPlace {
    /// Prints the organisation and the registry, whole.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.organisation, self.registry)
    }
}

impl FromStr for RegistryPlace {
    type Err = Error;

    /// Reads `organisation/registry`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let whole = || Error::new(Kind::Invalid, "a registry is named organisation/registry");
        let (organisation, registry) = text.split_once('/').ok_or_else(whole)?;
        Ok(Self { organisation: organisation.parse()?, registry: registry.parse()? })
    }
}

impl Place {
    /// Whether it lies in a registry.
    pub fn is_in(&self, registry: &RegistryPlace) -> bool {
        (&self.organisation, &self.registry) == (&registry.organisation, &registry.registry)
    }

    /// The registry it is in.
    pub fn registry_place(&self) -> RegistryPlace {
        RegistryPlace { organisation: self.organisation.clone(), registry: self.registry.clone() }
    }
}

impl FromStr for Place {
    type Err = Error;

    /// Reads an OCI name, in its canonical or a longer spelling.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (organisation, rest) = text.split_once('/').unwrap_or((LIBRARY, text));
        let (registry, repository) = rest.split_once('/').unwrap_or((MAIN, rest));
        Ok(Self {
            organisation: organisation.parse()?,
            registry: registry.parse()?,
            repository: repository.parse()?,
        })
    }
}

impl fmt::Display for Place {
    /// Prints the canonical spelling: the shortest that parses back to the same place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { organisation, registry, repository } = self;
        match (organisation.as_str(), registry.as_str(), repository.as_str().contains('/')) {
            (LIBRARY, MAIN, false) => write!(f, "{repository}"),
            (_, MAIN, false) => write!(f, "{organisation}/{repository}"),
            _ => write!(f, "{organisation}/{registry}/{repository}"),
        }
    }
}

fn invalid(message: &str) -> Error {
    Error::new(Kind::Invalid, message).with(Detail::Name)
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` of the distribution specification.
fn is_component(text: &str) -> bool {
    let alphanumeric = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = text.as_bytes();
    if !bytes.first().copied().is_some_and(alphanumeric) || !bytes.last().copied().is_some_and(alphanumeric) {
        return false;
    }
    // Cut at every letter and digit: what remains are the separators, whole.
    bytes.split(|c| alphanumeric(*c)).all(|separator| match separator {
        [] | b"." | b"_" | b"__" => true,
        dashes => dashes.iter().all(|c| *c == b'-'),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(text: &str) -> String {
        text.parse::<Place>().unwrap().to_string()
    }

    #[test]
    fn the_number_of_components_decides_what_a_name_means() {
        for (written, organisation, registry, repository) in [
            ("hello", "library", "main", "hello"),
            ("acme/app", "acme", "main", "app"),
            ("acme/team/app", "acme", "team", "app"),
            ("acme/team/a/b", "acme", "team", "a/b"),
        ] {
            let place: Place = written.parse().unwrap();
            assert_eq!(
                (place.organisation.as_str(), place.registry.as_str(), place.repository.as_str()),
                (organisation, registry, repository)
            );
            assert_eq!(place.to_string(), written);
        }
    }

    #[test]
    fn a_longer_spelling_prints_as_the_canonical_one() {
        assert_eq!(canonical("library/main/hello"), "hello");
        assert_eq!(canonical("acme/main/app"), "acme/app");
        assert_eq!(canonical("acme/main/a/b"), "acme/main/a/b");
        assert_eq!(canonical("library/main/a/b"), "library/main/a/b");
    }

    #[test]
    fn names_outside_the_grammar_are_refused() {
        let long = "a".repeat(191);
        for bad in [
            "",
            "/",
            "a//b",
            "/a",
            "a/",
            "A",
            "acme/App",
            "a..b",
            "a/../b",
            "..",
            ".",
            "-a",
            "a-",
            "a___b",
            "a._b",
            "a b",
            "a%2fb",
            "ü",
            "v2/app",
            "token/x",
            &format!("acme/{long}"),
            &format!("{}/a", "a".repeat(65)),
        ] {
            assert!(bad.parse::<Place>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_reserved_name_is_told_to_be_one() {
        for words in [
            "v2/app".parse::<Place>().unwrap_err().message().to_owned(),
            "plugins".parse::<UserName>().unwrap_err().message().to_owned(),
        ] {
            assert!(words.contains("reserved"), "{words}");
        }
    }

    #[test]
    fn names_inside_the_grammar_are_accepted() {
        for good in
            ["a", "a.b", "a_b", "a__b", "a-b", "a----b", "0/1/2/3", "x/blobs/uploads/manifests", "a/tags"]
        {
            assert!(good.parse::<Place>().is_ok(), "{good:?} was refused");
        }
    }

    proptest! {
        #[test]
        fn the_canonical_spelling_parses_back(text in "[a-z0-9]{1,3}([._-][a-z0-9]{1,2}){0,2}(/[a-z0-9]{1,3}){0,4}") {
            if let Ok(place) = text.parse::<Place>() {
                prop_assert_eq!(&place, &place.to_string().parse::<Place>().unwrap());
                prop_assert!(place.to_string().len() <= text.len());
            }
        }

        #[test]
        fn no_text_panics_the_parser(text in "\\PC*") {
            let _ = text.parse::<Place>();
        }
    }
}
