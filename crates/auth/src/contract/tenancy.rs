//! The suite of who belongs where, of users and of what machines are known by.

use wharf_core::{
    Access, AccountId, Actor, Allowance, Credential, Kind, Lookalikes, OrganisationName, Principal, Protocol,
    Reach, RegistryKind, Role, SealedLogin, TokenHash, Upstream, UserName, Verb,
    gate::{OrganisationId, Sight},
};

use super::{NOW, record};
use crate::port::{
    Accounts, Claim, Fate, Known, Machines, NewAccount, NewOrganisation, Person, RegistryChange, Repeat,
    RepeatTimes, Repeats, Seer, Source, SourceChange, Span, Tenancy, TokenRow, Users,
};

pub(super) const ALL: Span = Span { last: None, most: 1000 };

pub(super) fn name<T: std::str::FromStr<Err = wharf_core::Error>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(super) async fn user(store: &dyn Accounts, login: &str, operator: bool) -> Actor {
    let user: UserName = name(login);
    let new = NewAccount {
        name: user.clone(),
        password_hash: "hash".to_owned(),
        operator,
        memberships: Vec::new(),
        person: Person::default(),
    };
    let id = store.create(new, record()).await.unwrap();
    Actor::nobody(None, "contract").known(
        Principal::User { id, name: user, version: 1 },
        Credential::Local,
        Access::Whole,
    )
}

pub(super) async fn id_of(store: &dyn Tenancy, actor: &Actor, organisation: &str) -> OrganisationId {
    let rights = store.organisation_rights(actor, &name(organisation)).await.unwrap();
    rights.organisation.expect("the organisation is there")
}

/// The suite of [`Tenancy`].
pub async fn tenancy(accounts: &dyn Accounts, store: &dyn Tenancy) {
    let (owner, other) = (user(accounts, "ten-owner", false).await, user(accounts, "ten-other", false).await);
    organisations_keep_their_names(store, &owner, &other).await;
    let id = id_of(store, &owner, "ten-acme").await;
    registries_are_made_and_changed(store, id).await;
    a_registry_may_have_its_content_from_elsewhere(store, id).await;
    an_admin_stays(store, (&owner, &other), id).await;
    let change = RegistryChange { public: Some(true), ..RegistryChange::default() };
    assert!(store.change_registry(id, name("main"), change, record()).await.unwrap());
    let rights = store.organisation_rights(&Actor::job("contract"), &name("ten-acme")).await.unwrap();
    assert_eq!((rights.role, rights.open), (None, true));
    store.remove_organisation(id, record()).await.unwrap();
    assert_eq!(store.organisation(id).await.unwrap(), None);
    let left: Vec<OrganisationName> =
        store.memberships(account(&owner)).await.unwrap().into_iter().map(|row| row.name).collect();
    assert_eq!(left, [name::<OrganisationName>("ten-owner")], "nobody is left a member");
    let again = |claim| NewOrganisation { name: name("ten-acme"), admin: Some(account(&other)), claim };
    let taken = store.create_organisation(again(Claim::Free), record()).await.unwrap_err();
    assert_eq!(taken.kind(), Kind::Exists, "a name that was given up is not given to another");
    store.create_organisation(again(Claim::Any), record()).await.expect("but to an operator");
    let gone = store.organisation_rights(&owner, &name("ten-acme")).await.unwrap();
    assert_eq!(gone.role, None, "and who was a member is none any more");
}

pub(super) fn account(actor: &Actor) -> AccountId {
    actor.principal().account().unwrap()
}

