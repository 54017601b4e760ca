//! What a user is to be in an organisation, as the command line words it.

use std::{fmt, str::FromStr};

use wharf_core::{Error, Kind, OrganisationName, Role};

/// A role in an organisation, `organisation:role`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(super) organisation: OrganisationName,
    pub(super) role: Role,
}

impl FromStr for Membership {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::new(Kind::Invalid, "a membership is organisation:role");
        let (organisation, role) = text.split_once(':').ok_or_else(wrong)?;
        Ok(Self { organisation: organisation.parse()?, role: role.parse()? })
    }
}

impl fmt::Display for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.organisation, self.role)
    }
}
