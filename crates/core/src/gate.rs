//! The gate: the pure decision that makes every [`Grant`].
//!
//! A function that touches tenant data takes a `&Grant<_>`. An engine fetches the [`Rights`] of an actor at a
//! place and calls [`decide`]; nothing else can make a grant, for its fields are private.

mod management;
mod warrant;

use std::marker::PhantomData;

pub use self::management::{
    Duty, Founders, FoundingGrant, OrganisationGrant, OrganisationRights, SelfGrant, Sight, decide_founding,
    decide_organisation, decide_self, duty,
};
pub use self::warrant::{Granted, Standing, Warrant};
use crate::{
    Access, Action, Actor, Detail, Error, Kind, OrganisationName, Place, Principal, RegistryKind,
    RegistryPlace, Result, Role, Scope, Subject, Verb, right::action,
};

/// Row id of an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OrganisationId(pub i64);
/// Row id of a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RegistryId(pub i64);
/// Row id of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RepositoryId(pub i64);

/// What is known of a registry when an actor knocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryRights {
    /// The registry.
    pub id: RegistryId,
    /// Where its content comes from.
    pub kind: RegistryKind,
    /// Whether anybody may pull.
    pub public: bool,
    /// How many bytes its organisation may store, if that has a limit.
    pub quota: Option<u64>,
    /// Whether manifests may name content the repository lacks.
    pub accepts_missing_content: bool,
    /// Whether who pulls may be sent to where the bytes lie.
    pub redirects: bool,
    /// The repository, if its row is born.
    pub repository: Option<RepositoryId>,
}

/// What the store says of an actor at a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Whether the actor is the platform's operator.
    pub operator: bool,
    /// The actor's role in the organisation.
    pub role: Option<Role>,
    /// The organisation, if it exists.
    pub organisation: Option<OrganisationId>,
    /// The registry, if it exists.
    pub registry: Option<RegistryRights>,
}

impl Rights {
    fn allows(&self, principal: &Principal, verb: Verb) -> bool {
        matches!(principal, Principal::Job(_))
            || self.operator
            || self.role.is_some_and(|role| role.allows(verb))
            || self.is_open(verb)
    }

    /// Whether an actor may do a verb: its owner may, and its API token, if it has one, reaches there. What is public
    /// anybody may pull, by whatever token.
    fn allow(&self, actor: &Actor, place: &Place, verb: Verb) -> bool {
        let reaches = || actor.access().reach().is_none_or(|reach| reach.reaches(place, verb));
        self.allows(actor.principal(), verb) && (self.is_open(verb) || reaches())
    }

    fn may_know(&self, actor: &Actor, place: &Place) -> bool {
        let reaches = || {
            let reach = actor.access().reach();
            reach.is_none_or(|reach| Verb::ALL.into_iter().any(|verb| reach.reaches(place, verb)))
        };
        self.is_public() || ((self.operator || self.role.is_some()) && reaches())
    }

    /// Why an actor may not do a verb at a place, in words for one who may know of it; nothing to any other.
    fn refusal(&self, actor: &Actor, place: &Place, verb: Verb) -> Option<String> {
        let may = self.allows(actor.principal(), verb);
        self.may_know(actor, place).then(|| match may {
            true => format!("the token does not reach {} on {place}", verb.word()),
            false => needed(verb.word(), verb.least_role(), &place.organisation),
        })
    }

    fn is_open(&self, verb: Verb) -> bool {
        verb == Verb::Pull && self.is_public()
    }

    fn is_public(&self) -> bool {
        self.registry.as_ref().is_some_and(|registry| registry.public)
    }
}

/// Proof that an actor may do `A` at a place. Cannot be made but by [`decide`].
#[derive(Debug)]
pub struct Grant<A: Action> {
    actor: Actor,
    place: Place,
    organisation: Option<OrganisationId>,
    registry: Option<RegistryRights>,
    action: PhantomData<A>,
}

impl<A: Action> Clone for Grant<A> {
    fn clone(&self) -> Self {
        Self {
            actor: self.actor.clone(),
            place: self.place.clone(),
            organisation: self.organisation,
            registry: self.registry.clone(),
            action: PhantomData,
        }
    }
}

