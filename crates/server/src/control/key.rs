//! The commands on the keys that a registry believes.

use serde::{Deserialize, Serialize};
use wharf_auth::{Auth, Presence};
use wharf_core::{
    Actor, Error, Kind, OperatorGrant, OrganisationGrant, RegistryPlace, Result, Subject, Timestamp,
    duty::Administer,
};
use wharf_signing::{KeyName, NewKey, PublicKey, RegistryKey, Signing};

use crate::as_text::AsText;

/// What to do with a key of a registry.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(crate) enum Key {
    /// Lets the registry believe it.
    Add {
        /// Of which registry.
        registry: AsText<RegistryPlace>,
        /// What the key is called there.
        name: AsText<KeyName>,
        /// The key.
        pem: String,
        /// Whether clients are told of it first.
        is_primary: bool,
        /// Until when what is signed by it is taken in, in microseconds since 1970.
        expires_at: Option<i64>,
    },
    /// Ends all belief in it.
    Revoke {
        /// Of which registry.
        registry: AsText<RegistryPlace>,
        /// Which key.
        name: AsText<KeyName>,
    },
    /// Shows them all.
    List {
        /// Of which registry.
        registry: AsText<RegistryPlace>,
    },
}

impl Key {
    /// Carries it out; says what to tell.
    pub(super) async fn carry_out(
        self,
        signing: &Signing,
        auth: &Auth,
        operator: &OperatorGrant,
    ) -> Result<String> {
        match self {
            Self::Add { registry: AsText(place), name: AsText(name), pem, is_primary, expires_at } => {
                let expires_at = expires_at.map(Timestamp::from_microseconds);
                let key = PublicKey::from_pem(&pem)?;
                let told = format!("registry {place} believes the key {name} ({})", key.id());
                let key = NewKey { name, key, is_primary, expires_at };
                signing.add_key(&grant(auth, &place).await?, &place.registry, key).await?;
                Ok(told)
            }
            Self::Revoke { registry: AsText(place), name: AsText(name) } => {
                signing.revoke_key(&grant(auth, &place).await?, &place.registry, &name).await?;
                Ok(format!("registry {place} believes no signature by {name} any more"))
            }
            Self::List { registry: AsText(place) } => {
                if auth.presence(operator, &place).await? != Presence::Registry {
                    let words = format!("there is no registry {place}");
                    return Err(Error::new(Kind::NotFound(Subject::Name), words));
                }
                let trust = signing.trust(&place).await?;
                Ok(trust.keys().iter().map(line).collect::<Result<Vec<_>>>()?.join("\n"))
            }
        }
    }
}

/// Who reaches the data directory may do what the organisation's admins may.
#[expect(clippy::disallowed_methods, reason = "who reaches the data directory is the operator")]
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
