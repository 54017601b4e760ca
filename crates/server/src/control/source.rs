//! Where the content of a registry is to come from, as the command line words it.

use serde::{Deserialize, Serialize};
use wharf_auth::{Auth, NewUpstream, port::SourceChange};
use wharf_core::{Error, Kind, Protocol, Result, Secret, Upstream};

/// What is to be set; what is not said stays.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegistrySource {
    /// `hosted`, `proxy` or `virtual`.
    pub(crate) kind: Option<String>,
    /// The address of the upstream.
    pub(crate) upstream: Option<String>,
    /// What it speaks; `python` if not said.
    pub(crate) protocol: Option<String>,
    /// The user to log in as there.
    pub(crate) user: Option<String>,
    /// The password of that user.
    pub(crate) password: Option<String>,
    /// The registries that a virtual one shows.
    pub(crate) members: Option<Vec<String>>,
    /// Names that no upstream is asked for.
    pub(crate) reserved: Option<Vec<String>>,
    /// Files younger than so many days are hidden.
    pub(crate) cooldown_days: Option<u16>,
    /// What becomes of names that look like another.
    pub(crate) lookalikes: Option<String>,
    /// Names that others are made to look like.
    pub(crate) popular: Option<Vec<String>>,
}

impl RegistrySource {
    /// The change it stands for.
    ///
    /// # Errors
    /// `Invalid`.
    pub(crate) fn change(self, auth: &Auth) -> Result<SourceChange> {
        let Self { kind, upstream, protocol, user, password, members, reserved, .. } = self;
        if upstream.is_none() && (protocol.is_some() || user.is_some()) {
            let words = "an upstream is set as a whole: give its address too";
            return Err(Error::new(Kind::Invalid, words));
        }
        let login = user.zip(password);
        let upstream = upstream.map(|url| new_upstream(auth, &url, (protocol, login))).transpose()?;
        let names = |names: Vec<String>| names.iter().map(|name| name.parse()).collect::<Result<_>>();
        Ok(SourceChange {
            kind: kind.map(|word| word.parse()).transpose()?,
            upstream,
            members: members.map(names).transpose()?,
            reserved,
            cooldown_days: self.cooldown_days,
            lookalikes: self.lookalikes.map(|word| word.parse()).transpose()?,
            popular: self.popular,
        })
    }
}

fn new_upstream(
    auth: &Auth,
    url: &str,
    (protocol, login): (Option<String>, Option<(String, String)>),
) -> Result<Upstream> {
    let protocol = protocol.map_or(Ok(Protocol::Python), |word| word.parse())?;
    let login = login.map(|(user, password)| (user, Secret::new(password)));
    auth.upstream(NewUpstream { url: url.parse()?, protocol, authorities: None, login })
}
