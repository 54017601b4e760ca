//! The one question every face asks: who is calling?

use std::net::IpAddr;

use async_trait::async_trait;
use wharf_core::{
    Access, Actor, Authenticator, Credential, Error, Kind, Presented, Result, Secret, UserName,
    audit::AuditRecord,
};

use crate::{Auth, port::Account, second_factor::expect_token, unauthenticated};

#[async_trait]
impl Authenticator for Auth {
    async fn authenticate(
        &self,
        presented: Presented,
        address: Option<IpAddr>,
        request_id: &str,
    ) -> Result<Actor> {
        let actor = self.known(presented, Actor::nobody(address, request_id)).await;
        // Who is refused asked too, and as nobody in particular.
        let account = actor.as_ref().ok().and_then(|actor| actor.principal().account());
        self.0.pace.turn(account, address).await?;
        actor
    }
}

impl Auth {
    #[expect(clippy::disallowed_methods, reason = "a bearer token that is ours says whom it was issued to")]
    async fn known(&self, presented: Presented, nobody: Actor) -> Result<Actor> {
        match presented {
            Presented::Nothing => Ok(nobody),
            Presented::Basic { user, password } => match self.by_token(password.expose(), &nobody).await? {
                // Whatever the user is said to be: clients have names of their own for who comes with a token.
                Some(actor) => Ok(actor),
                None => {
                    let (actor, account) = self.by_password(&user, &password, nobody).await?;
                    if account.has_second_factor {
                        Err(expect_token())
                    } else {
                        self.let_in(account, actor).await
                    }
                }
            },
            Presented::Cookie(text) => self.by_login(&text, nobody).await,
            Presented::Bearer(token) => {
                if let Some(actor) = self.by_token(token.expose(), &nobody).await? {
                    return Ok(actor);
                }
                let verified = self.verify(&token).await;
                let (principal, access, credential) = verified.inspect_err(|error| {
                    let refused = error.kind() == Kind::Unauthenticated;
                    self.meters().tokens_refused.add(refused.into());
                })?;
                Ok(nobody.known(principal, credential, access))
            }
        }
    }

    /// A user by name and password: the same words and the same work whether or not there is such a user. Whether that is
    /// enough is for the caller to say.
    #[expect(clippy::disallowed_methods, reason = "a password that is right stands for its user")]
    pub(crate) async fn by_password(
        &self,
        user: &str,
        password: &Secret<String>,
        nobody: Actor,
    ) -> Result<(Actor, Account)> {
        let account = match user.parse::<UserName>() {
            Ok(name) => self.0.accounts.by_name(&name).await?,
            Err(_) => None,
        };
        // Whose password does not lie here may have it elsewhere.
        if account.as_ref().is_none_or(|account| account.password_hash.is_none())
            && let Some(actor) = self.by_provider((user, password), &nobody).await?
        {
            let account = match actor.principal().account() {
                Some(id) => self.0.accounts.by_id(id).await?,
                None => None,
            };
            return Ok((actor, account.ok_or_else(unauthenticated)?));
        }
        let account = account.filter(|account| !account.disabled);
        let (address, now) = (nobody.address(), self.0.clock.now());
        let right = self.is_right(user, account.as_ref(), password, address).await;
        let right = right.inspect_err(|error| self.count_unheard(error))?;
        match account {
            Some(account) if right => {
                let principal = account.clone().principal();
                Ok((nobody.known(principal, Credential::Password, Access::Whole), account))
            }
            account => {
                self.0.attempts.count(user, address, now);
                self.meters().passwords_wrong.increment();
                // What was typed as a name may be a password, so only a name that is known is written down.
                let known = account.as_ref().and(Some(user));
                let client = address.map(tracing::field::display);
                tracing::info!(request_id = nobody.request_id(), client, user = known, "password refused");
                self.record_refusal(user, &nobody);
                Err(unauthenticated())
            }
        }
    }

    /// Whether a password was right a moment ago, or is. Of those who bring the same at once one is heard, and the others
    /// know what came of it.
    async fn is_right(
        &self,
        user: &str,
        account: Option<&Account>,
        password: &Secret<String>,
        address: Option<IpAddr>,
    ) -> Result<bool> {
        let remembered = &self.0.remembered;
        let knows = || account.is_some_and(|it| remembered.knows(it, password, self.0.clock.now()));
        let known = knows() || {
            let _turn = remembered.turn(user, password).await;
            if !knows() {
                return self.hear(user, account, password, address).await;
            }
            true
        };
        self.meters().passwords_remembered.add(known.into());
        Ok(known)
    }

    /// Lets in whoever has shown all that is asked for.
    pub(crate) async fn let_in(&self, account: Account, actor: Actor) -> Result<Actor> {
        self.0.attempts.forget(actor.principal().name(), actor.address());
        self.welcome(&account, &actor).await;
        Ok(actor)
    }

    /// Whether a password is right, unless too many wrong ones came before or too many are being checked.
    pub(crate) async fn hear(
        &self,
        user: &str,
        account: Option<&Account>,
        password: &Secret<String>,
        address: Option<IpAddr>,
    ) -> Result<bool> {
        self.0.attempts.expect_room(user, address, self.0.clock.now())?;
        let right = self.meters().password_checks.time(self.check(account, password, address)).await?;
        self.meters().passwords_right.add(right.into());
        Ok(right)
    }

    fn count_unheard(&self, error: &Error) {
        self.meters().passwords_unheard.add((error.kind() == Kind::RateLimited).into());
    }

    async fn check(
        &self,
        account: Option<&Account>,
        password: &Secret<String>,
        address: Option<IpAddr>,
    ) -> Result<bool> {
        let hash = account.and_then(|account| account.password_hash.as_deref());
        let right = self.0.passwords.verify(password, hash, address).await?;
        if let Some(account) = account.filter(|_| right) {
            self.0.remembered.remember(account, password, self.0.clock.now());
        }
        Ok(right)
    }

    /// Notes a login that leaves nothing behind but a bearer token, issued against a password.
    pub fn note_login(&self, actor: &Actor) {
        self.0.notebook.note(AuditRecord::new(self.0.clock.now(), actor, "login"));
    }

    /// Notes that what a caller showed is wrong: a password that was asked for once more, a code, a link.
    pub(crate) fn note_wrong(&self, actor: &Actor, action: &'static str) {
        self.0.notebook.note(AuditRecord::new(self.0.clock.now(), actor, action));
    }

    /// Notes a refused login. Only what could be a login is kept: people type passwords into the wrong field.
    pub(crate) fn record_refusal(&self, user: &str, nobody: &Actor) {
        let target = user.parse::<UserName>().ok().map(|name| name.to_string());
        let record = AuditRecord::new(self.0.clock.now(), nobody, "login.refused");
        self.0.notebook.note(AuditRecord { target, ..record });
    }
}
