//! The keys that say how users come and go.

use wharf_auth::PersonalOrganisations;
use wharf_core::Result;

use super::Sources;

/// How users come and go.
#[derive(Clone, Debug)]
pub(crate) struct People {
    pub(crate) personal_organisations: PersonalOrganisations,
}

impl People {
    /// Reads the group.
    pub(super) fn read(sources: &Sources) -> Result<Self> {
        Ok(Self { personal_organisations: sources.read("personal_orgs", personal_organisations)? })
    }
}

fn personal_organisations(text: &str) -> Option<PersonalOrganisations> {
    match text {
        "on" => Some(PersonalOrganisations::On),
        "off" => Some(PersonalOrganisations::Off),
        _ => None,
    }
}
