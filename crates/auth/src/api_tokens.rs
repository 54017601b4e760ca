//! API tokens: made, listed, ended, and what they stand for when they come.
//!
//! The text is shown once; what is kept is its SHA-256, which tells nothing of 256 random bits. A token ends with its
//! owner's version, so with a new password, and at once wherever it is used: its row is asked for on every request.

use wharf_core::{
    Access, AccountId, Actor, Credential, Error, Kind, Principal, Reach, Result, Secret, SelfGrant, Subject,
    Timestamp, TokenHash, audit::AuditRecord,
};

use crate::{
    Auth,
    port::{Machines, TokenRow},
    token_text::{generate, hash_of},
    unauthenticated, workloads,
};

/// The longest name of a token, in bytes.
const LONGEST: usize = 100;
/// How long a token that ended stays in the database, in seconds.
const REMEMBERED: i64 = 30 * 24 * 3600;

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What its owner calls it.
    pub name: String,
    /// How far it reaches; none: as far as its owner.
    pub reach: Option<Reach>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// A token that was just made.
#[derive(Debug)]
pub struct CreatedToken {
    /// What its bearer sends, which is shown this once.
    pub text: Secret<String>,
    /// Its row.
    pub row: TokenRow,
}

/// Whose token it is.
pub(crate) struct Owner {
    pub(crate) account: AccountId,
    pub(crate) version: i64,
    pub(crate) name: String,
    /// The token it is made with: no other lives longer.
    pub(crate) parent: Option<TokenRow>,
}

impl Auth {
    /// Makes a token for the caller's own account.
    ///
    /// # Errors
    /// `Denied` where it would reach further than the credential that asks, and to a bearer token and a job; `Invalid`;
    /// `Conflict` where the account has as many as it may.
    pub async fn create_token(&self, grant: &SelfGrant, new: NewToken) -> Result<CreatedToken> {
        let principal = grant.actor().principal();
        expect_no_job(principal)?;
        expect_narrower(grant.actor(), new.reach.as_ref())?;
        let version = principal.version().unwrap_or_default();
        let parent = self.parent(grant.actor()).await?;
        let owner = Owner { account: grant.account(), version, name: principal.name().to_owned(), parent };
        let record = AuditRecord::by(self.0.clock.now(), grant, "token.create");
        self.make_token(owner, new, record).await
    }

    /// The caller's own tokens that have not ended; through an API token those only that it could have made.
    ///
    /// # Errors
    /// `Denied` to a job; `Unavailable`.
    pub async fn tokens(&self, grant: &SelfGrant) -> Result<Vec<TokenRow>> {
        expect_no_job(grant.actor().principal())?;
        let tokens = self.machines().tokens(grant.account(), self.0.clock.now()).await?;
        let seen = |token: &TokenRow| expect_narrower(grant.actor(), token.reach.as_ref()).is_ok();
        Ok(tokens.into_iter().filter(seen).collect())
    }

    /// Ends one of the caller's own tokens, by its id.
    ///
    /// # Errors
    /// As [`Auth::tokens`]; `NotFound`.
    pub async fn remove_token(&self, grant: &SelfGrant, id: &str) -> Result<()> {
        let token = named(self.tokens(grant).await?, id)?;
        let record = self.token_record(grant, "token.delete", &token);
        self.end(token, record).await
    }

    /// Who a text speaks for that is written as a token is; none where it is not.
    #[expect(clippy::disallowed_methods, reason = "a token that has not ended stands for its owner")]
    pub(crate) async fn by_token(&self, text: &str, nobody: &Actor) -> Result<Option<Actor>> {
        let Some(hash) = hash_of(text) else { return Ok(None) };
        let token = self.known_token(hash).await?;
        let principal = self.account_at(token.account, token.account_version).await?;
        self.0.uses.note(hash, self.0.clock.now());
        let access = token.reach.map_or(Access::Whole, Access::Within);
        Ok(Some(nobody.clone().known(principal, Credential::Token(hash), access)))
    }

    /// The token of a hash, if it has not ended.
    ///
    /// # Errors
    /// `Unauthenticated`; `Unavailable`.
    pub(crate) async fn known_token(&self, hash: TokenHash) -> Result<TokenRow> {
        let now = self.0.clock.now();
        let token = self.machines().token(hash).await?;
        token.filter(|token| token.expires_at.is_none_or(|ends| ends > now)).ok_or_else(unauthenticated)
    }

