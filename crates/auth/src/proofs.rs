//! Proving an address: a letter goes there, and whoever answers it has the mailbox.
//!
//! Who signs up where letters are sent becomes a user only then, so that nobody takes a name or an address in the name of
//! another; what is promised until then lies sealed with the hash of the password.

use serde::{Deserialize, Serialize};
use wharf_core::{
    Actor, EmailAddress, Error, Kind, PersonName, Result, Secret, TokenHash, UserName, Vault as _,
    audit::AuditRecord,
};

use crate::{
    Auth, KnownBy,
    port::{Carried, NewAccount, Person, PromiseRow, SignedUpBy},
    secret_text::{generate, hash_of},
};

/// What a proof begins with.
const PREFIX: &str = "wharf_proof_";
/// What promises are sealed for.
const PURPOSE: &str = "promise";
/// How long one stands, in seconds.
const LIFETIME: i64 = 24 * 3600;
/// What wrong proofs of one client are counted under.
const PROOFS: &str = "proofs";

/// What is done when a letter is answered.
#[derive(Serialize, Deserialize)]
enum Promise {
    /// This address is the account's.
    Address(String),
    /// Somebody becomes a user.
    SignUp {
        name: String,
        password_hash: String,
        email: String,
        given_name: Option<String>,
        family_name: Option<String>,
        invitation: Option<[u8; 32]>,
    },
}

/// Who becomes a user when the letter is answered.
pub(crate) struct Promised {
    pub(crate) name: UserName,
    pub(crate) password_hash: String,
    pub(crate) email: EmailAddress,
    pub(crate) known_by: KnownBy,
    pub(crate) invitation: Option<TokenHash>,
}

impl Auth {
    /// Sends a letter to who signs up. Where a user has the address, it says so to him and to nobody else.
    pub(crate) async fn promise_sign_up(&self, promised: Promised, record: AuditRecord) -> Result<()> {
        let Promised { name, password_hash, email, known_by, invitation } = promised;
        if self.0.letters.account_of_address(email.key()).await?.is_some() {
            return self.tell_owner(&email, &format!("wanted to sign up as {name}"), record).await;
        }
        let text = |name: Option<PersonName>| name.map(|name| name.to_string());
        let promise = Promise::SignUp {
            name: name.to_string(),
            password_hash,
            email: email.to_string(),
            given_name: text(known_by.given_name),
            family_name: text(known_by.family_name),
            invitation: invitation.map(|hash| hash.0),
        };
        let (proof, row) = self.promised(None, &promise, &record)?;
        let words = format!(
            "Somebody, perhaps you, signed up as {name} with this address. Open this within a day to go on:\n\n  {page}\n\n\
             or send the last part of that to /api/v1/verifications. If it was not you, throw this letter away.\n",
            page = self.page("verifications", &proof),
        );
        self.post((&email, "Your login", words), Carried::Promise(row), record).await
    }

    /// Tells who has a mailbox, and nobody else, that it is known as his already.
    async fn tell_owner(&self, email: &EmailAddress, what: &str, record: AuditRecord) -> Result<()> {
        let words = format!(
            "Somebody, perhaps you, {what} with this address, which has a login already. If that is lost, ask for a new \
             password. If it was not you, nothing has changed.\n"
        );
        self.post((email, "You have a login already", words), Carried::Nothing, record).await
    }

    /// Sends a letter to the address that a user says is his. Where it is known as another's, it says so there.
    pub(crate) async fn send_proof(&self, actor: &Actor, person: &Person) -> Result<()> {
        let (Some(id), Some(email)) = (actor.principal().account(), &person.email) else { return Ok(()) };
        let record = AuditRecord::new(self.0.clock.now(), actor, "user.verify.send");
        let name = actor.principal().name().to_owned();
        let record = AuditRecord { target: Some(name.clone()), ..record };
        if self.0.letters.account_of_address(email.key()).await?.is_some_and(|owner| owner != id) {
            return self.tell_owner(email, &format!("wanted the user {name} to be known"), record).await;
        }
        let (proof, row) = self.promised(Some(id), &Promise::Address(email.key()), &record)?;
        let words = format!(
            "The user {name} says that this address is his. Open this within a day if that is so:\n\n  {page}\n\n\
             or send the last part of that to /api/v1/verifications. If not, throw this letter away.\n",
            page = self.page("verifications", &proof),
        );
        self.post((email, "Your address", words), Carried::Promise(row), record).await
    }

