//! One-time links, by which a user whose password is lost sets another: made by the operator, shown once; or asked for by
//! whoever gives the address, and sent there.
//!
//! A link is good for an hour and for one use. A user has one of each kind at a time: whoever asks for letters in his name ends
//! nothing that the operator gave him. It ends with whatever ends the account's
//! credentials, so that an old one opens nothing after the password was changed.

use tracing::Instrument as _;
use wharf_core::{
    Actor, EmailAddress, Error, Kind, OperatorGrant, Result, Secret, Subject, Timestamp, UserName,
    audit::AuditRecord,
};

use crate::{
    Auth,
    port::{Account, Carried, LinkRow, LinkWay, Login},
    secret_text::{generate, hash_of},
};

/// What the text of a link begins with.
const PREFIX: &str = "wharf_link_";
/// How long one lives, in seconds.
const LIFETIME: i64 = 3600;

/// A link that was just made.
#[derive(Debug)]
pub struct NewLink {
    /// Its text, which is shown this once.
    pub text: Secret<String>,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Auth {
    /// Makes a link by which a user sets another password. The one that was made so before ends.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` where the user may not log in.
    pub async fn create_link(&self, grant: &OperatorGrant, name: &UserName) -> Result<NewLink> {
        let account = self.0.accounts.by_name(name).await?;
        let account = account.ok_or_else(|| Error::not_found(Subject::User))?;
        if account.disabled {
            return Err(Error::new(
                Kind::Conflict,
                "the user is disabled, and a new password would not help",
            ));
        }
        let record = AuditRecord::by(self.0.clock.now(), grant, "user.reset");
        let record = AuditRecord { target: Some(name.to_string()), ..record };
        let (text, hash) = generate(PREFIX, self.0.entropy.as_ref());
        let expires_at = record.at.plus_seconds(LIFETIME);
        let (account, account_version) = (account.id, account.version);
        let link = LinkRow { hash, account, way: LinkWay::Handed, account_version, expires_at };
        self.0.links.add_link(link, record).await?;
        Ok(NewLink { text, expires_at })
    }

    /// Sets the password of the user whose link it is. Every login and token of before ends.
    ///
    /// # Errors
    /// `Denied` for a link that is none, was used or has ended; `RateLimited` after many of those; `Invalid` for a
    /// password that is none.
    pub async fn use_link(
        &self,
        nobody: &Actor,
        text: &Secret<String>,
        password: &Secret<String>,
    ) -> Result<()> {
        let now = self.0.clock.now();
        self.0.tries.expect_room(LINKS, nobody.address(), now)?;
        let link = match hash_of(PREFIX, text.expose()) {
            Some(hash) => self.0.links.link(hash, now).await?,
            None => None,
        };
        let link = link.ok_or_else(|| self.refused_link(nobody))?;
        let hash = self.0.passwords.hash(password, self.0.entropy.bytes()).await?;
        let account = self.0.accounts.by_id(link.account).await?;
        let Some(Login::User(name)) = account.map(|account| account.name) else {
            return Err(self.refused_link(nobody));
        };
        let record = AuditRecord::new(now, nobody, "user.password");
        let record = AuditRecord { target: Some(name.to_string()), ..record };
        if !self.0.links.use_link(link, hash, record).await? {
            return Err(self.refused_link(nobody));
        }
        self.forgive(name.as_str());
        Ok(())
    }

    /// Sends a link to whose address it is. The answer is the same, and is given at once, whether there is such a user or not.
    ///
    /// # Errors
    /// `Denied` where no mail is sent; `RateLimited` after many of this client, or for one address.
    pub fn request_link(&self, nobody: &Actor, address: &EmailAddress) -> Result<()> {
        self.expect_letters()?;
        let (now, key) = (self.0.clock.now(), address.key());
        for (what, client) in [(LETTERS, nobody.address()), (key.as_str(), None)] {
            self.0.tries.expect_room(what, client, now)?;
            self.0.tries.count(what, client, now);
        }
        let (auth, nobody) = (self.clone(), nobody.clone());
        let sending = async move {
            if let Err(error) = auth.send_link(&nobody, key).await {
                tracing::warn!(request_id = nobody.request_id(), ?error, "a link could not be sent");
            }
        };
        tokio::spawn(sending.in_current_span());
        Ok(())
    }

    async fn send_link(&self, nobody: &Actor, key: String) -> Result<()> {
        let Some(id) = self.0.letters.account_of_address(key).await? else { return Ok(()) };
        // Whose password lies elsewhere gets none here: it would outlast what is said of him there.
        let has_password = |account: &Account| !account.disabled && account.password_hash.is_some();
        let account = self.0.accounts.by_id(id).await?.filter(has_password);
        let (Some(account), Some(to)) = (account, self.0.people.person(id).await?.email) else {
            return Ok(());
        };
        let record = AuditRecord::new(self.0.clock.now(), nobody, "user.reset");
        let record = AuditRecord { target: Some(account.name.to_string()), ..record };
        let (text, hash) = generate(PREFIX, self.0.entropy.as_ref());
        let expires_at = record.at.plus_seconds(LIFETIME);
        let account_version = account.version;
        let link = LinkRow { hash, account: id, way: LinkWay::Sent, account_version, expires_at };
        let words = format!(
            "Somebody asked for a new password of the user {name}. Set one here, within an hour:\n\n  {page}\n\n\
             or send the last part of that to /api/v1/resets. If it was not you, nothing has changed: throw this \
             letter away.\n",
            name = account.name,
            page = self.page("resets", &text),
        );
        self.post((&to, "A new password", words), Carried::Link(link), record).await
    }

    fn refused_link(&self, nobody: &Actor) -> Error {
        self.0.tries.count(LINKS, nobody.address(), self.0.clock.now());
        self.note_wrong(nobody, "reset.refused");
        Error::new(Kind::Denied, "the link is wrong, was used or has ended")
    }
}

/// What wrong links of one client are counted under.
const LINKS: &str = "links";
/// What the letters are counted under that one client asks for.
const LETTERS: &str = "letters";
