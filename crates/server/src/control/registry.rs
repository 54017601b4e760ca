//! Making a registry, or changing it.

use wharf_auth::{
    Auth, NewUpstream, Presence,
    port::{RegistryChange, SourceChange},
};
use wharf_core::{OperatorGrant, OrganisationName, RegistryPlace, Result, Secret, Upstream};

use crate::management::{Acceptance, RegistrySettings, Switch, UpstreamLogin, UpstreamSettings};

/// Sets what the settings say; says what to tell.
pub(super) async fn set(
    auth: &Auth,
    grant: &OperatorGrant,
    place: RegistryPlace,
    settings: RegistrySettings,
) -> Result<String> {
    let told = match auth.presence(grant, &place).await? {
        Presence::Nothing => format!("{}; registry {place} is set", was_made(&place.organisation)),
        Presence::Organisation => format!("registry {place} was made"),
        Presence::Registry => format!("registry {place} is set"),
    };
    let change = change(settings, auth)?;
    auth.set_registry(grant, place.organisation, place.registry, change).await?;
    Ok(told)
}

/// What is told of an organisation that was made along the way: its name may be a typing error.
pub(super) fn was_made(organisation: &OrganisationName) -> String {
    format!("there was no organisation {organisation}, so it was made")
}

fn change(settings: RegistrySettings, auth: &Auth) -> Result<RegistryChange> {
    let accepts = |word| word == Acceptance::Accept;
    let source = SourceChange {
        kind: settings.kind.map(|kind| kind.0),
        upstream: settings.upstream.map(|upstream| sealed(upstream, auth)).transpose()?,
        members: settings.members.map(|names| names.into_iter().map(|name| name.0).collect()),
        reserved: settings.reserved,
        cooldown_days: settings.cooldown_days,
        lookalikes: settings.lookalikes,
        popular: settings.popular,
    };
    Ok(RegistryChange {
        public: settings.public,
        accepts_missing_content: settings.missing_content.map(accepts),
        redirects: settings.redirect.map(|word| word == Switch::On),
        accepts_unverified: settings.unverified.map(accepts),
        source,
    })
}

fn sealed(upstream: UpstreamSettings, auth: &Auth) -> Result<Upstream> {
    let UpstreamSettings { url, protocol, login } = upstream;
    let login = login.map(|UpstreamLogin { username, password }| (username, Secret::new(password)));
    auth.upstream(NewUpstream { url, protocol, authorities: None, login })
}
