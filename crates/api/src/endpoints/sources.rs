//! Where the content of a registry comes from, as it is named and as it is shown.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_auth::{Auth, port::Source};
use wharf_core::{Error, Kind, RegistryKind, Result, Secret, Upstream};

/// What a proxy is to fetch from.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUpstream {
    /// Its address: `https://…`, without a login.
    url: String,
    /// What it speaks: `python`, the simple repository API below this address, or `memflow`.
    protocol: String,
    /// Authorities in PEM that are believed over TLS beside those of the system.
    authorities: Option<String>,
    /// The user to log in as. It goes to this host only.
    username: Option<String>,
    /// The user's password or token. It is kept sealed, and never shown.
    password: Option<String>,
}

impl NewUpstream {
    /// The upstream as it is kept.
    ///
    /// # Errors
    /// `Invalid`.
    pub(crate) fn sealed(self, auth: &Auth) -> Result<Upstream> {
        let Self { url, protocol, authorities, username, password } = self;
        let login = match (username, password) {
            (Some(username), Some(password)) => Some((username, Secret::new(password))),
            (None, None) => None,
            _ => return Err(Error::new(Kind::Invalid, "a login is a user and a password")),
        };
        let (url, protocol) = (url.parse()?, protocol.parse()?);
        auth.upstream(wharf_auth::NewUpstream { url, protocol, authorities, login })
    }
}

/// Where the content of a registry comes from that is not hosted.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShownSource {
    /// What a proxy fetches from.
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<ShownUpstream>,
    /// The registries that a virtual one shows, in the order in which they are asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<Vec<String>>,
    /// Names that no upstream is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    reserved: Option<Vec<String>>,
    /// Files that an upstream published less than so many days ago are hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    cooldown_days: Option<u16>,
    /// What becomes of names that look like another.
    #[serde(skip_serializing_if = "Option::is_none")]
    lookalikes: Option<String>,
    /// Names that others are made to look like.
    #[serde(skip_serializing_if = "Option::is_none")]
    popular: Option<Vec<String>>,
}

/// What a proxy fetches from, without its password.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShownUpstream {
    /// Its address.
    url: String,
    /// What it speaks.
    protocol: String,
    /// Authorities in PEM that are believed over TLS beside those of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    authorities: Option<String>,
    /// The user to log in as.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
}

impl ShownSource {
    /// A source as it is shown: of a hosted registry nothing.
    pub(crate) fn of(source: Source) -> Self {
        let Source { kind, upstream, members, guard } = source;
        let is_elsewhere = kind != RegistryKind::Hosted;
        let members = members.iter().map(ToString::to_string).collect();
        Self {
            upstream: upstream.map(ShownUpstream::of),
            members: (kind == RegistryKind::Virtual).then_some(members),
            reserved: is_elsewhere.then_some(guard.reserved),
            cooldown_days: is_elsewhere.then_some(guard.cooldown_days),
            lookalikes: is_elsewhere.then(|| guard.lookalikes.word().to_owned()),
            popular: is_elsewhere.then_some(guard.popular),
        }
    }
}

impl ShownUpstream {
    fn of(upstream: Upstream) -> Self {
        let Upstream { url, protocol, authorities, login } = upstream;
        Self {
            url: url.into(),
            protocol: protocol.word().to_owned(),
            authorities,
            username: login.map(|login| login.username),
        }
    }
}
