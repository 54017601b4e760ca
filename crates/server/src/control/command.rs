//! The commands.

use serde::{Deserialize, Serialize};
use wharf_auth::{KnownBy, NewUser, port::RegistryChange};
use wharf_core::{Actor, Error, Kind, OrganisationName, RegistryPlace, Result, Role, Secret, UserName};

use wharf_registry::{Collected, Horizon, Registry, Share};

use super::{Desk, Outcome, Progress, audit::Audit, key::Key, source::RegistrySource};
use crate::{
    first_start::{ADMIN, PASSWORD_FILE},
    moving::{self, Backup},
    verify::{self, Verify},
};

/// A command on the data, as the command line words it. Secrets in it travel over the control socket only.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(crate) enum Command {
    /// Makes a user.
    UserAdd {
        /// The login.
        name: String,
        /// The password.
        password: String,
        /// `organisation:role`, any number of them.
        members: Vec<String>,
        /// Whether the user is to be an operator.
        operator: bool,
    },
    /// Sets a user's password.
    UserPasswd {
        /// The login.
        name: String,
        /// The password.
        password: String,
    },
    /// Makes a registry, or changes it.
    RegistrySet {
        /// `organisation/registry`
        registry: String,
        /// Whether anybody may pull.
        public: Option<bool>,
        /// Whether manifests may name content the repository lacks.
        accepts_missing_content: Option<bool>,
        /// Whether who pulls may be sent to where the bytes lie.
        redirects: Option<bool>,
        /// Whether, as long as it has no key, it takes plugins that nobody signed.
        accepts_unverified: Option<bool>,
        /// Where its content comes from.
        source: Box<RegistrySource>,
    },
    /// Works on the keys that a registry believes.
    Key(Key),
    /// Works on the audit log.
    Audit(Audit),
    /// Collects what nothing needs.
    Gc(Gc),
    /// Copies everything into a directory.
    Backup(Backup),
    /// Looks whether everything is there and right.
    Verify(Verify),
}

/// How to collect.
#[derive(Serialize, Deserialize, Clone, Copy)]
pub(crate) struct Gc {
    /// Only say what would be taken away.
    pub(crate) dry_run: bool,
    /// Do not wait for the delay.
    pub(crate) now: bool,
    /// Also if it is more than a tenth of everything.
    pub(crate) force: bool,
}

impl Command {
    /// Carries it out; says what to tell.
    #[allow(clippy::disallowed_methods, reason = "who reaches the data directory is the operator")]
    pub(crate) async fn carry_out(self, desk: &Desk, progress: &Progress) -> Result<Outcome> {
        let Desk { registry: content, auth, data_dir, .. } = desk;
        let grant = auth.grant_operator(&Actor::job("command line")).await?;
        match self {
            Self::UserAdd { name, password, members, operator } => {
                let memberships = members.iter().map(|text| membership(text)).collect::<Result<_>>()?;
                let user = NewUser {
                    name: name.parse()?,
                    password: Secret::new(password),
                    operator,
                    memberships,
                    known_by: KnownBy::default(),
                };
                auth.create_user(&grant, user).await?;
                Ok(Outcome::good(format!("user {name} was made")))
            }
            Self::UserPasswd { name, password } => {
                let user: UserName = name.parse()?;
                auth.set_password(&grant, &user, &Secret::new(password)).await?;
                if name == ADMIN {
                    data_dir.remove(PASSWORD_FILE)?;
                }
                let told = format!("user {name} has a new password; every token issued before has ended");
                Ok(Outcome::good(told))
            }
            Self::RegistrySet {
                registry,
                public,
                accepts_missing_content,
                redirects,
                accepts_unverified,
                source,
            } => {
                let RegistryPlace { organisation, registry: name } = registry.parse()?;
                let source = source.change(auth)?;
                let change =
                    RegistryChange { public, accepts_missing_content, redirects, accepts_unverified, source };
                auth.set_registry(&grant, organisation, name, change).await?;
                Ok(Outcome::good(format!("registry {registry} is set")))
            }
            Self::Key(key) => key.carry_out(&desk.signing, auth).await.map(Outcome::good),
            Self::Audit(audit) => audit.carry_out(&desk.audit, &grant, progress).await,
            Self::Gc(gc) => gc.carry_out(content).await.map(Outcome::good),
            Self::Verify(how) => verify::verify(desk, &how, progress).await,
            Self::Backup(backup) => moving::back_up(desk, &backup, progress).await,
        }
    }
}

impl Gc {
    async fn carry_out(self, registry: &Registry) -> Result<String> {
        if self.dry_run {
            let (due, all) =
                (registry.collectable(Horizon::Due).await?, registry.collectable(Horizon::All).await?);
            return Ok(format!("due now: {}\nwithout the delay: {}", told(&due), told(&all)));
        }
        let horizon = if self.now { Horizon::All } else { Horizon::Due };
        let share = if self.force { Share::Everything } else { Share::Tenth };
        let collected = registry.collect(horizon, share).await?;
        Ok(format!("collected: {}; {} blobs went with their last", told(&collected), collected.blobs))
    }
}

fn told(collected: &Collected) -> String {
    format!("{} memberships of blobs in repositories, {} bytes", collected.memberships, collected.bytes)
}

fn membership(text: &str) -> Result<(OrganisationName, Role)> {
    let wrong = || Error::new(Kind::Invalid, "a membership is organisation:role");
    let (organisation, role) = text.split_once(':').ok_or_else(wrong)?;
    Ok((organisation.parse()?, role.parse()?))
}