impl<A: Action> Grant<A> {
    /// Who acts.
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Where.
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// The repository's row, if it is born.
    pub fn repository(&self) -> Option<RepositoryId> {
        self.registry.as_ref().and_then(|registry| registry.repository)
    }

    /// The registry as it stood; `None` only where the operator's push is about to create it.
    pub const fn registry(&self) -> Option<&RegistryRights> {
        self.registry.as_ref()
    }
}

/// Proof that an actor may list what it may read, across tenants.
#[derive(Clone, Debug)]
pub struct ReadGrant {
    actor: Actor,
}

impl ReadGrant {
    /// Who lists.
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }
}

/// Proof that an actor may list what a registry holds.
#[derive(Clone, Debug)]
pub struct RegistryGrant {
    organisation: OrganisationName,
    registry: RegistryId,
    kind: RegistryKind,
}

impl RegistryGrant {
    /// Whose it is.
    pub const fn organisation(&self) -> &OrganisationName {
        &self.organisation
    }

    /// The registry.
    pub const fn registry(&self) -> RegistryId {
        self.registry
    }

    /// Where its content comes from.
    pub const fn kind(&self) -> RegistryKind {
        self.kind
    }
}

/// Proof that an actor may list what of a registry its credential reaches, be it all or some.
#[derive(Clone, Debug)]
pub struct ReachGrant {
    whole: RegistryGrant,
    /// What it is narrowed to; nothing where it reaches all.
    narrowed: Option<Access>,
}

impl ReachGrant {
    /// The registry.
    pub const fn registry(&self) -> RegistryId {
        self.whole.registry
    }

    /// The grant for the whole registry, where nothing of it is out of reach.
    pub fn whole(&self) -> Option<RegistryGrant> {
        self.narrowed.is_none().then(|| self.whole.clone())
    }

    /// Whether a repository of the registry is within reach.
    pub fn reaches(&self, place: &Place) -> bool {
        self.narrowed.as_ref().is_none_or(|access| access.reaches(place, Verb::Pull))
    }
}

/// Proof that an actor may manage the platform.
#[derive(Clone, Debug)]
pub struct OperatorGrant {
    actor: Actor,
}

impl OperatorGrant {
    /// Who manages.
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }
}

/// Whether the operator's push creates the organisation and registry it names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CreateOnPush {
    /// It does, so that Wharf drops in where a plain registry stood.
    #[default]
    Operator,
    /// It does not.
    Off,
}

/// Decides whether an actor may do `A` at a place. Pure: everything it needs is passed in.
///
/// # Errors
/// `Unauthenticated` to nobody, or (with [`Detail::InsufficientScope`]) to a credential narrower than its owner;
/// `NotFound` to who may not know of the place, and where the place is not there; `Denied` to who may know;
/// `Unsupported` for pushes to a registry that is not hosted.
pub fn decide<A: Action>(
    actor: &Actor,
    place: &Place,
    rights: &Rights,
    create: CreateOnPush,
) -> Result<Grant<A>> {
    if !rights.allow(actor, place, A::VERB) {
        return Err(refused(actor, rights.refusal(actor, place, A::VERB)));
    }
    let creates = A::VERB == Verb::Push
        && rights.operator
        && create == CreateOnPush::Operator
        // A narrowed token manages nothing, and to make an organisation is to manage.
        && actor.access().reach().is_none();
    if rights.registry.is_none() && !creates {
        // Before the scopes: where nothing is, another token reaches nothing either.
        return Err(Error::not_found(Subject::Name));
    }
    expect_kind(actor, A::VERB, rights)?;
    if !actor.access().is_scoped_for(place, A::VERB) {
        let message = format!("the token does not reach {} on this repository", A::VERB.word());
        let needed = Detail::InsufficientScope(vec![Scope::of(place, &[A::VERB])]);
        return Err(Error::new(Kind::Unauthenticated, message).with(needed));
    }
    Ok(Grant {
        actor: actor.clone(),
        place: place.clone(),
        organisation: rights.organisation,
        registry: rights.registry.clone(),
        action: PhantomData,
    })
}

