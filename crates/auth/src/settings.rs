//! How users come and go, as an operator sets it; the keys stand in `docs/configuration.md`.

use crate::SignUp;

/// The settings of [`Auth`](crate::Auth) that are about people.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether a user finds an organisation of his own.
    pub personal_organisations: PersonalOrganisations,
    /// Who may become a user without the operator's doing.
    pub sign_up: SignUp,
    /// How long a login of a browser lives without being used, in seconds.
    pub login_idle: i64,
    /// How long one lives, used or not, in seconds.
    pub login_lifetime: i64,
    /// Where this Wharf is reached, as configured, without a slash at its end: letters lead there.
    pub public_url: Option<String>,
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
