//! The gate before everything that is not content: organisations, what belongs to them, and oneself.

use std::marker::PhantomData;

use super::OrganisationId;
use crate::{Access, AccountId, Actor, Error, Kind, OrganisationName, Principal, Result, Role, Subject};

/// What is done to an organisation itself, as a type, so that an [`OrganisationGrant`] says what it is for.
pub trait Duty: Send + Sync + 'static {
    /// The least role that does it; none: whoever may know the organisation.
    const LEAST: Option<Role>;
}

/// The types of duties.
pub mod duty {
    use super::{Duty, Role};

    /// Look at the organisation and at those of its registries that one may read.
    #[derive(Debug)]
    pub struct Visit;
    /// Look at who and what belongs to it.
    #[derive(Debug)]
    pub struct Belong;
    /// Change members, robots, registries and what is set about them.
    #[derive(Debug)]
    pub struct Administer;

    impl Duty for Visit {
        const LEAST: Option<Role> = None;
    }
    impl Duty for Belong {
        const LEAST: Option<Role> = Some(Role::Viewer);
    }
    impl Duty for Administer {
        const LEAST: Option<Role> = Some(Role::Admin);
    }
}

/// What the store says of an actor in an organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrganisationRights {
    /// Whether the actor is the platform's operator.
    pub operator: bool,
    /// The actor's role.
    pub role: Option<Role>,
    /// The organisation, if it exists.
    pub organisation: Option<OrganisationId>,
    /// Whether one of its registries is public.
    pub open: bool,
}

impl OrganisationRights {
    fn rules(&self, principal: &Principal) -> bool {
        self.operator || matches!(principal, Principal::Job(_))
    }

    fn belongs(&self, principal: &Principal) -> bool {
        self.rules(principal) || self.role.is_some()
    }

    fn allows(&self, principal: &Principal, least: Option<Role>) -> bool {
        match least {
            None => self.belongs(principal) || self.open,
            Some(least) => self.rules(principal) || self.role.is_some_and(|role| role >= least),
        }
    }
}

/// How much of an organisation an actor sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Everything: it belongs to it.
    Whole,
    /// What is public.
    Public,
}

/// Proof that an actor may do `D` to an organisation. Cannot be made but by [`decide_organisation`].
#[derive(Debug)]
pub struct OrganisationGrant<D: Duty> {
    actor: Actor,
    name: OrganisationName,
    organisation: OrganisationId,
    role: Option<Role>,
    sight: Sight,
    duty: PhantomData<D>,
}

impl<D: Duty> OrganisationGrant<D> {
    /// Who acts.
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The organisation's name.
    pub const fn name(&self) -> &OrganisationName {
        &self.name
    }

    /// The organisation.
    pub const fn organisation(&self) -> OrganisationId {
        self.organisation
    }

    /// The actor's role in it.
    pub const fn role(&self) -> Option<Role> {
        self.role
    }

    /// How much of it the actor sees.
    pub const fn sight(&self) -> Sight {
        self.sight
    }
}

/// Proof that an account acts on itself.
#[derive(Clone, Debug)]
pub struct SelfGrant {
    actor: Actor,
    account: AccountId,
}

impl SelfGrant {
    /// Who acts.
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The account.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// The same for what only a credential of the account's whole reach does.
    ///
    /// # Errors
    /// `Denied` to one that is narrowed.
    pub fn whole(self) -> Result<Self> {
        if *self.actor.access() == Access::Whole { Ok(self) } else { Err(narrowed()) }
    }
}

/// Who may make organisations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Founders {
    /// The platform's operators.
    #[default]
    Operators,
    /// Every user.
    Users,
}

/// Proof that an actor may make an organisation.
#[derive(Clone, Debug)]
pub struct FoundingGrant {
    actor: Actor,
    operator: bool,
}

impl FoundingGrant {
    /// Who makes it.
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Whether it is the platform's operator.
    pub const fn is_operator(&self) -> bool {
        self.operator
    }
}

/// Decides whether an actor may make an organisation.
///
/// # Errors
/// `Unauthenticated` to nobody; `Denied` to who may not, to a robot, and to a credential that is narrowed.
pub fn decide_founding(actor: &Actor, operator: bool, founders: Founders) -> Result<FoundingGrant> {
    let is_founder = founders == Founders::Users && matches!(actor.principal(), Principal::User { .. });
    if !operator && !is_founder {
        let who = match founders {
            Founders::Operators => "only the platform's operators make organisations here",
            Founders::Users => "only users make organisations",
        };
        return Err(super::refused(actor, Some(who.to_owned())));
    }
    if *actor.access() != Access::Whole {
        return Err(narrowed());
    }
    Ok(FoundingGrant { actor: actor.clone(), operator })
}

/// Decides whether an actor may do `D` to an organisation.
///
/// # Errors
/// `Unauthenticated` to nobody; `NotFound` to who may not know of it, and where it is not there; `Denied` to who may,
/// and to a credential that is narrowed.
pub fn decide_organisation<D: Duty>(
    actor: &Actor,
    name: &OrganisationName,
    rights: &OrganisationRights,
) -> Result<OrganisationGrant<D>> {
    let principal = actor.principal();
    if !rights.allows(principal, D::LEAST) {
        let known = D::LEAST.filter(|_| rights.allows(principal, None));
        return Err(super::refused(actor, known.map(|least| super::needed("this", least, name))));
    }
    if *actor.access() != Access::Whole {
        return Err(narrowed());
    }
    Ok(OrganisationGrant {
        actor: actor.clone(),
        name: name.clone(),
        organisation: rights.organisation.ok_or_else(|| Error::not_found(Subject::Name))?,
        role: rights.role,
        sight: if rights.belongs(principal) { Sight::Whole } else { Sight::Public },
        duty: PhantomData,
    })
}