    /// Does what was promised to who answers a letter.
    ///
    /// # Errors
    /// `Denied` for a proof that is none, was used or has ended, and where nobody may sign up any more; `RateLimited` after
    /// many of those; `Exists` where the name was taken meanwhile.
    pub async fn answer_letter(&self, nobody: &Actor, text: &Secret<String>) -> Result<()> {
        let now = self.0.clock.now();
        self.0.tries.expect_room(PROOFS, nobody.address(), now)?;
        let promise = match hash_of(PREFIX, text.expose()) {
            Some(hash) => self.0.letters.promise(hash, now).await?,
            None => None,
        };
        let row = promise.ok_or_else(|| self.refused_proof(nobody))?;
        let opened = self.open(PURPOSE, &row.sealed).ok_or_else(|| self.refused_proof(nobody))?;
        match (serde_json::from_slice(opened.expose()).map_err(Error::internal)?, row.account) {
            (Promise::Address(key), Some(account)) => {
                let record = AuditRecord::new(now, nobody, "user.verify");
                let name = self.0.accounts.by_id(account).await?.map(|account| account.name.to_string());
                let record = AuditRecord { target: name, ..record };
                match self.0.letters.verify_address((row.hash, account), key, record).await {
                    Ok(true) => Ok(()),
                    Err(error) if error.kind() != Kind::Exists => Err(error),
                    // Said in between by whoever had the mailbox first.
                    Ok(false) | Err(_) => Err(self.refused_proof(nobody)),
                }
            }
            (promise @ Promise::SignUp { .. }, None) => self.keep_sign_up(nobody, promise, row.hash).await,
            _ => Err(Error::internal("a promise is of another kind than its row")),
        }
    }

    async fn keep_sign_up(&self, nobody: &Actor, promise: Promise, hash: TokenHash) -> Result<()> {
        let Promise::SignUp { name, password_hash, email, given_name, family_name, invitation } = promise
        else {
            return Err(Error::internal("a promise is of another kind than its row"));
        };
        // What is set may have changed since the letter was written.
        self.expect_welcome(invitation.as_ref())?;
        let record = AuditRecord::new(self.0.clock.now(), nobody, "user.sign-up");
        let record = AuditRecord { target: Some(name.clone()), ..record };
        let name_of = |text: Option<String>| text.map(|text| text.parse()).transpose();
        let person = Person {
            email: Some(email.parse()?),
            verified_at: Some(record.at),
            given_name: name_of(given_name)?,
            family_name: name_of(family_name)?,
        };
        let (name, memberships) = (name.parse()?, Vec::new());
        let account = NewAccount { name, password_hash, operator: false, memberships, person };
        let by = SignedUpBy { invitation: invitation.map(TokenHash), promise: Some(hash) };
        self.0.invitations.sign_up(account, by, record).await.map(drop)
    }

    fn promised(
        &self,
        account: Option<wharf_core::AccountId>,
        promise: &Promise,
        record: &AuditRecord,
    ) -> Result<(Secret<String>, PromiseRow)> {
        let (text, hash) = generate(PREFIX, self.0.entropy.as_ref());
        let plain = serde_json::to_vec(promise).map_err(Error::internal)?;
        let (sealed, expires_at) = (self.seal(PURPOSE, &plain)?, record.at.plus_seconds(LIFETIME));
        Ok((text, PromiseRow { hash, account, sealed, expires_at }))
    }

    fn refused_proof(&self, nobody: &Actor) -> Error {
        self.0.tries.count(PROOFS, nobody.address(), self.0.clock.now());
        self.note_wrong(nobody, "verification.refused");
        Error::new(Kind::Denied, "the link is wrong, was used or has ended")
    }
}
