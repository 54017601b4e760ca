//! What a grant rests on, so that the transaction that uses the grant can ask for it once more.
//!
//! A grant is decided before its transaction begins, and what it was decided by may end in between. A store that carries
//! out a change looks the [`Standing`] of the warrant's holder up, holds it until the transaction ends, and asks
//! [`Warrant::expect`]: so a revocation that was acknowledged before the change is committed stops it.

use super::{Grant, OperatorGrant, OrganisationGrant, OrganisationId, SelfGrant, management::FoundingGrant};
use crate::{AccountId, Action, Actor, Credential, Duty, Error, Kind, Principal, Result, Role, TokenHash};

/// What must still hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// Nothing: Wharf itself acts.
    Nothing,
    /// That the holder is still let in.
    Account,
    /// That the holder is the platform's operator.
    Operator,
    /// That the holder has this role in an organisation, or is the operator.
    Role(OrganisationId, Role),
}

/// What a grant rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warrant {
    holder: Option<(AccountId, i64)>,
    token: Option<TokenHash>,
    login: Option<TokenHash>,
    need: Need,
}

/// What a store says of the holder of a warrant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether the account is let in with the version of the holder's credential, and the API token or the login behind
    /// that credential, if there is one, has not ended.
    pub is_let_in: bool,
    /// Whether the account is the platform's operator.
    pub operator: bool,
    /// The role in the warrant's organisation.
    pub role: Option<Role>,
}

impl Warrant {
    /// One that rests on nothing: what Wharf itself notes.
    pub const fn free() -> Self {
        Self { holder: None, token: None, login: None, need: Need::Nothing }
    }

    fn of(actor: &Actor, need: Need) -> Self {
        let token = match actor.credential() {
            Credential::Token(hash) => Some(*hash),
            Credential::Bearer { token, .. } => *token,
            Credential::None
            | Credential::Password
            | Credential::Refresh(_)
            | Credential::Login(_)
            | Credential::Local => None,
        };
        let login = match actor.credential() {
            Credential::Login(hash) => Some(*hash),
            _ => None,
        };
        let need = if matches!(actor.principal(), Principal::Job(_)) { Need::Nothing } else { need };
        Self { holder: actor.principal().account().zip(actor.principal().version()), token, login, need }
    }

    /// The account and the version of it that the holder's credential is of.
    pub const fn holder(&self) -> Option<(AccountId, i64)> {
        self.holder
    }

    /// The API token that the holder came by.
    pub const fn token(&self) -> Option<TokenHash> {
        self.token
    }

    /// The login that the holder came by.
    pub const fn login(&self) -> Option<TokenHash> {
        self.login
    }

    /// The organisation that a role is needed in, and the least role that will do.
    pub const fn role(&self) -> Option<(OrganisationId, Role)> {
        match self.need {
            Need::Role(organisation, least) => Some((organisation, least)),
            Need::Nothing | Need::Account | Need::Operator => None,
        }
    }

    /// Whether there is nothing to ask for.
    pub fn is_free(&self) -> bool {
        self.need == Need::Nothing
    }

    /// Refuses what is no longer allowed. Pure: a store says how the holder stands.
    ///
    /// # Errors
    /// `Unauthenticated` where the credential has ended; `Denied` where the right has.
    pub fn expect(&self, standing: &Standing) -> Result<()> {
        if self.is_free() {
            return Ok(());
        }
        if !standing.is_let_in {
            return Err(Error::new(Kind::Unauthenticated, "the credential ended while the request ran"));
        }
        let stands = match self.need {
            Need::Nothing | Need::Account => true,
            Need::Operator => standing.operator,
            Need::Role(_, least) => standing.operator || standing.role.is_some_and(|role| role >= least),
        };
        let ended = || Error::new(Kind::Denied, "the right to do this ended while the request ran");
        if stands { Ok(()) } else { Err(ended()) }
    }
}

/// A grant of any kind, as what is recorded of its use needs it.
pub trait Granted {
    /// Who acts.
    fn holder(&self) -> &Actor;
    /// What the grant rests on.
    fn warrant(&self) -> Warrant;
}

impl<A: Action> Granted for Grant<A> {
    fn holder(&self) -> &Actor {
        self.actor()
    }

    fn warrant(&self) -> Warrant {
        let need = match (&self.registry, self.organisation) {
            (Some(_), Some(organisation)) => Need::Role(organisation, A::VERB.least_role()),
            // What it names is about to be made, which is the operator's.
            _ => Need::Operator,
        };
        Warrant::of(self.actor(), need)
    }
}

impl<D: Duty> Granted for OrganisationGrant<D> {
    fn holder(&self) -> &Actor {
        self.actor()
    }

    fn warrant(&self) -> Warrant {
        let least = D::LEAST.map(|least| Need::Role(self.organisation(), least));
        Warrant::of(self.actor(), least.unwrap_or(Need::Account))
    }
}

impl Granted for OperatorGrant {
    fn holder(&self) -> &Actor {
        self.actor()
    }

    fn warrant(&self) -> Warrant {
        Warrant::of(self.actor(), Need::Operator)
    }
}

impl Granted for FoundingGrant {
    fn holder(&self) -> &Actor {
        self.actor()
    }

    fn warrant(&self) -> Warrant {
        Warrant::of(self.actor(), if self.is_operator() { Need::Operator } else { Need::Account })
    }
}

impl Granted for SelfGrant {
    fn holder(&self) -> &Actor {
        self.actor()
    }

    fn warrant(&self) -> Warrant {
        Warrant::of(self.actor(), Need::Account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(need: Need, standing: Standing) -> Option<Kind> {
        let warrant = Warrant { holder: None, token: None, login: None, need };
        warrant.expect(&standing).err().map(|error| error.kind())
    }

    #[test]
    fn a_warrant_holds_as_long_as_what_it_rests_on() {
        let role = Need::Role(OrganisationId(1), Role::Writer);
        let (gone, known) = (Standing::default(), Standing { is_let_in: true, ..Standing::default() });
        let (viewer, writer) = (Some(Role::Viewer), Some(Role::Writer));
        let operator = Standing { operator: true, ..known };
        assert_eq!(refusal(Need::Nothing, gone), None);
        for need in [Need::Account, Need::Operator, role] {
            assert_eq!(refusal(need, gone), Some(Kind::Unauthenticated), "{need:?}");
            assert_eq!(refusal(need, Standing { operator: true, ..gone }), Some(Kind::Unauthenticated));
            assert_eq!(refusal(need, operator), None, "{need:?}");
        }
        assert_eq!(refusal(Need::Account, known), None);
        assert_eq!(
            refusal(Need::Operator, Standing { role: Some(Role::Admin), ..known }),
            Some(Kind::Denied)
        );
        assert_eq!(refusal(role, Standing { role: viewer, ..known }), Some(Kind::Denied));
        assert_eq!(refusal(role, Standing { role: writer, ..known }), None);
        assert_eq!(refusal(role, Standing { role: writer, ..gone }), Some(Kind::Unauthenticated));
    }
}
