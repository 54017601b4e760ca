//! Logins of browsers: a cookie instead of the password.
//!
//! A login is a row, of which the database has the hash of the cookie: listed, ended one by one, and all at once with
//! whatever ends the account's credentials, on every node. It ends when it was not used for a while, and after a time
//! whether used or not. The cookie is believed by the management alone ([`Auth::by_login`] is asked by no other door).

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use wharf_core::{
    Access, AccountId, Actor, Credential, Error, Kind, ProviderName, Result, Secret, SelfGrant, Subject,
    Timestamp, TokenHash, audit::AuditRecord,
};

use crate::{
    Auth,
    port::{Assurance, LoginRow},
    secret_text::{generate, hash_of},
};

/// What a cookie begins with.
const PREFIX: &str = "wharf_login_";
/// How many logins a user may have; with one more the oldest ends.
const MOST: u32 = 100;
/// How much is kept of what a browser calls itself, in characters.
const LONGEST_AGENT: usize = 200;

/// Who would like to be known by a cookie.
#[derive(Clone, Debug)]
pub struct LoginWish {
    /// The login, as it was typed.
    pub user: String,
    /// The password.
    pub password: Secret<String>,
    /// A code of the second factor, where the user has one.
    pub code: Option<Secret<String>>,
    /// What the browser calls itself.
    pub user_agent: Option<String>,
}

/// How somebody came who is to be known by a cookie.
#[derive(Clone, Debug)]
pub(crate) struct LoginWay {
    /// How sure it is who logs in.
    pub(crate) assurance: Assurance,
    /// At which provider; none: by the password.
    pub(crate) provider: Option<ProviderName>,
    /// What the browser calls itself.
    pub(crate) user_agent: Option<String>,
}

/// A login that was just made.
#[derive(Debug)]
pub struct NewLogin {
    /// What the cookie holds.
    pub text: Secret<String>,
    /// Its row.
    pub row: LoginRow,
}

impl Auth {
    /// Makes a login.
    ///
    /// # Errors
    /// `Unauthenticated` for a wrong name, password or code, and without a code where one is needed; `RateLimited` after
    /// many of those; `Unavailable`.
    pub async fn log_in(&self, wish: LoginWish, nobody: &Actor) -> Result<NewLogin> {
        let LoginWish { user, password, code, user_agent } = wish;
        let nobody = Actor::nobody(nobody.address(), nobody.request_id());
        let (actor, account) = self.by_password(&user, &password, nobody).await?;
        let assurance = if account.has_second_factor {
            self.expect_code(&account, code.as_ref(), &actor).await?;
            Assurance::Code
        } else {
            Assurance::Password
        };
        let known = (account.id, account.version);
        let actor = self.let_in(account, actor).await?;
        self.keep_login(known, &actor, LoginWay { assurance, provider: None, user_agent }).await
    }

    /// Makes the login of somebody who has shown all that is asked for.
    pub(crate) async fn keep_login(
        &self,
        (id, account_version): (AccountId, i64),
        actor: &Actor,
        way: LoginWay,
    ) -> Result<NewLogin> {
        let (text, hash) = generate(PREFIX, self.0.entropy.as_ref());
        let record = AuditRecord::new(self.0.clock.now(), actor, "login");
        let target = match way.provider {
            Some(provider) => format!("{hash} provider={provider}"),
            None => hash.to_string(),
        };
        let record = AuditRecord { target: Some(target), ..record };
        let row = LoginRow {
            hash,
            account: id,
            account_version,
            created_at: record.at,
            used_at: record.at,
            expires_at: record.at.plus_seconds(self.0.settings.login_lifetime),
            address: actor.address().map(|address| address.to_string()),
            user_agent: way.user_agent.map(|agent| displayed(&agent)),
        };
        self.0.logins.add_login(row.clone(), way.assurance, MOST, record).await?;
        Ok(NewLogin { text, row })
    }

    /// Who a cookie speaks for; nobody in particular where its login has ended.
    #[expect(clippy::disallowed_methods, reason = "the cookie of a login that lives stands for its user")]
    pub(crate) async fn by_login(&self, text: &Secret<String>, nobody: Actor) -> Result<Actor> {
        let Some(hash) = hash_of(PREFIX, text.expose()) else { return Ok(nobody) };
        let login = self.0.logins.login(hash).await?.filter(|login| self.lives(login));
        let Some(login) = login else { return Ok(nobody) };
        match self.account_at(login.account, login.account_version).await {
            Ok(principal) => {
                self.0.login_uses.note(hash, self.0.clock.now());
                Ok(nobody.known(principal, Credential::Login(hash), Access::Whole))
            }
            Err(error) if error.kind() == Kind::Unauthenticated => Ok(nobody),
            Err(error) => Err(error),
        }
    }

