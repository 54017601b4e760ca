//! Who is calling, and who belongs where: users, passwords, tokens and the keys that sign them.
//!
//! [`Auth`] answers the one question every face asks ([`wharf_core::Authenticator`]), issues the bearer tokens of
//! the token endpoint, and manages accounts for an operator. What a known caller may do is not decided here but
//! by the gate, from his roles at the moment of each request: a token can only narrow that.

mod accounts;
mod api_tokens;
mod attempts;
mod audit_key;
#[cfg(feature = "contract")]
pub mod contract;
mod fingerprint;
mod identify;
mod invitations;
pub mod issuers;
mod keys;
mod known_tokens;
mod letters;
mod limits;
mod links;
mod logins;
mod meters;
mod organisations;
mod pace;
mod password;
mod people;
pub mod port;
mod proofs;
mod providers;
mod refresh;
mod remembered;
mod repeats;
mod right_lately;
mod robots;
mod seal;
mod second_factor;
mod secret_text;
mod settings;
mod sign_up;
mod token;
mod token_text;
mod turns;
mod upstreams;
mod users;
mod uses;
mod welcome;
pub mod workloads;

use std::sync::Arc;

use wharf_core::{
    Clock, Entropy, Error, Kind, Result, Secret, Vault,
    audit::{HeadSigner, Notebook},
    gate::Founders,
};

pub use crate::{
    accounts::{NewUser, Presence},
    api_tokens::{CreatedToken, NewToken},
    invitations::{CreatedInvitation, NewInvitation},
    limits::Limits,
    links::NewLink,
    logins::{LoginWish, NewLogin, proof_of, proves},
    meters::{Meters, PasswordLoad},
    people::KnownBy,
    providers::{Arrived, Departure, LocalPath, NewProvider, ProviderDoor, Question, Reply, Returning},
    repeats::{Begun, LONGEST_REPEAT_KEY},
    robots::RobotToken,
    seal::{Sealer, SealingKey},
    second_factor::{Enrolment, FactorState},
    settings::{PersonalOrganisations, Settings},
    sign_up::{Applicant, SignUp},
    token::{IssuedToken, SERVICE},
    upstreams::NewUpstream,
};
use crate::{
    attempts::Attempts,
    audit_key::AuditKey,
    issuers::{Documents, Issuers},
    keys::KeyRing,
    known_tokens::KnownTokens,
    pace::Pace,
    password::Passwords,
    port::{
        Accounts, Beliefs, Invitations, Keys, Letters, Links, Logins, Machines, People, Postman, Providers,
        Repeats, SecondFactors, Tenancy, UpstreamPolicy, Users,
    },
    providers::Outsiders,
    remembered::Remembered,
    turns::Turns,
    uses::Uses,
};

/// How long a bearer token lives, in seconds. Revocation does not wait for it: accounts are asked on each request.
pub const TOKEN_LIFETIME: i64 = 300;

/// What [`Auth`] works with.
pub struct Parts {
    /// Accounts.
    pub accounts: Arc<dyn Accounts>,
    /// Users, as an operator sees them.
    pub users: Arc<dyn Users>,
    /// Users, as people.
    pub people: Arc<dyn People>,
    /// Invitations, and who comes by them.
    pub invitations: Arc<dyn Invitations>,
    /// One-time links.
    pub links: Arc<dyn Links>,
    /// Letters that wait to be brought.
    pub letters: Arc<dyn Letters>,
    /// Who brings them, if they are sent at all.
    pub postman: Option<Arc<dyn Postman>>,
    /// Logins of browsers.
    pub logins: Arc<dyn Logins>,
    /// Second factors.
    pub factors: Arc<dyn SecondFactors>,
    /// Who belongs where.
    pub tenancy: Arc<dyn Tenancy>,
    /// API tokens and robots.
    pub machines: Arc<dyn Machines>,
    /// Requests that may be sent again.
    pub repeats: Arc<dyn Repeats>,
    /// Whom organisations believe.
    pub beliefs: Arc<dyn Beliefs>,
    /// The providers, where users log in that have no password here.
    pub providers: Arc<dyn Providers>,
    /// The way to those.
    pub provider_door: Arc<dyn ProviderDoor>,
    /// What issuers publish.
    pub documents: Arc<dyn Documents>,
    /// The audience that names this Wharf to issuers: its own address.
    pub audience: Option<String>,
    /// Where proxies may fetch from.
    pub upstream_policy: Arc<dyn UpstreamPolicy>,
    /// Signing keys.
    pub keys: Arc<dyn Keys>,
    /// Seals what lies at rest.
    pub sealer: Sealer,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// What one client may ask.
    pub limits: Limits,
    /// Who may make organisations.
    pub founders: Founders,
    /// How users come and go.
    pub settings: Settings,
    /// What is to be recorded beside transactions.
    pub notebook: Arc<Notebook>,
}

/// Knows who is calling. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Auth(Arc<Inner>);