    /// Writes down when tokens were used, and forgets those that ended long ago.
    pub(crate) async fn tend_tokens(&self) -> Result<()> {
        let uses = self.0.uses.take();
        if !uses.is_empty() {
            self.machines().note_uses(uses).await?;
        }
        self.machines().remove_expired_tokens(self.0.clock.now().plus_seconds(-REMEMBERED)).await
    }

    pub(crate) async fn make_token(
        &self,
        owner: Owner,
        new: NewToken,
        record: AuditRecord,
    ) -> Result<CreatedToken> {
        let NewToken { name, reach, expires_at } = new;
        let now = self.0.clock.now();
        if name.is_empty() || name.len() > LONGEST || name.contains(char::is_control) {
            return Err(Error::new(Kind::Invalid, format!("a token has a name of 1 to {LONGEST} bytes")));
        }
        if expires_at.is_some_and(|ends| ends <= now) {
            return Err(Error::new(Kind::Invalid, "the token would have ended before it was made"));
        }
        let text = generate(self.0.entropy.as_ref());
        let hash = hash_of(text.expose()).ok_or_else(|| Error::internal("a token is not written as one"))?;
        let Owner { account, version: account_version, name: owner, parent } = owner;
        let ends = [expires_at, parent.as_ref().and_then(|parent| parent.expires_at)];
        let expires_at = ends.into_iter().flatten().min();
        let record = AuditRecord { target: Some(format!("{owner} {hash} {name}")), ..record };
        let row = TokenRow {
            row: 0,
            hash,
            account,
            account_version,
            name,
            reach,
            parent: parent.map(|parent| parent.hash),
            created_at: now,
            expires_at,
            used_at: None,
        };
        self.machines().add_token(row.clone(), record).await?;
        Ok(CreatedToken { text, row })
    }

    /// The token that an actor came with, if it was one.
    pub(crate) async fn parent(&self, actor: &Actor) -> Result<Option<TokenRow>> {
        match actor.credential() {
            Credential::Token(hash) => self.known_token(*hash).await.map(Some),
            _ => Ok(None),
        }
    }

    pub(crate) async fn end(&self, token: TokenRow, record: AuditRecord) -> Result<()> {
        let removed = self.machines().remove_token(token.account, token.hash, record).await?;
        if removed { Ok(()) } else { Err(no_such_token()) }
    }

    fn token_record(&self, grant: &SelfGrant, action: &'static str, token: &TokenRow) -> AuditRecord {
        let target = Some(format!("{} {}", grant.actor().principal().name(), token.hash));
        AuditRecord { target, ..AuditRecord::by(self.0.clock.now(), grant, action) }
    }

    pub(crate) fn machines(&self) -> &dyn Machines {
        self.0.machines.as_ref()
    }
}

/// Refuses a job: those whom the same rules let in share an account, and none may see, end or crowd what another was given.
fn expect_no_job(principal: &Principal) -> Result<()> {
    match principal {
        Principal::Robot { name, .. } if name.short().starts_with(workloads::PREFIX) => {
            Err(Error::new(Kind::Denied, "what a job was given makes, lists and ends no tokens"))
        }
        _ => Ok(()),
    }
}

/// Refuses a token that would reach further than what it is asked with.
fn expect_narrower(actor: &Actor, reach: Option<&Reach>) -> Result<()> {
    let wanted = reach.cloned().map_or(Access::Whole, Access::Within);
    let known_well =
        matches!(actor.credential(), Credential::Password | Credential::Login(_) | Credential::Token(_));
    if known_well
        && matches!(actor.principal(), Principal::User { .. } | Principal::Robot { .. })
        && actor.access().covers(&wanted)
    {
        return Ok(());
    }
    Err(Error::new(Kind::Denied, "a token is made by a password, a login, or a token that reaches as far"))
}

pub(crate) fn named(tokens: Vec<TokenRow>, id: &str) -> Result<TokenRow> {
    tokens.into_iter().find(|token| token.hash.to_string() == id).ok_or_else(no_such_token)
}

fn no_such_token() -> Error {
    Error::not_found(Subject::Token)
}
