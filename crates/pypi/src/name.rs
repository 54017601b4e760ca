//! The name of a project, in its normal form: the only way into any handler, so that every spelling means one project.

use std::{fmt, str::FromStr};

use wharf_core::{Detail, Error, Kind, Place, RegistryPlace, Result};

/// Where the projects of a registry lie.
pub(crate) const FOLDER: &str = "pypi";

/// A project's name as PEP 503 normalises it: lower case, each run of `-`, `_` and `.` one dash.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ProjectName(String);

impl ProjectName {
    /// The normal form.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// As it stands in the names of files, where a dash separates (PEP 625, binary distribution format).
    pub(crate) fn in_filenames(&self) -> String {
        self.0.replace('-', "_")
    }

    /// The repository of the project.
    pub(crate) fn place(&self, registry: &RegistryPlace) -> Result<Place> {
        let RegistryPlace { organisation, registry } = registry.clone();
        Ok(Place { organisation, registry, repository: format!("{FOLDER}/{self}").parse()? })
    }

    /// The project whose repository this is, if it is one's.
    pub(crate) fn of(place: &Place) -> Option<Self> {
        let name = place.repository.as_str().strip_prefix(FOLDER)?.strip_prefix('/')?;
        name.parse().ok().filter(|project: &Self| project.0 == name)
    }
}

impl FromStr for ProjectName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let is_edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !is_edge(text.bytes().next()) || !is_edge(text.bytes().next_back()) || !text.bytes().all(is_inner)
        {
            let message = format!(
                "The name {text:?} is invalid: Start and end with a letter or numeral containing only ASCII numeric and '.', '_' and '-'."
            );
            return Err(Error::new(Kind::Invalid, message).with(Detail::Name));
        }
        let parts = text.split(['-', '_', '.']).filter(|part| !part.is_empty());
        Ok(Self(parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()))
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_is_one_project() {
        for spelling in
            ["friendly-bard", "Friendly-Bard", "FRIENDLY.BARD", "friendly_bard", "FrIeNdLy-._.-bArD"]
        {
            assert_eq!(spelling.parse::<ProjectName>().unwrap().as_str(), "friendly-bard");
        }
        for bad in ["", "-a", "a-", ".", "a b", "ä", "a/b", "a\n"] {
            assert!(bad.parse::<ProjectName>().is_err(), "{bad:?} was accepted");
        }
        let place = "acme/main/pypi/a-b".parse().unwrap();
        assert_eq!(ProjectName::of(&place).unwrap().in_filenames(), "a_b");
        for other in ["acme/main/pypi/a_b", "acme/main/pypi/a/b", "acme/main/other/a", "acme/pypi"] {
            assert_eq!(ProjectName::of(&other.parse().unwrap()), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn the_normal_form_is_stable_and_names_a_repository(text in "[A-Za-z0-9][A-Za-z0-9._-]{0,40}[A-Za-z0-9]") {
            let name: ProjectName = text.parse().unwrap();
            prop_assert_eq!(&name.as_str().parse::<ProjectName>().unwrap(), &name);
            let registry = RegistryPlace { organisation: "acme".parse().unwrap(), registry: "main".parse().unwrap() };
            prop_assert_eq!(ProjectName::of(&name.place(&registry).unwrap()), Some(name));
        }
    }
}