/// Decides whether an actor is an account at all, which may then act on itself.
///
/// # Errors
/// `Unauthenticated` to nobody; `Denied` to a job, which is no account.
pub fn decide_self(actor: &Actor) -> Result<SelfGrant> {
    match actor.principal().account() {
        Some(account) => Ok(SelfGrant { actor: actor.clone(), account }),
        None => Err(super::refused(actor, Some("only an account does that".to_owned()))),
    }
}

/// The refusal of a credential for some content where more is at stake.
fn narrowed() -> Error {
    Error::new(
        Kind::Denied,
        "a token for some repositories does not do that; use a password or a whole token",
    )
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the gate's own tests")]
mod tests {
    use super::{duty::*, *};
    use crate::Credential;

    fn actor(principal: Principal, access: Access) -> Actor {
        Actor::nobody(None, "").known(principal, Credential::None, access)
    }

    fn user() -> Principal {
        Principal::User { id: AccountId(1), name: "u".parse().unwrap(), version: 1 }
    }

    fn rights(role: Option<Role>, open: bool) -> OrganisationRights {
        OrganisationRights { operator: false, role, organisation: Some(OrganisationId(1)), open }
    }

    fn kind<D: Duty>(principal: Principal, rights: &OrganisationRights) -> Option<Kind> {
        let name = "acme".parse().unwrap();
        let decided = decide_organisation::<D>(&actor(principal, Access::Whole), &name, rights);
        decided.err().map(|error| error.kind())
    }

    const UNKNOWN: Option<Kind> = Some(Kind::NotFound(Subject::Name));

    #[test]
    fn only_who_may_know_an_organisation_is_told_of_it() {
        let (closed, open) = (rights(None, false), rights(None, true));
        assert_eq!(kind::<Visit>(user(), &closed), UNKNOWN);
        assert_eq!(kind::<Administer>(user(), &OrganisationRights::default()), UNKNOWN);
        assert_eq!(kind::<Visit>(user(), &open), None);
        assert_eq!(kind::<Belong>(user(), &open), Some(Kind::Denied));
        assert_eq!(kind::<Visit>(Principal::Anonymous, &open), None);
        assert_eq!(kind::<Belong>(Principal::Anonymous, &open), Some(Kind::Unauthenticated));
        assert_eq!(kind::<Visit>(Principal::Anonymous, &closed), Some(Kind::Unauthenticated));
    }

    #[test]
    fn who_may_know_an_organisation_is_told_which_role_is_missing() {
        let name = "acme".parse().unwrap();
        let viewer = actor(user(), Access::Whole);
        let refused = decide_organisation::<Administer>(&viewer, &name, &rights(Some(Role::Viewer), false));
        assert_eq!(refused.unwrap_err().message(), "this needs the role admin in the organisation acme");
        let stranger = decide_organisation::<Administer>(&viewer, &name, &rights(None, false)).unwrap_err();
        assert!(!stranger.message().contains("acme") && !stranger.message().contains("admin"), "{stranger}");
    }

    #[test]
    fn members_look_and_admins_administer() {
        for (role, administers) in [(Role::Viewer, false), (Role::Writer, false), (Role::Admin, true)] {
            let rights = rights(Some(role), false);
            assert_eq!(kind::<Belong>(user(), &rights), None);
            assert_eq!(kind::<Administer>(user(), &rights).is_none(), administers, "{role}");
        }
        let operator = OrganisationRights { operator: true, ..rights(None, false) };
        assert_eq!(kind::<Administer>(user(), &operator), None);
        let nothing = OrganisationRights { operator: true, ..OrganisationRights::default() };
        assert_eq!(kind::<Visit>(user(), &nothing), UNKNOWN);
    }

    #[test]
    fn organisations_are_made_by_operators_and_by_users_where_that_is_set() {
        let founds = |principal, operator, founders| {
            decide_founding(&actor(principal, Access::Whole), operator, founders)
                .map(|grant| grant.is_operator())
        };
        assert!(founds(user(), true, Founders::Operators).unwrap());
        assert_eq!(founds(user(), false, Founders::Operators).unwrap_err().kind(), Kind::Denied);
        assert!(!founds(user(), false, Founders::Users).unwrap());
        let nobody = founds(Principal::Anonymous, false, Founders::Users).unwrap_err();
        assert_eq!(nobody.kind(), Kind::Unauthenticated);
    }

    #[test]
    fn everybody_who_has_an_account_acts_on_himself_but_not_by_a_narrowed_credential_on_all_of_it() {
        assert!(decide_self(&actor(user(), Access::Whole)).unwrap().whole().is_ok());
        let narrowed = decide_self(&actor(user(), Access::Only(Vec::new()))).unwrap();
        assert_eq!(narrowed.whole().unwrap_err().kind(), Kind::Denied);
        let nobody = decide_self(&actor(Principal::Anonymous, Access::Whole)).unwrap_err();
        assert_eq!(nobody.kind(), Kind::Unauthenticated);
        assert_eq!(decide_self(&Actor::job("test")).unwrap_err().kind(), Kind::Denied);
    }

    #[test]
    fn a_narrowed_credential_manages_nothing() {
        let narrowed = actor(user(), Access::Only(Vec::new()));
        let name = "acme".parse().unwrap();
        let refused = decide_organisation::<Administer>(&narrowed, &name, &rights(Some(Role::Admin), false));
        assert_eq!(refused.unwrap_err().kind(), Kind::Denied);
    }
}