struct Inner {
    accounts: Arc<dyn Accounts>,
    users: Arc<dyn Users>,
    people: Arc<dyn People>,
    invitations: Arc<dyn Invitations>,
    links: Arc<dyn Links>,
    letters: Arc<dyn Letters>,
    postman: Option<Arc<dyn Postman>>,
    logins: Arc<dyn Logins>,
    factors: Arc<dyn SecondFactors>,
    tenancy: Arc<dyn Tenancy>,
    machines: Arc<dyn Machines>,
    repeats: Arc<dyn Repeats>,
    beliefs: Arc<dyn Beliefs>,
    providers: Arc<dyn Providers>,
    provider_door: Arc<dyn ProviderDoor>,
    outsiders: Outsiders,
    turns: WaysIn,
    issuers: Issuers,
    audience: Option<String>,
    upstream_policy: Arc<dyn UpstreamPolicy>,
    uses: Uses,
    login_uses: Uses,
    founders: Founders,
    settings: Settings,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    attempts: Attempts,
    tries: Attempts,
    codes: Attempts,
    refused_jobs: Attempts,
    known_tokens: KnownTokens,
    pace: Pace,
    passwords: Passwords,
    remembered: Remembered,
    ring: KeyRing,
    audit_key: Arc<AuditKey>,
    meters: Meters,
    notebook: Arc<Notebook>,
}

/// The turns of those who are let in by what costs time: a look at a provider, a look through rules.
struct WaysIn {
    at_provider: Turns,
    of_jobs: Turns,
}

impl Auth {
    /// Opens the key ring, making the first key where there is none; before anything else, for it tells a wrong sealing key in
    /// words.
    ///
    /// # Errors
    /// `Invalid` when the sealing key is not the one this database was sealed with; `Unavailable`.
    pub async fn open(parts: Parts) -> Result<Self> {
        let ring =
            KeyRing::open(parts.keys.clone(), parts.sealer, parts.entropy.clone(), parts.clock.now()).await?;
        let audit_key = AuditKey::open(parts.keys.as_ref(), ring.sealer(), parts.entropy.as_ref()).await?;
        Ok(Self(Arc::new(Inner {
            passwords: Passwords::new(parts.entropy.as_ref(), parts.limits.password_queue)?,
            remembered: Remembered::new(parts.entropy.as_ref()),
            outsiders: Outsiders::new(parts.entropy.as_ref()),
            accounts: parts.accounts,
            users: parts.users,
            people: parts.people,
            invitations: parts.invitations,
            links: parts.links,
            letters: parts.letters,
            postman: parts.postman,
            logins: parts.logins,
            factors: parts.factors,
            tenancy: parts.tenancy,
            machines: parts.machines,
            repeats: parts.repeats,
            beliefs: parts.beliefs,
            providers: parts.providers,
            provider_door: parts.provider_door,
            turns: WaysIn { at_provider: providers::turns(), of_jobs: workloads::turns() },
            issuers: Issuers::new(parts.documents, parts.clock.clone()),
            audience: parts.audience,
            upstream_policy: parts.upstream_policy,
            uses: Uses::default(),
            login_uses: Uses::default(),
            founders: parts.founders,
            settings: parts.settings,
            clock: parts.clock,
            entropy: parts.entropy,
            attempts: Attempts::of_passwords(&parts.limits),
            tries: Attempts::of_strangers(&parts.limits),
            codes: Attempts::of_codes(),
            refused_jobs: Attempts::of_jobs(&parts.limits),
            known_tokens: KnownTokens::default(),
            pace: Pace::new(&parts.limits),
            ring,
            audit_key: Arc::new(audit_key),
            meters: Meters::default(),
            notebook: parts.notebook,
        })))
    }

    /// What is counted of the work.
    pub fn meters(&self) -> &Meters {
        &self.0.meters
    }

    /// Signs the heads of the audit log.
    pub fn head_signer(&self) -> Arc<dyn HeadSigner> {
        self.0.audit_key.clone()
    }

    /// How many passwords are being checked.
    pub fn password_load(&self) -> PasswordLoad {
        self.0.passwords.load()
    }

    /// Makes a new signing key when the newest is old, forgets those no token can have been signed with and tokens that
    /// ended, and writes down when API tokens were used.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn tend(&self) -> Result<()> {
        self.0.ring.tend(self.0.clock.now()).await?;
        self.tend_tokens().await?;
        self.tend_logins().await?;
        self.0.letters.remove_expired_promises(self.0.clock.now()).await?;
        self.0.links.remove_expired_links(self.0.clock.now()).await?;
        self.forget_repeats().await?;
        self.tend_workloads().await?;
        self.0.accounts.remove_expired_refreshes(self.0.clock.now()).await
    }
}

impl Vault for Auth {
    fn seal(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>> {
        self.0.ring.sealer().seal(self.0.entropy.as_ref(), purpose, plain)
    }

    fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Secret<Vec<u8>>> {
        self.0.ring.sealer().open(purpose, sealed)
    }
}

/// The one refusal of every credential that is not good, whatever is wrong with it.
fn unauthenticated() -> Error {
    Error::new(Kind::Unauthenticated, "invalid user name, password or token")
}
