//! What a store finds in the way when it is too late to ask before: somebody else was quicker, or said the last word. The
//! store says which it is; what the caller is told stands here.

use wharf_core::{Error, IssuerName, Kind, ProviderName, RegistryName, RobotName, RuleName, UserName};

/// What stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is a user of the name.
    UserExists(UserName),
    /// A user of the name was removed, which only an operator is told.
    UserRemoved(UserName),
    /// There is a user or an organisation of the name.
    NameTaken(String),
    /// Another user is known by the e-mail address.
    AddressTaken,
    /// There is a robot of the name.
    RobotExists(RobotName),
    /// There is a registry of the name.
    RegistryExists(RegistryName),
    /// The registry holds repositories; the one of this name, where the organisation was meant.
    RegistryHolds(Option<RegistryName>),
    /// The registry that is to be of another kind holds repositories.
    KindStands,
    /// The registry that is to be of another kind is a member of a virtual one.
    IsMember,
    /// The organisation has no registry of this name that could be a member.
    MemberUnknown(RegistryName),
    /// A virtual registry would be a member of itself, at whatever depth.
    ShowsItself,
    /// No other admin of the organisation can log in.
    LastAdmin,
    /// No other operator can log in.
    LastOperator,
    /// A second factor is set up.
    FactorStands,
    /// The login that was shown ended.
    LoginEnded,
    /// The password changed, or a second factor stands beside it.
    PasswordEnded,
    /// The token with which another one is made ended.
    ParentEnded,
    /// The link was used, ended, or is none.
    LinkEnded,
    /// The invitation was used, ended, or is none.
    InvitationEnded,
    /// There is an issuer of the name.
    IssuerExists(IssuerName),
    /// The same issuer is believed by this name.
    IssuerBelieved(String),
    /// There is a rule of the name.
    RuleExists(RuleName),
    /// A rule that lets the job in went.
    RuleGone,
    /// The issuer's token was used.
    TokenSpent,
    /// There is a provider of the name.
    ProviderExists(ProviderName),
    /// Passwords are shown to the provider of this name.
    PasswordsShown(String),
    /// The provider went.
    ProviderGone,
    /// The login at the provider was finished.
    ArrivalSpent,
    /// The provider's name for somebody new is no login.
    Nameless,
    /// The provider's name for somebody new is somebody else's login.
    Namesake,
    /// The user whom the provider lets in may not log in.
    ShutOut,
}

impl Refused {
    const fn kind(&self) -> Kind {
        match self {
            Self::UserExists(_)
            | Self::UserRemoved(_)
            | Self::NameTaken(_)
            | Self::AddressTaken
            | Self::RobotExists(_)
            | Self::RegistryExists(_)
            | Self::IssuerExists(_)
            | Self::IssuerBelieved(_)
            | Self::RuleExists(_)
            | Self::ProviderExists(_)
            | Self::TokenSpent
            | Self::Namesake => Kind::Exists,
            Self::RegistryHolds(_)
            | Self::KindStands
            | Self::IsMember
            | Self::LastAdmin
            | Self::LastOperator
            | Self::FactorStands
            | Self::PasswordsShown(_) => Kind::Conflict,
            Self::MemberUnknown(_) | Self::ShowsItself => Kind::Invalid,
            Self::LoginEnded | Self::PasswordEnded | Self::Nameless | Self::ShutOut => Kind::Unauthenticated,
            Self::ParentEnded
            | Self::LinkEnded
            | Self::InvitationEnded
            | Self::RuleGone
            | Self::ProviderGone
            | Self::ArrivalSpent => Kind::Denied,
        }
    }

    fn words(&self) -> String {
        let words = match self {
            Self::UserExists(name) => return format!("there is a user called {name} already"),
            Self::NameTaken(name) => return format!("the name {name} is taken"),
            Self::UserRemoved(name) => {
                return format!(
                    "the user {name} was removed, and nobody else gets that name: choose another"
                );
            }
            Self::RobotExists(name) => return format!("there is a robot called {name} already"),
            Self::RegistryExists(name) => return format!("there is a registry called {name} already"),
            Self::RegistryHolds(Some(name)) => {
                return format!("the registry {name} holds repositories: remove them first, or force it");
            }
            Self::MemberUnknown(name) => return format!("the organisation has no registry {name}"),
            Self::IssuerExists(name) => return format!("there is an issuer called {name} already"),
            Self::IssuerBelieved(name) => return format!("this issuer is believed already, as {name}"),
            Self::RuleExists(name) => return format!("there is a rule called {name} already"),
            Self::ProviderExists(name) => return format!("there is a provider called {name} already"),
            Self::PasswordsShown(name) => {
                return format!("passwords are shown to {name} already, and to no second one");
            }
            Self::RegistryHolds(None) => "the registry holds repositories: remove them first, or force it",
            Self::AddressTaken => "there is a user with this e-mail address already",
            Self::KindStands => {
                "the registry holds repositories, and what they are would change: make another one"
            }
            Self::IsMember => "a virtual registry shows this one: take it out there first",
            Self::ShowsItself => "a virtual registry would show itself",
            Self::LastAdmin => "the last admin of an organisation stays one: make another one first",
            Self::LastOperator => "the platform's last operator stays: make another one first",
            Self::FactorStands => "there is a second factor: remove it before another is set up",
            Self::LoginEnded => "the login ended before it began: try again",
            Self::PasswordEnded => "the password alone opens nothing any more",
            Self::ParentEnded => "the token that asks has ended",
            Self::LinkEnded => "the link is wrong, was used or has ended",
            Self::InvitationEnded => "the invitation is wrong, was used or has ended",
            Self::RuleGone => "a rule that let this job in was just removed",
            Self::TokenSpent => "the token was used before",
            Self::ProviderGone => "the provider was just removed",
            Self::ArrivalSpent => "this login was finished before: begin it again",
            Self::Nameless => {
                "the provider's name for you cannot be a login here: ask the operator of this Wharf"
            }
            Self::Namesake => {
                "somebody is called so here: log in with your password here if it is you, else ask the operator"
            }
            Self::ShutOut => "this user may not log in",
        };
        words.to_owned()
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::new(refused.kind(), refused.words())
    }
}
