//! A second factor for users with a password: codes of an authenticator (TOTP, RFC 6238), and recovery codes for when that
//! is lost.
//!
//! Where one stands, a password alone opens nothing: a login takes a code too, and every door that hears passwords sends
//! its caller to API tokens. A code is good for one use, though it is shown for half a minute and heard for some longer;
//! a wrong one counts as a wrong password does, and for its user wherever it comes from.

use aws_lc_rs::digest::{SHA256, digest};
use totp_rs::{Algorithm, Builder, Totp};
use wharf_core::{
    Actor, Credential, Detail, Error, Kind, OperatorGrant, Principal, Result, Secret, SelfGrant, Subject,
    UserName, Vault as _, audit::AuditRecord,
};

use crate::{
    Auth,
    port::{Account, Confirmation, FactorRow},
};

/// How many recovery codes there are.
const RECOVERY_CODES: usize = 10;
/// What seeds are sealed for.
const PURPOSE: &str = "second factor";
/// What authenticators call us.
const ISSUER: &str = "Wharf";
/// Seconds of a step.
const STEP: u64 = 30;
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A second factor that was begun, for an authenticator. It is shown this once.
#[derive(Debug)]
pub struct Enrolment {
    /// The seed in base32, to be typed.
    pub secret: Secret<String>,
    /// The same with everything else as `otpauth://…`, to be drawn as a code that a camera reads.
    pub url: Secret<String>,
}

/// How a user's second factor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactorState {
    /// Whether codes are asked for.
    pub enabled: bool,
    /// How many recovery codes are left.
    pub recovery_codes: u32,
}