/// Refuses pushes to a registry that has its content from elsewhere: what a proxy fetched is stored by a job.
fn expect_kind(actor: &Actor, verb: Verb, rights: &Rights) -> Result<()> {
    let kind = rights.registry.as_ref().map(|registry| registry.kind).unwrap_or_default();
    let words = match (verb, kind) {
        (Verb::Push, RegistryKind::Proxy) if !matches!(actor.principal(), Principal::Job(_)) => {
            "this registry is a proxy: it holds what it fetched from its upstream, and nothing is pushed to it"
        }
        (Verb::Push, RegistryKind::Virtual) => {
            "this registry is virtual: it shows what its members hold; push to one of those"
        }
        _ => return Ok(()),
    };
    Err(Error::new(Kind::Unsupported, words))
}

/// Decides whether an actor may list what it may read. What it may read, the list's query filters.
///
/// # Errors
/// `Unauthenticated` where the bearer token does not reach the catalog; `Denied` to a narrowed API token.
pub fn decide_catalog(actor: &Actor) -> Result<ReadGrant> {
    if actor.access().reach().is_some() {
        return Err(Error::new(Kind::Denied, "a token for some repositories does not list the catalog"));
    }
    if actor.access().reaches_catalog() {
        return Ok(ReadGrant { actor: actor.clone() });
    }
    let message = "the token does not reach the catalog";
    Err(Error::new(Kind::Unauthenticated, message).with(Detail::InsufficientScope(vec![Scope::catalog()])))
}

/// Decides whether an actor may list everything a registry holds. The repository of the rights is not asked for.
///
/// # Errors
/// As [`decide`]; `Denied` to a credential that does not reach all of it.
pub fn decide_registry(actor: &Actor, place: &RegistryPlace, rights: &Rights) -> Result<RegistryGrant> {
    if !lists_all(actor, place, rights)? {
        let message =
            "a token for some repositories does not list a registry; use one that reaches all of it";
        return Err(Error::new(Kind::Denied, message));
    }
    let registry = rights.registry.as_ref().ok_or_else(|| Error::not_found(Subject::Name))?;
    Ok(RegistryGrant { organisation: place.organisation.clone(), registry: registry.id, kind: registry.kind })
}

/// Whether the credential of one who may list a registry reaches all of it.
///
/// # Errors
/// To whoever may not list it, as much as he may know.
fn lists_all(actor: &Actor, place: &RegistryPlace, rights: &Rights) -> Result<bool> {
    if !rights.allows(actor.principal(), Verb::Pull) {
        // Whoever may know of a registry may list it.
        return Err(refused(actor, None));
    }
    Ok(match actor.access() {
        Access::Whole => true,
        Access::Within(reach) => rights.is_public() || reach.reaches_all_of(place, Verb::Pull),
        Access::Only(_) | Access::OnlyWithin(..) => false,
    })
}

/// Decides whether an actor may list what it reaches of a registry. The repository of the rights is not asked for.
///
/// # Errors
/// As [`decide`]; `NotFound` to a credential that reaches nothing of it.
pub fn decide_reach(actor: &Actor, place: &RegistryPlace, rights: &Rights) -> Result<ReachGrant> {
    let reaches_all = lists_all(actor, place, rights)?;
    let registry = rights.registry.as_ref().ok_or_else(|| Error::not_found(Subject::Name))?;
    if !reaches_all && !actor.access().reaches_some_of(place, Verb::Pull) {
        return Err(Error::not_found(Subject::Name));
    }
    let whole = RegistryGrant {
        organisation: place.organisation.clone(),
        registry: registry.id,
        kind: registry.kind,
    };
    Ok(ReachGrant { whole, narrowed: (!reaches_all).then(|| actor.access().clone()) })
}

