//! The one error of all engines: closed kinds, no transport.
//!
//! What a client is told (`message`, `detail`) and what the log is told (`source`) are two fields; each face has
//! one file that maps kinds to its wire form.

use std::{error::Error as StdError, fmt, iter};

use crate::Scope;

/// `Result` with the engines' error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as far as any face needs to tell cases apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The thing does not exist, or the caller may not know that it does.
    NotFound(Subject),
    /// A thing of that name exists already.
    Exists,
    /// The request itself is wrong.
    Invalid,
    /// Nobody knows the caller, or the credential does not reach this far.
    Unauthenticated,
    /// The caller may know of the thing, but not do this.
    Denied,
    /// The state of the thing forbids this.
    Conflict,
    /// A condition of the request does not hold.
    PreconditionFailed,
    /// A range or an upload offset does not fit.
    OutOfRange,
    /// More bytes than are accepted here.
    TooLarge,
    /// The organisation's quota is used up.
    QuotaExceeded,
    /// The storage is full; reads and deletes go on.
    StorageFull,
    /// Too many requests of this caller.
    RateLimited,
    /// It took too long.
    Timeout,
    /// This registry does not do that.
    Unsupported,
    /// Not now; a later try may succeed.
    Unavailable,
    /// A fault of ours.
    Internal,
}

/// Which thing was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An organisation, registry or repository.
    Name,
    /// A manifest or a tag.
    Manifest,
    /// A blob.
    Blob,
    /// An upload.
    Upload,
    /// A user.
    User,
    /// A user who belongs to an organisation.
    Member,
    /// A robot.
    Robot,
    /// A webhook, or a delivery of one.
    Webhook,
    /// An API token.
    Token,
    /// A rule of a registry, or about an issuer.
    Rule,
    /// An issuer that is believed.
    Issuer,
    /// An invitation to an organisation.
    Invitation,
    /// A login of a browser.
    Login,
    /// The second factor of a user.
    SecondFactor,
}

/// What a client can act on beyond the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// The contents a manifest names and its repository lacks.
    Missing(Vec<String>),
    /// Where the upload really stands, in bytes.
    Offset(u64),
    /// The token is good but its `access` does not reach: one with these scopes would.
    InsufficientScope(Vec<Scope>),
    /// The size of the blob a range fell outside of, in bytes.
    Size(u64),
    /// The digest was wrong, rather than some other part of the request.
    Digest,
    /// The name was wrong.
    Name,
    /// The manifest was wrong.
    Manifest,
    /// The wish for a page was wrong.
    Page,
    /// The path or the query was too long.
    Target,
    /// A rule of the registry forbids it: its name.
    Rule(String),
    /// Only after so many seconds it may succeed.
    Wait(u64),
    /// The password is right, and the user has a second factor.
    SecondFactor,
    /// The path does not take the method, but these, written as in the header `Allow`.
    Allow(String),
}

/// An engine's refusal or failure.
pub struct Error {
    kind: Kind,
    message: String,
    detail: Option<Detail>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of this kind with the words the client reads.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), detail: None, source: None }
    }

    /// A thing that is not there (or must not be known).
    pub fn not_found(subject: Subject) -> Self {
        let message = match subject {
            Subject::Name => {
                "there is no such organisation, registry or repository, or none that you may see"
            }
            Subject::Manifest => "manifest unknown to the repository",
            Subject::Blob => "blob unknown to the repository",
            Subject::Upload => "upload unknown to the repository",
            Subject::User => "no such user",
            Subject::Member => "the organisation has no such member",
            Subject::Robot => "the organisation has no such robot",
            Subject::Webhook => "no such webhook or delivery",
            Subject::Token => "no such token",
            Subject::Invitation => "no such invitation",
            Subject::Login => "no such login",
            Subject::SecondFactor => "there is no second factor",
            Subject::Rule => "no such rule",
            Subject::Issuer => "no such issuer",
        };
        Self::new(Kind::NotFound(subject), message)
    }

    /// A fault of ours with its cause, which only the log sees.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Kind::Internal, "internal error").because(source)
    }

    /// A store that does not answer now, with its cause.
    pub fn unavailable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Kind::Unavailable, "a store is not available").because(source)
    }

    /// Adds what a client can act on.
    #[must_use]
    pub fn with(mut self, detail: Detail) -> Self {
        self.detail = Some(detail);
        self
    }

    /// Adds the cause for the log.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The kind.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The words for the client.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What a client can act on beyond the words.
    pub const fn detail(&self) -> Option<&Detail> {
        self.detail.as_ref()
    }

    /// Whether it is a fault of ours that the log must show, rather than the caller's.
    pub const fn is_fault(&self) -> bool {
        matches!(self.kind, Kind::Internal | Kind::Unavailable | Kind::StorageFull)
    }

    /// Whether another machine may answer otherwise at another time.
    pub const fn is_passing(&self) -> bool {
        matches!(self.kind, Kind::Unavailable | Kind::Timeout | Kind::RateLimited)
    }

    /// The words with those of all its causes: for who must act on it, and for no client.
    pub fn in_full(&self) -> String {
        iter::once(self.to_string()).chain(self.words_of_causes()).collect::<Vec<_>>().join(": ")
    }

    /// The words of all its causes, the nearest first. Some libraries put the words of a cause among their own: what was
    /// said already is left out.
    pub fn words_of_causes(&self) -> Vec<String> {
        let mut told: Vec<String> = Vec::new();
        for words in causes(self).map(ToString::to_string) {
            if !told.iter().any(|said| said.contains(&words)) {
                told.push(words);
            }
        }
        told
    }
}

/// What caused an error, the nearest cause first.
pub fn causes<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    iter::successors(error.source(), |cause| (*cause).source())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.in_full())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error as libraries write them: with the words of its cause among its own.
    #[derive(Debug)]
    struct Wordy(&'static str, Option<Box<Self>>);

    impl fmt::Display for Wordy {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl StdError for Wordy {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            self.1.as_deref().map(|cause| cause as &(dyn StdError + 'static))
        }
    }

    #[test]
    fn what_a_cause_repeats_is_told_once() {
        let last = Wordy("refused", None);
        let middle = Wordy("connect: refused", Some(Box::new(last)));
        let first = Wordy("PUT: connect: refused", Some(Box::new(Wordy("by proxy", Some(Box::new(middle))))));
        let error = Error::new(Kind::Unavailable, "no bucket").because(first);
        assert_eq!(error.words_of_causes(), ["PUT: connect: refused", "by proxy"]);
        assert_eq!(error.in_full(), "no bucket: PUT: connect: refused: by proxy");
        assert!(Error::new(Kind::Invalid, "no").words_of_causes().is_empty());
    }
}