impl Auth {
    /// How the caller's second factor stands.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn factor(&self, grant: SelfGrant) -> Result<FactorState> {
        let grant = grant.whole()?;
        let enabled = self.account_of(&grant).await?.has_second_factor;
        let row = self.0.factors.factor(grant.account()).await?;
        Ok(FactorState { enabled, recovery_codes: row.map_or(0, |row| row.recovery_codes) })
    }

    /// Begins a second factor for the caller, who says his password once more.
    ///
    /// # Errors
    /// `Denied` to who is no user, to a narrowed credential, and for a wrong password; `Conflict` where one stands.
    pub async fn begin_factor(&self, grant: SelfGrant, password: &Secret<String>) -> Result<Enrolment> {
        let grant = grant.whole()?;
        let Principal::User { name, .. } = grant.actor().principal() else { return Err(no_user()) };
        self.expect_password(&grant, Some(password)).await?;
        let seed: [u8; 20] = self.0.entropy.bytes();
        let totp = totp(&seed, name)?;
        let sealed = self.seal(PURPOSE, &seed)?;
        let record = self.factor_record(&grant, "totp.begin");
        self.0.factors.begin_factor(grant.account(), sealed, record).await?;
        let secret = totp_rs::Secret::from(seed).to_base32();
        let url = totp.to_url().map_err(Error::internal)?;
        Ok(Enrolment { secret: Secret::new(secret), url: Secret::new(url) })
    }

    /// Confirms it by a code of the authenticator. Other logins end, and so does what the password alone had opened; the
    /// recovery codes are shown this once.
    ///
    /// # Errors
    /// `Denied` for a wrong code; `RateLimited` after many; `Conflict` where none was begun.
    pub async fn confirm_factor(
        &self,
        grant: SelfGrant,
        code: &Secret<String>,
    ) -> Result<Vec<Secret<String>>> {
        let grant = grant.whole()?;
        let actor = grant.actor();
        let account = self.account_of(&grant).await?;
        let row = self.0.factors.factor(grant.account()).await?.filter(|_| !account.has_second_factor);
        let row = row.ok_or_else(|| Error::new(Kind::Conflict, "no second factor was begun"))?;
        self.begin_try(actor)?;
        let step = self.matching_step(&account, &row, code)?.ok_or_else(|| self.wrong_code(actor))?;
        self.end_try(actor);
        let texts: Vec<_> = (0..RECOVERY_CODES).map(|_| self.recovery_code()).collect();
        let recovery_codes = texts.iter().map(|text| hash(text.expose())).collect();
        let login = match actor.credential() {
            Credential::Login(hash) => Some(*hash),
            _ => None,
        };
        let record = self.factor_record(&grant, "totp.enable");
        let confirmation = Confirmation { step, recovery_codes, login };
        match self.0.factors.confirm_factor(grant.account(), confirmation, record).await? {
            true => Ok(texts),
            false => Err(Error::new(Kind::Conflict, "no second factor was begun")),
        }
    }

    /// Removes the caller's second factor, by a code of it.
    ///
    /// # Errors
    /// `Denied` for a wrong code; `RateLimited` after many; `NotFound` where there is none.
    pub async fn remove_factor(&self, grant: SelfGrant, code: &Secret<String>) -> Result<()> {
        let grant = grant.whole()?;
        let account = self.account_of(&grant).await?;
        if !account.has_second_factor {
            return Err(Error::not_found(Subject::SecondFactor));
        }
        let actor = grant.actor();
        self.begin_try(actor)?;
        if !self.is_code(&account, code, actor).await? {
            return Err(self.wrong_code(actor));
        }
        self.end_try(actor);
        let record = self.factor_record(&grant, "totp.disable");
        self.0.factors.remove_factor(grant.account(), record).await.map(drop)
    }

    /// Removes the second factor of a user who lost it.
    ///
    /// # Errors
    /// `NotFound` where there is no such user, or none of his.
    pub async fn remove_factor_of(&self, grant: &OperatorGrant, name: &UserName) -> Result<()> {
        let row = self.user(grant, name).await?;
        let record = AuditRecord::by(self.0.clock.now(), grant, "totp.disable");
        let record = AuditRecord { target: Some(name.to_string()), ..record };
        let removed = self.0.factors.remove_factor(row.id, record).await?;
        if removed { Ok(()) } else { Err(Error::not_found(Subject::SecondFactor)) }
    }

    /// Refuses a right password without a right code. A wrong one counts as a wrong password does, and after many no code is
    /// heard, though the password may be remembered; that one has to be asked for tells nobody anything who does not know
    /// the password.
    ///
    /// # Errors
    /// `Unauthenticated`; `RateLimited`; `Unavailable`.
    pub(crate) async fn expect_code(
        &self,
        account: &Account,
        code: Option<&Secret<String>>,
        actor: &Actor,
    ) -> Result<()> {
        let missing = || {
            let message = "this user has a second factor: a code is needed too";
            Error::new(Kind::Unauthenticated, message).with(Detail::SecondFactor)
        };
        let code = code.ok_or_else(missing)?;
        self.begin_try(actor)?;
        if self.is_code(account, code, actor).await? {
            self.end_try(actor);
            return Ok(());
        }
        let record = AuditRecord::new(self.0.clock.now(), actor, "login.refused");
        self.0.notebook.note(AuditRecord { target: Some(account.name.to_string()), ..record });
        Err(Error::new(Kind::Unauthenticated, "the code is wrong or was used").with(Detail::SecondFactor))
    }

    /// Whether a code opens an account's second factor, and uses it up.
    pub(crate) async fn is_code(
        &self,
        account: &Account,
        code: &Secret<String>,
        actor: &Actor,
    ) -> Result<bool> {
        let Some(row) = self.0.factors.factor(account.id).await? else { return Ok(false) };
        if let Some(step) = self.matching_step(account, &row, code)? {
            return self.0.factors.use_step(account.id, step).await;
        }
        let hash = hash(&code.expose().trim().to_ascii_lowercase());
        let record = AuditRecord::new(self.0.clock.now(), actor, "totp.recover");
        let record = AuditRecord { target: Some(account.name.to_string()), ..record };
        self.0.factors.use_recovery_code(account.id, hash, record).await
    }

    /// The step whose code it is: of now, or the one before or after, for clocks differ.
    fn matching_step(
        &self,
        account: &Account,
        row: &FactorRow,
        code: &Secret<String>,
    ) -> Result<Option<i64>> {
        let seed = self.open(PURPOSE, &row.seed);
        let seed = seed.ok_or_else(|| Error::internal("the seed of a second factor does not open"))?;
        let now = u64::try_from(self.0.clock.now().seconds()).map_err(Error::internal)?;
        let step = totp(seed.expose(), &account.name)?.check(code.expose().trim(), now);
        step.map(|step| i64::try_from(step).map_err(Error::internal)).transpose()
    }

    fn recovery_code(&self) -> Secret<String> {
        let chance: [u8; 16] = self.0.entropy.bytes();
        let letters = chance.iter().filter_map(|byte| ALPHABET.get(usize::from(byte % 32)));
        let letters: Vec<char> = letters.map(|byte| char::from(*byte)).collect();
        let parts: Vec<String> = letters.chunks(4).map(|part| part.iter().collect()).collect();
        Secret::new(parts.join("-"))
    }

    /// Counts a try before it is heard, so that many at once are no more than many in a row; a right one is forgotten.
    fn begin_try(&self, actor: &Actor) -> Result<()> {
        let (name, now) = (actor.principal().name(), self.0.clock.now());
        self.0.codes.expect_room(name, None, now)?;
        self.0.attempts.expect_room(name, actor.address(), now)?;
        self.0.codes.count(name, None, now);
        self.0.attempts.count(name, actor.address(), now);
        Ok(())
    }

    fn end_try(&self, actor: &Actor) {
        self.0.codes.forget(actor.principal().name(), None);
        self.0.attempts.forget(actor.principal().name(), actor.address());
    }

    fn wrong_code(&self, actor: &Actor) -> Error {
        self.note_wrong(actor, "totp.refused");
        Error::new(Kind::Denied, "the code is wrong or was used")
    }

    async fn account_of(&self, grant: &SelfGrant) -> Result<Account> {
        self.0.accounts.by_id(grant.account()).await?.ok_or_else(|| Error::not_found(Subject::User))
    }

    fn factor_record(&self, grant: &SelfGrant, action: &'static str) -> AuditRecord {
        let target = Some(grant.actor().principal().name().to_owned());
        AuditRecord { target, ..AuditRecord::by(self.0.clock.now(), grant, action) }
    }
}

/// The refusal of a right password that is not enough, at a door that takes no code.
pub(crate) fn expect_token() -> Error {
    let message = "this user has a second factor, so the password alone opens nothing: use an API token in its place \
                   (log in with a code, POST /api/v1/login, and make one, POST /api/v1/tokens)";
    Error::new(Kind::Unauthenticated, message).with(Detail::SecondFactor)
}

fn totp(seed: &[u8], name: &impl std::fmt::Display) -> Result<Totp> {
    let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_skew(1);
    let builder = builder.with_step_duration(STEP).with_secret(seed).with_issuer(Some(ISSUER));
    builder.with_account_name(name.to_string()).build().map_err(Error::internal)
}

fn no_user() -> Error {
    Error::new(Kind::Denied, "only a user has a second factor")
}

/// Recovery codes have 80 bits of chance, so that their hash needs no work to be safe.
fn hash(code: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, code.as_bytes()).as_ref());
    hash
}