/// Decides whether an actor may manage the platform: an operator, or Wharf's own command line.
///
/// # Errors
/// `Unauthenticated` to nobody; `Denied` to everyone else, and to a credential that is narrowed.
pub fn decide_operator(actor: &Actor, operator: bool) -> Result<OperatorGrant> {
    let allowed = operator || matches!(actor.principal(), Principal::Job(_));
    if allowed && *actor.access() == Access::Whole {
        return Ok(OperatorGrant { actor: actor.clone() });
    }
    if actor.is_anonymous() {
        return Err(Error::new(Kind::Unauthenticated, "authentication required"));
    }
    Err(Error::new(Kind::Denied, "only the platform's operator may do that"))
}

/// Narrows what a caller asks a token for to what he may have; less than asked is no error.
#[expect(clippy::disallowed_methods, reason = "the gate asks itself")]
pub fn reachable(actor: &Actor, place: &Place, rights: &Rights, create: CreateOnPush) -> Vec<Verb> {
    let pull = decide::<action::Pull>(actor, place, rights, create).is_ok();
    let push = decide::<action::Push>(actor, place, rights, create).is_ok();
    let delete = decide::<action::Delete>(actor, place, rights, create).is_ok();
    // Who may push to a place that is about to be created will pull it next with the same token.
    let allowed = [pull || push, push, delete || (push && rights.registry.is_none())];
    Verb::ALL.into_iter().zip(allowed).filter_map(|(verb, allowed)| allowed.then_some(verb)).collect()
}

/// What is told of a role that is missing.
fn needed(what: &str, role: Role, organisation: &OrganisationName) -> String {
    format!("{what} needs the role {role} in the organisation {organisation}")
}