async fn organisations_keep_their_names(store: &dyn Tenancy, owner: &Actor, other: &Actor) {
    let new =
        |text: &str| NewOrganisation { name: name(text), admin: Some(account(owner)), claim: Claim::Free };
    store.create_organisation(new("ten-acme"), record()).await.unwrap();
    for taken in ["ten-acme", "ten-other"] {
        let error = store.create_organisation(new(taken), record()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Exists, "{taken} is taken");
    }
    store.create_organisation(new("ten-owner"), record()).await.expect("one's own login is free");
    let rights = store.organisation_rights(owner, &name("ten-acme")).await.unwrap();
    assert_eq!((rights.role, rights.open, rights.operator), (Some(Role::Admin), false, false));
    let names = async |seer, span| {
        let found = store.organisations(seer, span).await.unwrap();
        found
            .into_iter()
            .map(|row| row.name.to_string())
            .filter(|name| name.starts_with("ten-"))
            .collect::<Vec<_>>()
    };
    let mine = Seer::Account(Some(account(owner)));
    assert_eq!(names(mine, ALL).await, ["ten-acme", "ten-owner"]);
    let after = Span { last: Some("ten-acme".to_owned()), most: 1 };
    assert_eq!(names(mine, after).await, ["ten-owner"]);
    assert!(names(Seer::Account(Some(account(other))), ALL).await.is_empty());
    let all = Span { last: Some("ten-".to_owned()), most: 2 };
    assert_eq!(names(Seer::Everything(account(other)), all).await, ["ten-acme", "ten-owner"]);
}

