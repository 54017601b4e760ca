//! How users come and go, as an operator sets it; the keys stand in `docs/configuration.md`.

/// The settings of [`Auth`](crate::Auth) that are about people.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whether a user finds an organisation of his own.
    pub personal_organisations: PersonalOrganisations,
}

/// Whether a user finds an organisation of his own, called as he is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PersonalOrganisations {
    /// From his first login on.
    #[default]
    On,
    /// Only if somebody makes one.
    Off,
}
