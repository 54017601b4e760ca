//! The commands.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use wharf_auth::{Auth, KnownBy, NewUser, Presence};
use wharf_core::{Actor, OperatorGrant, RegistryName, RegistryPlace, Result, Secret, UserName};
use wharf_registry::{Collected, CollectionWatch, Horizon, Registry, Share, Stage};

use super::{Desk, Membership, Outcome, Progress, Step, Unit, audit::Audit, key::Key, registry};
use crate::{
    as_text::AsText,
    first_start::{ADMIN, PASSWORD_FILE},
    management::RegistrySettings,
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
        name: AsText<UserName>,
        /// The password.
        password: String,
        /// What the user is to be, and where.
        memberships: Vec<AsText<Membership>>,
        /// Whether the user is to be an operator.
        operator: bool,
    },
    /// Sets a user's password.
    UserPasswd {
        /// The login.
        name: AsText<UserName>,
        /// The password.
        password: String,
    },
    /// Makes a registry, or changes it.
    RegistrySet {
        /// Which.
        registry: AsText<RegistryPlace>,
        /// What is to be set of it.
        settings: Box<RegistrySettings>,
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
    #[expect(clippy::disallowed_methods, reason = "who reaches the data directory is the operator")]
    pub(crate) async fn carry_out(self, desk: &Desk, progress: &Progress) -> Result<Outcome> {
        let Desk { registry: content, auth, data_dir, .. } = desk;
        let grant = auth.grant_operator(&Actor::job("command line")).await?;
        match self {
            Self::UserAdd { name: AsText(name), password, memberships, operator } => {
                let role_in = |AsText(Membership { organisation, role })| (organisation, role);
                let user = NewUser {
                    name,
                    password: Secret::new(password),
                    operator,
                    memberships: memberships.into_iter().map(role_in).collect(),
                    known_by: KnownBy::default(),
                };
                add_user(auth, &grant, user).await.map(Outcome::good)
            }
            Self::UserPasswd { name: AsText(name), password } => {
                auth.set_password(&grant, &name, &Secret::new(password)).await?;
                if name.as_str() == ADMIN {
                    data_dir.remove(PASSWORD_FILE)?;
                }
                let told = format!("user {name} has a new password; every token issued before has ended");
                Ok(Outcome::good(told))
            }
            Self::RegistrySet { registry: AsText(place), settings } => {
                registry::set(auth, &grant, place, *settings).await.map(Outcome::good)
            }
            Self::Key(key) => key.carry_out(&desk.signing, auth, &grant).await.map(Outcome::good),
            Self::Audit(audit) => audit.carry_out(&desk.audit, &grant, progress).await,
            Self::Gc(gc) => gc.carry_out(content, progress).await.map(Outcome::good),
            Self::Verify(how) => verify::verify(desk, &how, progress).await,
            Self::Backup(backup) => moving::back_up(desk, &backup, progress).await,
        }
    }
}

/// Makes a user; says so, and which organisations were made along the way.
async fn add_user(auth: &Auth, grant: &OperatorGrant, user: NewUser) -> Result<String> {
    let mut told = format!("user {} was made", user.name);
    let organisations: BTreeSet<_> = user.memberships.iter().map(|(organisation, _)| organisation).collect();
    for organisation in organisations {
        let main = RegistryPlace { organisation: organisation.clone(), registry: RegistryName::main() };
        if auth.presence(grant, &main).await? == Presence::Nothing {
            told += &format!("; {}", registry::was_made(organisation));
        }
    }
    auth.create_user(grant, user).await.map(|_| told)
}

impl Gc {
    async fn carry_out(self, registry: &Registry, progress: &Progress) -> Result<String> {
        let mut watch = Watch(progress);
        if self.dry_run {
            let due = registry.collectable(Horizon::Due, &mut watch).await?;
            let all = registry.collectable(Horizon::All, &mut watch).await?;
            return Ok(format!("due now: {}\nwithout the delay: {}", told(&due), told(&all)));
        }
        let horizon = if self.now { Horizon::All } else { Horizon::Due };
        let share = if self.force { Share::Everything } else { Share::Tenth };
        let collected = registry.collect(horizon, share, &mut watch).await?;
        Ok(format!("collected: {}; {} blobs went with their last", told(&collected), collected.blobs))
    }
}

/// Says how far a collection is, and ends it when nobody wants to know any more.
struct Watch<'a>(&'a Progress);

impl CollectionWatch for Watch<'_> {
    fn reviewed(&mut self, stage: Stage, reviews: u64) -> Result<()> {
        let what = match stage {
            Stage::Counting => "counting what nothing needs",
            Stage::Collecting => "collecting",
        };
        self.0.step(Step { what: what.to_owned(), done: reviews, total: None, unit: Unit::Rows })
    }
}

fn told(collected: &Collected) -> String {
    format!("{} memberships of blobs in repositories, {} bytes", collected.memberships, collected.bytes)
}
