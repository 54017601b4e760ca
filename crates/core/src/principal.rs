//! Who: principals, the credentials they used, and the one question every face asks.

use std::{fmt, net::IpAddr};

use async_trait::async_trait;

use crate::{Actor, Result, RobotName, Secret, UserName, hex};

/// The row id of a user or robot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccountId(pub i64);

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Nobody in particular.
    Anonymous,
    /// A user.
    User {
        /// The row id.
        id: AccountId,
        /// The login.
        name: UserName,
        /// The version of the account its credential was checked against; a later one ends the credential.
        version: i64,
    },
    /// A robot of an organisation.
    Robot {
        /// The row id.
        id: AccountId,
        /// The login.
        name: RobotName,
        /// As a user's.
        version: i64,
    },
    /// Wharf itself, in the job of this name.
    Job(&'static str),
}

impl Principal {
    /// A job of Wharf's own; only the job runner and the operator's command line make one.
    pub const fn job(name: &'static str) -> Self {
        Self::Job(name)
    }

    /// The account, if it has one.
    pub const fn account(&self) -> Option<AccountId> {
        match self {
            Self::User { id, .. } | Self::Robot { id, .. } => Some(*id),
            Self::Anonymous | Self::Job(_) => None,
        }
    }

    /// The version of the account, if it has one.
    pub const fn version(&self) -> Option<i64> {
        match self {
            Self::User { version, .. } | Self::Robot { version, .. } => Some(*version),
            Self::Anonymous | Self::Job(_) => None,
        }
    }

    /// What kind of principal, in records.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::User { .. } => "user",
            Self::Robot { .. } => "robot",
            Self::Job(_) => "job",
        }
    }

    /// Its name, in records and in tokens; empty for nobody.
    pub fn name(&self) -> &str {
        match self {
            Self::Anonymous => "",
            Self::User { name, .. } => name.as_str(),
            Self::Robot { name, .. } => name.as_str(),
            Self::Job(name) => name,
        }
    }
}

/// The SHA-256 of an API token's text, or of a login's. Prints as its id, which is its beginning.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// How many bytes the id has.
    pub const ID: usize = 8;
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0.split_at(Self::ID).0))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({self}…)")
    }
}

/// By what a principal was known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// By nothing.
    None,
    /// By the password.
    Password,
    /// By a bearer token of ours.
    Bearer {
        /// Its id.
        id: String,
        /// The API token it was fetched with, if it was.
        token: Option<TokenHash>,
    },
    /// By a refresh token, with its id.
    Refresh(i64),
    /// By an API token.
    Token(TokenHash),
    /// By the cookie of a login.
    Login(TokenHash),
    /// By being on the machine itself.
    Local,
}

impl Credential {
    /// Its kind, in a word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Password => "password",
            Self::Bearer { .. } => "bearer",
            Self::Refresh(_) => "refresh",
            Self::Token(_) => "token",
            Self::Login(_) => "login",
            Self::Local => "local",
        }
    }

    /// The credential in records: its kind, and its id after a colon; of a bearer token that was fetched with an API
    /// token, that one's too.
    pub fn record(&self) -> String {
        let kind = self.kind();
        match self {
            Self::None | Self::Password | Self::Local => kind.to_owned(),
            Self::Bearer { id, token: None } => format!("{kind}:{id}"),
            Self::Bearer { id, token: Some(hash) } => format!("{kind}:{id} token:{hash}"),
            Self::Refresh(id) => format!("{kind}:{id}"),
            Self::Token(hash) | Self::Login(hash) => format!("{kind}:{hash}"),
        }
    }
}

/// What a request shows of its sender.
#[derive(Clone, Debug)]
pub enum Presented {
    /// Nothing, or an empty user and password (which the conformance suite sends for "nobody").
    Nothing,
    /// A user name and a password.
    Basic {
        /// The claimed login, unparsed.
        user: String,
        /// The password.
        password: Secret<String>,
    },
    /// A bearer token.
    Bearer(Secret<String>),
    /// The cookie of a login. Only the doors that guard against forged requests show one.
    Cookie(Secret<String>),
}

/// Answers "who are you".
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// The actor behind what was presented.
    ///
    /// # Errors
    /// `Unauthenticated` for a wrong, forged, expired or revoked credential, with the same words and the same
    /// work for an unknown user; `RateLimited` when too many passwords wait to be checked.
    async fn authenticate(
        &self,
        presented: Presented,
        address: Option<IpAddr>,
        request_id: &str,
    ) -> Result<Actor>;
}