/// What an actor is told who may not: nobody to say who he is, one who may know of the thing why, and the others that
/// there is no such thing.
fn refused(actor: &Actor, why: Option<String>) -> Error {
    if actor.is_anonymous() {
        return Error::new(Kind::Unauthenticated, "authentication required");
    }
    match why {
        Some(why) => Error::new(Kind::Denied, why),
        None => Error::not_found(Subject::Name),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the gate's own tests")]
mod tests {
    use super::{action::*, *};
    use crate::{AccountId, Allowance, Credential, Reach, RegistryName};

    #[test]
    fn whatever_decides_is_called_by_engines_alone() {
        let sources = [include_str!("gate.rs"), include_str!("gate/management.rs")];
        let lines = sources.iter().flat_map(|source| source.lines());
        let deciding = lines.filter_map(|line| line.strip_prefix("pub fn ")).filter_map(|line| {
            let end = line.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')?;
            line.get(..end).filter(|name| name.starts_with("decide"))
        });
        let forbidden = include_str!("../../../clippy.toml");
        let missing: Vec<_> =
            deciding.filter(|name| !forbidden.contains(&format!("\"wharf_core::gate::{name}\""))).collect();

        assert!(missing.is_empty(), "clippy.toml does not forbid {missing:?}");
    }

    fn place() -> Place {
        "acme/app".parse().unwrap()
    }

    fn actor(principal: Principal, access: Access) -> Actor {
        Actor::nobody(None, "").known(principal, Credential::None, access)
    }

    fn user(access: Access) -> Actor {
        actor(Principal::User { id: AccountId(1), name: "u".parse().unwrap(), version: 1 }, access)
    }

    fn rights(role: Option<Role>, operator: bool, public: bool) -> Rights {
        let registry = RegistryRights {
            id: RegistryId(1),
            kind: RegistryKind::Hosted,
            public,
            quota: None,
            accepts_missing_content: false,
            redirects: true,
            repository: None,
        };
        Rights { operator, role, organisation: Some(OrganisationId(1)), registry: Some(registry) }
    }

    fn kind<A: Action>(actor: &Actor, rights: &Rights) -> Option<Kind> {
        decide::<A>(actor, &place(), rights, CreateOnPush::Operator).err().map(|error| error.kind())
    }

    const UNKNOWN: Option<Kind> = Some(Kind::NotFound(Subject::Name));

    #[test]
    fn a_narrowed_credential_lists_what_it_reaches_and_finds_nothing_elsewhere() {
        let registry =
            RegistryPlace { organisation: "acme".parse().unwrap(), registry: RegistryName::main() };
        let rights = rights(Some(Role::Viewer), false, false);
        let decide = |access: Access| decide_reach(&user(access), &registry, &rights);
        assert!(decide(Access::Whole).unwrap().whole().is_some());
        let within = |pattern: &str| {
            let allowance = Allowance { repositories: pattern.parse().unwrap(), verbs: vec![Verb::Pull] };
            Access::Within(Reach::new(vec![allowance]).unwrap())
        };
        assert!(decide(within("acme/*")).unwrap().whole().is_some());
        for pattern in ["acme/app", "acme/main/ap*"] {
            let some = decide(within(pattern)).unwrap();
            assert!(some.whole().is_none() && some.reaches(&place()), "{pattern}");
            assert!(!some.reaches(&"acme/other".parse().unwrap()), "{pattern}");
        }
        for elsewhere in ["acme/team/app", "acme/team/*", "other/*"] {
            assert_eq!(decide(within(elsewhere)).unwrap_err().kind(), Kind::NotFound(Subject::Name));
        }
        let scoped = Access::Only(vec![Scope::of(&place(), &[Verb::Pull])]);
        assert!(decide(scoped).unwrap().reaches(&place()));
        assert!(decide(Access::Only(Vec::new())).is_err());
    }

    #[test]
    fn nobody_is_asked_who_he_is() {
        let nobody = actor(Principal::Anonymous, Access::Whole);
        assert_eq!(kind::<Pull>(&nobody, &rights(None, false, false)), Some(Kind::Unauthenticated));
        assert_eq!(kind::<Pull>(&nobody, &Rights::default()), Some(Kind::Unauthenticated));
        assert_eq!(kind::<Pull>(&nobody, &rights(None, false, true)), None);
        assert_eq!(kind::<Push>(&nobody, &rights(None, false, true)), Some(Kind::Unauthenticated));
    }

    #[test]
    fn a_stranger_cannot_tell_a_private_place_from_none() {
        let stranger = user(Access::Whole);
        assert_eq!(kind::<Pull>(&stranger, &rights(None, false, false)), UNKNOWN);
        assert_eq!(kind::<Pull>(&stranger, &Rights::default()), UNKNOWN);
        assert_eq!(kind::<Push>(&stranger, &rights(None, false, true)), Some(Kind::Denied));
    }

    #[test]
    fn who_may_know_of_a_place_is_told_what_it_takes() {
        let told = |actor: &Actor, rights: &Rights| {
            let refused = decide::<Push>(actor, &place(), rights, CreateOnPush::Off).unwrap_err();
            (refused.kind(), refused.message().to_owned())
        };
        let role = (Kind::Denied, "push needs the role writer in the organisation acme".to_owned());
        assert_eq!(told(&user(Access::Whole), &rights(Some(Role::Viewer), false, false)), role);
        assert_eq!(
            told(&user(Access::Whole), &rights(None, false, true)),
            role,
            "a stranger before what is public"
        );
        let pulls = Allowance { repositories: "acme/*".parse().unwrap(), verbs: vec![Verb::Pull] };
        let narrowed = user(Access::Within(Reach::new(vec![pulls]).unwrap()));
        let reach = (Kind::Denied, "the token does not reach push on acme/app".to_owned());
        assert_eq!(told(&narrowed, &rights(Some(Role::Writer), false, false)), reach);
        let (_, hidden) = told(&user(Access::Whole), &rights(None, false, false));
        assert!(!hidden.contains("acme"), "{hidden}");
    }

    #[test]
    fn a_viewer_pulls_and_is_denied_the_rest() {
        let viewer = user(Access::Whole);
        let rights = rights(Some(Role::Viewer), false, false);
        assert_eq!(kind::<Pull>(&viewer, &rights), None);
        assert_eq!(kind::<Push>(&viewer, &rights), Some(Kind::Denied));
        assert_eq!(kind::<Delete>(&viewer, &rights), Some(Kind::Denied));
    }

    #[test]
    fn a_narrow_token_of_a_writer_is_told_to_fetch_another() {
        let writer = user(Access::Only(vec![Scope::of(&place(), &[Verb::Pull])]));
        let refusal =
            decide::<Push>(&writer, &place(), &rights(Some(Role::Writer), false, false), CreateOnPush::Off)
                .unwrap_err();
        assert_eq!(refusal.kind(), Kind::Unauthenticated);
        assert_eq!(
            refusal.detail(),
            Some(&Detail::InsufficientScope(vec![Scope::of(&place(), &[Verb::Push])]))
        );
    }

    #[test]
    fn a_narrowed_api_token_is_no_more_than_what_it_reaches() {
        let reach = |pattern: &str, verbs: &[Verb]| {
            let one = Allowance { repositories: pattern.parse().unwrap(), verbs: verbs.to_vec() };
            user(Access::Within(Reach::new(vec![one]).unwrap()))
        };
        let (pulls, elsewhere) = (reach("acme/*", &[Verb::Pull]), reach("other/*", &Verb::ALL));
        let writer = rights(Some(Role::Writer), false, false);
        assert_eq!(kind::<Pull>(&pulls, &writer), None);
        assert_eq!(kind::<Push>(&pulls, &writer), Some(Kind::Denied));
        assert_eq!(kind::<Pull>(&elsewhere, &writer), UNKNOWN);
        assert_eq!(kind::<Pull>(&elsewhere, &rights(None, false, true)), None);
        assert_eq!(kind::<Push>(&elsewhere, &rights(Some(Role::Writer), false, true)), Some(Kind::Denied));
        let viewer = rights(Some(Role::Viewer), false, false);
        assert_eq!(kind::<Push>(&reach("acme/*", &Verb::ALL), &viewer), Some(Kind::Denied));
        let main = RegistryPlace { organisation: "acme".parse().unwrap(), registry: RegistryName::main() };
        assert!(decide_registry(&pulls, &main, &viewer).is_ok());
        assert!(decide_registry(&reach("acme/app", &Verb::ALL), &main, &viewer).is_err());
        assert!(decide_catalog(&pulls).is_err());
        assert!(decide_operator(&pulls, true).is_err());
    }

    #[test]
    fn nobody_pushes_to_a_registry_that_has_its_content_from_elsewhere() {
        let job = Actor::job("fetch");
        let of_kind = |kind| {
            let mut rights = rights(Some(Role::Admin), true, false);
            rights.registry.as_mut().unwrap().kind = kind;
            rights
        };
        let (proxy, shown) = (of_kind(RegistryKind::Proxy), of_kind(RegistryKind::Virtual));
        for rights in [&proxy, &shown] {
            assert_eq!(kind::<Push>(&user(Access::Whole), rights), Some(Kind::Unsupported));
            assert_eq!(kind::<Pull>(&user(Access::Whole), rights), None);
        }
        assert_eq!(kind::<Push>(&job, &proxy), None);
        assert_eq!(kind::<Push>(&job, &shown), Some(Kind::Unsupported));
        assert_eq!(kind::<Delete>(&user(Access::Whole), &proxy), None, "what was fetched may be let go");
    }

    #[test]
    fn only_the_operators_push_creates_and_only_when_set() {
        let operator = user(Access::Whole);
        let nowhere = Rights { operator: true, ..Rights::default() };
        assert_eq!(kind::<Push>(&operator, &nowhere), None);
        assert_eq!(kind::<Pull>(&operator, &nowhere), UNKNOWN);
        let off = decide::<Push>(&operator, &place(), &nowhere, CreateOnPush::Off).unwrap_err();
        assert_eq!(off.kind(), Kind::NotFound(Subject::Name));
    }

    #[test]
    fn a_registry_is_listed_by_who_may_pull_from_all_of_it() {
        let private = rights(Some(Role::Viewer), false, false);
        let main = RegistryPlace { organisation: "acme".parse().unwrap(), registry: RegistryName::main() };
        assert!(decide_registry(&user(Access::Whole), &main, &private).is_ok());
        let stranger = decide_registry(&user(Access::Whole), &main, &rights(None, false, false)).unwrap_err();
        assert_eq!(Some(stranger.kind()), UNKNOWN);
        let narrowed = user(Access::Only(vec![Scope::of(&place(), &[Verb::Pull])]));
        assert_eq!(decide_registry(&narrowed, &main, &private).unwrap_err().kind(), Kind::Denied);
    }
}