    /// The caller's own logins, the oldest first. A narrowed credential is not told.
    ///
    /// # Errors
    /// `Denied` to a narrowed credential; `Unavailable`.
    pub async fn logins(&self, grant: SelfGrant) -> Result<Vec<LoginRow>> {
        let grant = grant.whole()?;
        let logins = self.0.logins.logins(grant.account()).await?;
        let lively = logins.into_iter().filter(|login| self.lives(login));
        Ok(lively.map(|login| LoginRow { used_at: self.last_use(&login), ..login }).collect())
    }

    /// The login that the caller came by.
    ///
    /// # Errors
    /// `NotFound` where it was another credential; `Unavailable`.
    pub async fn own_login(&self, grant: &SelfGrant) -> Result<LoginRow> {
        let Credential::Login(hash) = grant.actor().credential() else { return Err(no_such_login()) };
        self.0.logins.login(*hash).await?.ok_or_else(no_such_login)
    }

    /// Ends one of the caller's own logins, by its id.
    ///
    /// # Errors
    /// `NotFound`; `Denied` to a narrowed credential; `Unavailable`.
    pub async fn remove_login(&self, grant: SelfGrant, id: &str) -> Result<()> {
        let logins = self.logins(grant.clone()).await?;
        let login =
            logins.into_iter().find(|login| login.hash.to_string() == id).ok_or_else(no_such_login)?;
        self.end_login(&grant, login.hash).await
    }

    /// Ends the login that the caller came by.
    ///
    /// # Errors
    /// `NotFound` where it was another credential; `Unavailable`.
    pub async fn log_out(&self, grant: &SelfGrant) -> Result<()> {
        let Credential::Login(hash) = grant.actor().credential() else { return Err(no_such_login()) };
        self.end_login(grant, *hash).await
    }

    async fn end_login(&self, grant: &SelfGrant, hash: TokenHash) -> Result<()> {
        let record = AuditRecord::by(self.0.clock.now(), grant, "login.delete");
        let record = AuditRecord { target: Some(hash.to_string()), ..record };
        let removed = self.0.logins.remove_login(grant.account(), hash, record).await?;
        if removed { Ok(()) } else { Err(no_such_login()) }
    }

    /// Writes down when logins were used, and forgets those that ended.
    pub(crate) async fn tend_logins(&self) -> Result<()> {
        let uses = self.0.login_uses.take();
        if !uses.is_empty() {
            self.0.logins.note_login_uses(uses).await?;
        }
        let now = self.0.clock.now();
        self.0.logins.remove_expired_logins(now, now.plus_seconds(-self.0.settings.login_idle)).await
    }

    fn lives(&self, login: &LoginRow) -> bool {
        let now = self.0.clock.now();
        login.expires_at > now && self.last_use(login).plus_seconds(self.0.settings.login_idle) > now
    }

    /// When a login was last used: what is noted here may not be written down yet.
    fn last_use(&self, login: &LoginRow) -> Timestamp {
        let noted = self.0.login_uses.latest(login.hash);
        noted.map_or(login.used_at, |noted| noted.max(login.used_at))
    }
}

/// What a page shows to prove that it is ours, beside the cookie that is sent whoever asks: made of what the cookie holds,
/// which no other page can read.
pub fn proof_of(cookie: &Secret<String>) -> Secret<String> {
    let text = format!("a page of ours has {}", cookie.expose());
    Secret::new(BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes())))
}

/// Whether a page shows that.
pub fn proves(shown: &[u8], cookie: &Secret<String>) -> bool {
    verify_slices_are_equal(shown, proof_of(cookie).expose().as_bytes()).is_ok()
}

/// The name of a browser as it may be shown.
fn displayed(agent: &str) -> String {
    agent.chars().filter(|c| !c.is_control()).take(LONGEST_AGENT).collect()
}

fn no_such_login() -> Error {
    Error::not_found(Subject::Login)
}
