//! The commands on the keys that a registry believes.

use serde::{Deserialize, Serialize};
use wharf_auth::Auth;
use wharf_core::{Actor, OrganisationGrant, RegistryPlace, Result, duty::Administer};
use wharf_signing::{NewKey, PublicKey, RegistryKey, Signing};

/// What to do with a key of a registry, `organisation/registry`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(crate) enum Key {
    /// Lets the registry believe it.
    Add {
        /// Of which registry.
        registry: String,
        /// What the key is called there.
        name: String,
        /// The key.
        pem: String,
        /// Whether clients are told of it first.
        is_primary: bool,
        /// Until when what is signed by it is taken in (RFC 3339).
        expires_at: Option<String>,
    },
    /// Ends all belief in it.
    Revoke {
        /// Of which registry.
        registry: String,
        /// Which key.
        name: String,
    },
    /// Shows them all.
    List {
        /// Of which registry.
        registry: String,
    },
}

impl Key {
    /// Carries it out; says what to tell.
    pub(super) async fn carry_out(self, signing: &Signing, auth: &Auth) -> Result<String> {
        match self {
            Self::Add { registry, name, pem, is_primary, expires_at } => {
                let expires_at = expires_at.as_deref().map(str::parse).transpose()?;
                let key = PublicKey::from_pem(&pem)?;
                let told = format!("registry {registry} believes the key {name} ({})", key.id());
                let key = NewKey { name: name.parse()?, key, is_primary, expires_at };
                let place: RegistryPlace = registry.parse()?;
                signing.add_key(&grant(auth, &place).await?, &place.registry, key).await?;
                Ok(told)
            }
            Self::Revoke { registry, name } => {
                let place: RegistryPlace = registry.parse()?;
                signing.revoke_key(&grant(auth, &place).await?, &place.registry, &name.parse()?).await?;
                Ok(format!("registry {registry} believes no signature by {name} any more"))
            }
            Self::List { registry } => {
                let trust = signing.trust(&registry.parse()?).await?;
                Ok(trust.keys().iter().map(line).collect::<Result<Vec<_>>>()?.join("\n"))
            }
        }
    }
}

/// Who reaches the data directory may do what the organisation's admins may.
#[allow(clippy::disallowed_methods, reason = "who reaches the data directory is the operator")]
async fn grant(auth: &Auth, place: &RegistryPlace) -> Result<OrganisationGrant<Administer>> {
    auth.grant_organisation(&Actor::job("command line"), &place.organisation).await
}

fn line(key: &RegistryKey) -> Result<String> {
    let mut line = format!("{}  {}  {}", key.name, key.key.id(), key.key.algorithm().word());
    if key.is_primary {
        line += "  primary";
    }
    if let Some(end) = key.expires_at {
        line += &format!("  until {}", end.written()?);
    }
    if let Some(at) = key.revoked_at {
        line += &format!("  revoked {}", at.written()?);
    }
    Ok(line)
}
