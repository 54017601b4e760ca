//! The keys that say how users come and go.

use std::{path::PathBuf, time::Duration};

use wharf_auth::{PersonalOrganisations, SignUp};
use wharf_core::{EmailAddress, Error, Kind};

use super::{RawValues, values};
use crate::failure::Failure;

/// How users come and go.
#[derive(Clone, Debug)]
pub(crate) struct People {
    pub(crate) personal_organisations: PersonalOrganisations,
    pub(crate) sign_up: SignUp,
    pub(crate) login_idle: Duration,
    pub(crate) login_lifetime: Duration,
    pub(crate) letters: Option<Letters>,
}

/// How letters are sent.
#[derive(Clone, Debug)]
pub(crate) struct Letters {
    pub(crate) url: String,
    pub(crate) from: EmailAddress,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) authorities: Option<PathBuf>,
}

impl People {
    /// Reads the group.
    pub(super) fn read(raw: &RawValues) -> Result<Self, Failure> {
        Ok(Self {
            personal_organisations: raw.read("personal_orgs", personal_organisations)?,
            sign_up: raw.read("sign_up", sign_up)?,
            login_idle: raw.read("login_idle", values::patience)?,
            login_lifetime: raw.read("login_lifetime", values::patience)?,
            letters: letters(raw)?,
        })
    }
}

fn letters(raw: &RawValues) -> Result<Option<Letters>, Failure> {
    let path = |name| raw.read(name, |text| Some(values::optional(text).map(PathBuf::from)));
    let url = raw.read("smtp_url", |text| Some(values::optional(text)))?;
    let from = raw.read("smtp_from", values::if_any(|text| text.parse().ok()))?;
    let (password_file, authorities) = (path("smtp_password_file")?, path("smtp_authorities")?);
    let is_public = raw.read("public_url", |text| Some(values::optional(text)))?.is_some();
    let half = |words: &str| Err(Error::new(Kind::Invalid, words).into());
    match (url, from) {
        (Some(url), Some(from)) if is_public => Ok(Some(Letters { url, from, password_file, authorities })),
        (None, None) => Ok(None),
        // What a request calls this server may be a stranger's word for it.
        (Some(_), _) => half("smtp_url is given, and needs smtp_from and public_url"),
        (None, Some(_)) => half("smtp_from is given, but no smtp_url"),
    }
}

fn personal_organisations(text: &str) -> Option<PersonalOrganisations> {
    match text {
        "on" => Some(PersonalOrganisations::On),
        "off" => Some(PersonalOrganisations::Off),
        _ => None,
    }
}

fn sign_up(text: &str) -> Option<SignUp> {
    match text {
        "off" => Some(SignUp::Off),
        "invite" => Some(SignUp::Invite),
        "open" => Some(SignUp::Open),
        _ => None,
    }
}