async fn registries_are_made_and_changed(store: &dyn Tenancy, id: OrganisationId) {
    let change = RegistryChange { accepts_missing_content: Some(true), ..RegistryChange::default() };
    store.create_registry(id, name("team"), change.clone(), record()).await.unwrap();
    let again = store.create_registry(id, name("team"), change, record()).await.unwrap_err();
    assert_eq!(again.kind(), Kind::Exists);
    let team = store.registry(id, Sight::Whole, &name("team")).await.unwrap().expect("it was made");
    assert_eq!((team.public, team.accepts_missing_content, team.source), (false, true, Source::default()));
    assert_eq!(store.registry(id, Sight::Public, &name("team")).await.unwrap(), None);
    let open = RegistryChange { public: Some(true), ..RegistryChange::default() };
    assert!(store.change_registry(id, name("team"), open.clone(), record()).await.unwrap());
    assert!(!store.change_registry(id, name("none"), open, record()).await.unwrap());
    let seen = async |sight| {
        let found = store.registries(id, sight, ALL).await.unwrap();
        found.into_iter().map(|row| row.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(
        (seen(Sight::Whole).await, seen(Sight::Public).await),
        (vec!["main".to_owned(), "team".to_owned()], vec!["team".to_owned()])
    );
    assert!(store.remove_registry(id, name("team"), record()).await.unwrap());
    assert!(!store.remove_registry(id, name("team"), record()).await.unwrap());
}

async fn a_registry_may_have_its_content_from_elsewhere(store: &dyn Tenancy, id: OrganisationId) {
    let of = |source: SourceChange| RegistryChange { source, ..RegistryChange::default() };
    let shows = |members: &[&str]| {
        let members = Some(members.iter().map(|member| name(member)).collect());
        of(SourceChange { members, ..SourceChange::default() })
    };
    let kind = |kind| SourceChange { kind: Some(kind), ..SourceChange::default() };
    let set = async |registry: &str, change: RegistryChange| {
        store.change_registry(id, name(registry), change, record()).await.map_err(|error| error.kind())
    };
    let login = SealedLogin { username: "reader".to_owned(), sealed: vec![0, 255, 7] };
    let upstream = Upstream {
        url: "https://index.example/simple/".parse().unwrap(),
        protocol: Protocol::Python,
        authorities: Some("pem".to_owned()),
        login: Some(login),
    };
    let proxy = SourceChange {
        upstream: Some(upstream.clone()),
        reserved: Some(vec!["acme".to_owned()]),
        lookalikes: Some(Lookalikes::Warn),
        ..kind(RegistryKind::Proxy)
    };
    let lonely = store.create_registry(id, name("lonely"), of(kind(RegistryKind::Proxy)), record()).await;
    assert_eq!(lonely.unwrap_err().kind(), Kind::Invalid, "a proxy without an upstream");
    store.create_registry(id, name("mirror"), of(proxy), record()).await.unwrap();
    for virtual_one in ["inner", "outer"] {
        store
            .create_registry(id, name(virtual_one), of(kind(RegistryKind::Virtual)), record())
            .await
            .unwrap();
    }
    let found = async |registry: &str| {
        store.registry(id, Sight::Whole, &name(registry)).await.unwrap().unwrap().source
    };
    let mirror = found("mirror").await;
    assert_eq!((mirror.upstream, mirror.guard.reserved), (Some(upstream), vec!["acme".to_owned()]));
    assert_eq!(set("inner", shows(&["main", "mirror"])).await, Ok(true));
    assert_eq!(set("outer", shows(&["inner"])).await, Ok(true));
    assert_eq!(set("inner", shows(&["outer", "main"])).await, Err(Kind::Invalid), "a circle");
    assert_eq!(set("inner", shows(&["inner"])).await, Err(Kind::Invalid), "a registry that shows itself");
    assert_eq!(set("inner", shows(&["nothing"])).await, Err(Kind::Invalid), "a member that is not there");
    assert_eq!(set("inner", shows(&["main", "main"])).await, Err(Kind::Invalid), "a member twice");
    assert_eq!(set("main", shows(&["mirror"])).await, Err(Kind::Invalid), "a hosted one with members");
    assert_eq!(set("mirror", of(kind(RegistryKind::Hosted))).await, Err(Kind::Conflict), "one that is shown");
    let members: Vec<String> = found("inner").await.members.iter().map(ToString::to_string).collect();
    assert_eq!(members, ["main", "mirror"], "a refused change left something");
    assert!(store.remove_registry(id, name("mirror"), record()).await.unwrap());
    assert_eq!(found("inner").await.members.len(), 1);
    assert_eq!(set("outer", of(kind(RegistryKind::Hosted))).await, Ok(true));
    assert_eq!(found("outer").await, Source::default());
    for gone in ["inner", "outer"] {
        assert!(store.remove_registry(id, name(gone), record()).await.unwrap());
    }
}

async fn an_admin_stays(store: &dyn Tenancy, (owner, other): (&Actor, &Actor), id: OrganisationId) {
    let (first, second): (UserName, UserName) = (name("ten-owner"), name("ten-other"));
    let kind = |error: wharf_core::Error| error.kind();
    let refused = store.remove_member(id, first.clone(), record()).await.unwrap_err();
    assert_eq!(kind(refused), Kind::Conflict, "the last admin stays a member");
    let refused = store.set_member(id, first.clone(), Role::Writer, record()).await.unwrap_err();
    assert_eq!(kind(refused), Kind::Conflict, "and stays an admin");
    assert!(!store.set_member(id, name("ten-nobody"), Role::Viewer, record()).await.unwrap());
    assert!(store.set_member(id, second.clone(), Role::Viewer, record()).await.unwrap());
    assert_eq!(store.member(id, &second).await.unwrap().unwrap().role, Role::Viewer);
    let other_rights = async || store.organisation_rights(other, &name("ten-acme")).await.unwrap();
    assert_eq!(other_rights().await.role, Some(Role::Viewer));
    assert!(store.set_member(id, second.clone(), Role::Admin, record()).await.unwrap());
    let members = store.members(id, ALL).await.unwrap();
    assert_eq!(members.iter().map(|row| row.user.as_str()).collect::<Vec<_>>(), ["ten-other", "ten-owner"]);
    assert!(store.remove_member(id, second.clone(), record()).await.unwrap());
    assert!(!store.remove_member(id, second, record()).await.unwrap());
    assert_eq!(other_rights().await.role, None);
    let found: Vec<OrganisationName> =
        store.memberships(account(owner)).await.unwrap().into_iter().map(|row| row.name).collect();
    assert_eq!(found, [name::<OrganisationName>("ten-acme"), name("ten-owner")]);
}

/// The suite of [`Users`], on a store that has an operator.
pub async fn users(accounts: &dyn Accounts, store: &dyn Users) {
    let actor = user(accounts, "usr-alice", false).await;
    let alice: UserName = name("usr-alice");
    let listed = store.users(Span { last: Some("usr-".to_owned()), most: 1 }).await.unwrap();
    assert_eq!(listed.first().map(|row| (row.name.clone(), row.disabled)), Some((alice.clone(), false)));
    for (fate, disabled) in [(Fate::Disabled, true), (Fate::Enabled, false)] {
        assert!(store.decide_fate(alice.clone(), fate, record()).await.unwrap());
        assert_eq!(store.user(&alice).await.unwrap().unwrap().disabled, disabled);
    }
    let version = accounts.by_id(account(&actor)).await.unwrap().unwrap().version;
    assert_eq!(version, 2, "who was shut out once comes back by new credentials");
    assert!(store.decide_fate(alice.clone(), Fate::Removed, record()).await.unwrap());
    assert_eq!(
        (store.user(&alice).await.unwrap(), accounts.by_name(&alice).await.unwrap().is_none()),
        (None, true)
    );
    assert!(!store.decide_fate(alice.clone(), Fate::Enabled, record()).await.unwrap());
    let new = NewAccount {
        name: alice,
        password_hash: String::new(),
        operator: false,
        memberships: Vec::new(),
        person: Person::default(),
    };
    assert_eq!(
        accounts.create(new, record()).await.unwrap_err().kind(),
        Kind::Exists,
        "the name stays taken"
    );
}

/// The suite of [`Machines`].
pub async fn machines(accounts: &dyn Accounts, tenancy: &dyn Tenancy, store: &dyn Machines) {
    let owner = user(accounts, "mac-owner", false).await;
    let new = NewOrganisation { name: name("mac-acme"), admin: Some(account(&owner)), claim: Claim::Free };
    tenancy.create_organisation(new, record()).await.unwrap();
    tokens_come_and_go(store, account(&owner)).await;
    let (id, robot) = (id_of(tenancy, &owner, "mac-acme").await, name("mac-acme+ci"));
    store.create_robot(id, name("mac-acme+ci"), Role::Writer, record()).await.unwrap();
    let again = store.create_robot(id, name("mac-acme+ci"), Role::Writer, record()).await.unwrap_err();
    assert_eq!(again.kind(), Kind::Exists);
    let made = store.robot(id, &robot).await.unwrap().expect("it was made");
    assert_eq!((made.role, store.robots(id, ALL).await.unwrap()), (Role::Writer, vec![made.clone()]));
    assert!(tenancy.members(id, ALL).await.unwrap().iter().all(|row| row.user.as_str() == "mac-owner"));
    store.add_token(token(made.account, 7, made.version), record()).await.unwrap();
    assert!(store.remove_robot(id, name("mac-acme+ci"), record()).await.unwrap());
    assert_eq!(store.token(TokenHash([7; 32])).await.unwrap(), None, "its tokens went with it");
    store.create_robot(id, name("mac-acme+ci"), Role::Viewer, record()).await.unwrap();
    let anew = store.robot(id, &robot).await.unwrap().unwrap();
    assert!(anew.version > made.version, "and nothing of before counts for the next of its name");
}

pub(super) fn token(account: AccountId, number: u8, account_version: i64) -> TokenRow {
    let one = Allowance { repositories: name("mac-acme/*"), verbs: vec![Verb::Pull] };
    TokenRow {
        row: 0,
        hash: TokenHash([number; 32]),
        account,
        account_version,
        name: format!("token {number}"),
        reach: Some(Reach::new(vec![one]).unwrap()),
        parent: None,
        created_at: NOW,
        expires_at: (number == 2).then(|| NOW.plus_seconds(10)),
        used_at: None,
    }
}

async fn tokens_come_and_go(store: &dyn Machines, owner: AccountId) {
    for number in [1, 2] {
        store.add_token(token(owner, number, 1), record()).await.unwrap();
    }
    let found = store.token(TokenHash([1; 32])).await.unwrap().expect("it was added");
    assert_eq!((found.reach, found.expires_at), (token(owner, 1, 1).reach, None));
    let names = async |now| {
        let found = store.tokens(owner, now).await.unwrap();
        found.into_iter().map(|row| row.name).collect::<Vec<_>>()
    };
    assert_eq!(names(NOW).await, ["token 1", "token 2"]);
    assert_eq!(names(NOW.plus_seconds(10)).await, ["token 1"], "one that ended is not shown");
    store.note_uses(vec![(TokenHash([1; 32]), NOW), (TokenHash([9; 32]), NOW)]).await.unwrap();
    store.note_uses(vec![(TokenHash([1; 32]), NOW.plus_seconds(-1))]).await.unwrap();
    assert_eq!(store.tokens(owner, NOW).await.unwrap()[0].used_at, Some(NOW), "the latest use counts");
    store.remove_expired_tokens(NOW.plus_seconds(11)).await.unwrap();
    assert_eq!(store.token(TokenHash([2; 32])).await.unwrap(), None);
    let child =
        |number, parent| TokenRow { parent: Some(TokenHash([parent; 32])), ..token(owner, number, 1) };
    for (number, parent) in [(3, 1), (4, 3)] {
        store.add_token(child(number, parent), record()).await.unwrap();
    }
    assert_eq!(store.token(TokenHash([4; 32])).await.unwrap().unwrap().parent, Some(TokenHash([3; 32])));
    let stranger = AccountId(owner.0 + 1000);
    assert!(!store.remove_token(stranger, TokenHash([1; 32]), record()).await.unwrap());
    assert!(store.remove_token(owner, TokenHash([1; 32]), record()).await.unwrap());
    for number in [1, 3, 4] {
        let gone = store.token(TokenHash([number; 32])).await.unwrap();
        assert_eq!(gone, None, "a token is gone at once, with what was made with it");
    }
    assert!(store.add_token(child(5, 1), record()).await.is_err(), "one that has ended makes none");
}

/// The suite of [`Repeats`].
pub async fn repeats(store: &dyn Repeats) {
    let repeat =
        |fingerprint| Repeat { account: AccountId(1), key: "key".to_owned(), fingerprint: [fingerprint; 32] };
    let at = |seconds: i64| RepeatTimes {
        now: NOW.plus_seconds(seconds),
        forgotten: NOW.plus_seconds(seconds - 1000),
        abandoned: NOW.plus_seconds(seconds - 60),
    };
    let begin =
        async |fingerprint, seconds| store.begin_repeat(repeat(fingerprint), at(seconds)).await.unwrap();
    assert_eq!(begin(1, 0).await, Known::Nothing);
    assert_eq!((begin(1, 1).await, begin(2, 1).await), (Known::Running, Known::Other));
    store.end_repeat(repeat(1), None).await.unwrap();
    assert_eq!(begin(2, 2).await, Known::Nothing, "a key is free after a refusal");
    assert_eq!(begin(1, 63).await, Known::Nothing, "and after nobody answered");
    store.end_repeat(repeat(1), Some(vec![7])).await.unwrap();
    assert_eq!((begin(1, 900).await, begin(2, 900).await), (Known::Answered(vec![7]), Known::Other));
    assert_eq!(begin(2, 2000).await, Known::Nothing, "and when the answer was kept long enough");
    store.forget_repeats(NOW.plus_seconds(3000)).await.unwrap();
    assert_eq!(begin(1, 2001).await, Known::Nothing);
}
