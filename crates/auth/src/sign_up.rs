//! Sign-up: how strangers become users, where the operator lets them.
//!
//! Where letters are sent, an applicant becomes a user when the letter is answered, and the answer here is the same whether
//! the address is taken or not. Where none are, it tells, as it must: nothing else reaches who asks. Whether a name is
//! taken it always tells. One client may try now and then only, whatever comes of it.

use wharf_core::{Actor, Error, Kind, Result, Secret, UserName, audit::AuditRecord};

use crate::{
    Auth, KnownBy,
    port::{NewAccount, SignedUpBy},
    proofs::Promised,
};

/// What the sign-ups of one client are counted under.
const SIGN_UPS: &str = "sign-ups";

/// Who may become a user without the operator's doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignUp {
    /// Nobody.
    #[default]
    Off,
    /// Who was invited by an admin.
    Invite,
    /// Everybody.
    Open,
}

/// Who would like to become a user.
#[derive(Clone, Debug)]
pub struct Applicant {
    /// The login.
    pub name: UserName,
    /// The password.
    pub password: Secret<String>,
    /// What the user is to be known by.
    pub known_by: KnownBy,
    /// The text of an invitation.
    pub invitation: Option<Secret<String>>,
}

impl Auth {
    /// Who may sign up.
    pub fn sign_up_policy(&self) -> SignUp {
        self.0.settings.sign_up
    }

    /// Refuses everybody where nobody may sign up: before what somebody says of himself is looked at.
    ///
    /// # Errors
    /// `Denied`.
    pub fn expect_sign_up(&self) -> Result<()> {
        match self.0.settings.sign_up {
            SignUp::Invite | SignUp::Open => Ok(()),
            SignUp::Off => {
                Err(Error::new(Kind::Denied, "nobody signs up here: ask the operator for a login"))
            }
        }
    }

    /// Makes a user of an applicant.
    ///
    /// # Errors
    /// `Denied` where nobody may sign up, or without an invitation that holds; `RateLimited` after many tries;
    /// `Invalid`; `Exists` where the name or the address is taken.
    pub async fn sign_up(&self, applicant: Applicant, nobody: &Actor) -> Result<()> {
        let now = self.0.clock.now();
        self.expect_welcome(applicant.invitation.as_ref())?;
        self.0.tries.expect_room(SIGN_UPS, nobody.address(), now)?;
        self.0.tries.count(SIGN_UPS, nobody.address(), now);
        let Applicant { name, password, known_by, invitation } = applicant;
        let missing = || Error::new(Kind::Invalid, "who signs up gives an e-mail address");
        let email = known_by.email.clone().ok_or_else(missing)?;
        let invitation = match invitation {
            Some(text) => Some(self.open_invitation(&text, nobody).await?),
            None => None,
        };
        let password_hash = self.0.passwords.hash(&password, self.0.entropy.bytes()).await?;
        if self.0.invitations.is_name_taken(&name).await? {
            return Err(Error::new(Kind::Exists, format!("the name {name} is taken")));
        }
        let action = if self.sends_letters() { "user.sign-up.ask" } else { "user.sign-up" };
        let record = AuditRecord::new(now, nobody, action);
        let record = AuditRecord { target: Some(name.to_string()), ..record };
        if self.sends_letters() {
            let promised = Promised { name, password_hash, email, known_by, invitation };
            return self.promise_sign_up(promised, record).await;
        }
        let person = known_by.said();
        let account = NewAccount { name, password_hash, operator: false, memberships: Vec::new(), person };
        let by = SignedUpBy { invitation, promise: None };
        self.0.invitations.sign_up(account, by, record).await.map(drop)
    }

    /// Refuses who may not sign up: asked when somebody does, and again when the letter is answered.
    ///
    /// # Errors
    /// `Denied`.
    pub(crate) fn expect_welcome<T>(&self, invitation: Option<&T>) -> Result<()> {
        self.expect_sign_up()?;
        match (self.0.settings.sign_up, invitation) {
            (SignUp::Invite, None) => Err(Error::new(Kind::Denied, "signing up takes an invitation here")),
            _ => Ok(()),
        }
    }
}
