//! The suite of the providers of users, and of whom they let in.

use wharf_core::{AccountId, Kind, Role, TokenHash, UserName};

use super::{
    NOW, record,
    tenancy::{account, id_of, name, user},
};
use crate::{
    issuers::Issuer,
    port::{
        Accounts, Arrival, BrowserFlow, Claim, Exchange, Fate, GroupRole, InvitationRow, Invitations,
        NewOrganisation, ProviderRow, Providers, Spent, Tenancy, Users,
    },
};

fn group(group: &str, organisation: &str, role: Role) -> GroupRole {
    GroupRole { group: group.to_owned(), organisation: name(organisation), role }
}

fn provider(called: &str, exchange: Exchange) -> ProviderRow {
    ProviderRow {
        id: 0,
        name: name(called),
        issuer: Issuer { url: name("https://login.example"), keys_url: None, authorities: None },
        client_id: "us".to_owned(),
        client_secret: Some(vec![0, 255]),
        exchange,
        endpoint: Some(name("https://login.example/token")),
        browser: BrowserFlow::Code,
        scope: "openid groups".to_owned(),
        user_claim: "login".to_owned(),
        groups_claim: "groups".to_owned(),
        groups: vec![
            group("devs", "prv-acme", Role::Writer),
            group("devs", "prv-zoo", Role::Viewer),
            group("leads", "prv-acme", Role::Admin),
        ],
        created_at: NOW,
    }
}

fn arrival(provider: i64, login: &str, groups: &[&str]) -> Arrival {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    Arrival { provider, subject: format!("id-of-{login}"), name: Some(name(login)), groups, spent: None }
}

/// The suite of [`Providers`].
pub async fn providers<S: Accounts + Tenancy + Users + Providers + Invitations>(store: &S) {
    let owner = user(store, "prv-owner", false).await;
    for organisation in ["prv-acme", "prv-zoo"] {
        let new =
            NewOrganisation { name: name(organisation), admin: Some(account(&owner)), claim: Claim::Free };
        store.create_organisation(new, record()).await.unwrap();
    }
    let kept = providers_are_kept(store).await;
    let alice = roles_follow_the_groups(store, kept).await;
    nobody_is_taken_over(store, kept).await;
    whoever_is_called_otherwise_stays_the_same(store, kept).await;
    an_invitation_stays_beneath_what_groups_give(store, kept).await;
    let acme = id_of(store, &owner, "prv-acme").await;
    assert!(store.remove_provider(name("prv-corp"), record()).await.unwrap());
    assert!(!store.remove_provider(name("prv-corp"), record()).await.unwrap());
    assert_eq!(
        store.member(acme, &name("prv-alice")).await.unwrap(),
        None,
        "what groups gave goes with the provider"
    );
    let version = store.by_id(alice).await.unwrap().unwrap().version;
    assert!(version > 1, "and every credential");
    let gone = store.arrive(arrival(kept, "prv-alice", &[]), record()).await.unwrap_err();
    assert_eq!(gone.kind(), Kind::Denied);
    nobody_comes_back_by_a_provider_that_is_added_anew(store).await;
}

async fn nobody_comes_back_by_a_provider_that_is_added_anew<S: Accounts + Tenancy + Users + Providers>(
    store: &S,
) {
    // One was removed while the provider was there, and one since.
    store.decide_fate(name("prv-emil"), Fate::Removed, record()).await.unwrap();
    for called in ["prv-corp", "prv-beside"] {
        let row = ProviderRow { groups: Vec::new(), ..provider(called, Exchange::Off) };
        store.add_provider(row, record()).await.unwrap();
        let anew = store.browsed_at(&name(called)).await.unwrap().unwrap().id;
        for (removed, other) in [("prv-bob", "prv-robert"), ("prv-emil", "prv-emilia")] {
            for login in [Some(name(removed)), Some(name(other)), None] {
                let back = Arrival { name: login, ..arrival(anew, removed, &[]) };
                let refused = store.arrive(back, record()).await.unwrap_err();
                assert_eq!(refused.kind(), Kind::Unauthenticated, "{removed} at {called}");
            }
            assert!(store.by_name(&name(other)).await.unwrap().is_none());
        }
        let taken = store.arrive(arrival(anew, "prv-alice", &[]), record()).await.unwrap_err();
        assert_eq!(taken.kind(), Kind::Exists, "and the account of who was not removed is not given back");
        store.remove_provider(name(called), record()).await.unwrap();
    }
}

async fn providers_are_kept<S: Providers>(store: &S) -> i64 {
    assert_eq!(store.exchanging().await.unwrap(), None);
    let row = provider("prv-corp", Exchange::Grant);
    store.add_provider(row.clone(), record()).await.unwrap();
    let second = store.add_provider(provider("prv-other", Exchange::Cognito), record()).await.unwrap_err();
    assert_eq!(second.kind(), Kind::Conflict, "passwords are shown to one");
    let again = store.add_provider(provider("prv-corp", Exchange::Off), record()).await.unwrap_err();
    assert_eq!(again.kind(), Kind::Exists);
    let nowhere = ProviderRow {
        groups: vec![group("devs", "prv-none", Role::Admin)],
        ..provider("prv-off", Exchange::Off)
    };
    let lost = store.add_provider(nowhere, record()).await.unwrap_err();
    assert!(matches!(lost.kind(), Kind::NotFound(_)));
    let off = ProviderRow { browser: BrowserFlow::Off, ..provider("prv-off", Exchange::Off) };
    store.add_provider(off, record()).await.unwrap();
    assert_eq!(store.browsed().await.unwrap(), [name("prv-corp")]);
    for (called, is_there) in [("prv-corp", true), ("prv-off", false), ("prv-none", false)] {
        assert_eq!(store.browsed_at(&name(called)).await.unwrap().is_some(), is_there, "{called}");
    }
    let kept = store.exchanging().await.unwrap().unwrap();
    assert_eq!(kept, ProviderRow { id: kept.id, ..row }, "what is made is told as it is kept");
    assert_eq!(store.providers().await.unwrap().len(), 2);
    assert!(store.set_groups(name("prv-off"), Vec::new(), record()).await.unwrap());
    assert!(!store.set_groups(name("prv-none"), Vec::new(), record()).await.unwrap());
    assert!(store.remove_provider(name("prv-off"), record()).await.unwrap());
    kept.id
}

async fn roles_follow_the_groups<S: Accounts + Tenancy + Providers>(store: &S, provider: i64) -> AccountId {
    let login: UserName = name("prv-alice");
    let arrive =
        async |groups: &[&str]| store.arrive(arrival(provider, "prv-alice", groups), record()).await.unwrap();
    let roles = async |id| {
        let found = store.memberships(id).await.unwrap();
        found.into_iter().map(|row| (row.name.to_string(), row.role)).collect::<Vec<_>>()
    };
    let role = |organisation: &str, role| (organisation.to_owned(), Some(role));
    let id = arrive(&["devs", "leads", "strangers"]).await;
    let made = store.by_id(id).await.unwrap().unwrap();
    assert_eq!((made.password_hash, made.operator, made.disabled), (None, false, false));
    assert_eq!(
        roles(id).await,
        [role("prv-acme", Role::Admin), role("prv-zoo", Role::Viewer)],
        "the greater role counts"
    );
    assert_eq!(arrive(&["leads"]).await, id, "the same account");
    let spent = Spent { fingerprint: [77; 32], until: NOW };
    let once = Arrival { spent: Some(spent), ..arrival(provider, "prv-alice", &["leads"]) };
    assert_eq!(store.arrive(once.clone(), record()).await.unwrap(), id);
    assert_eq!(store.arrive(once, record()).await.unwrap_err().kind(), Kind::Denied, "what counts once");
    assert_eq!(roles(id).await, [role("prv-acme", Role::Admin)]);
    let zoo =
        store.organisation_rights(&record().actor, &name("prv-zoo")).await.unwrap().organisation.unwrap();
    assert!(store.set_member(zoo, login, Role::Writer, record()).await.unwrap());
    arrive(&["devs"]).await;
    assert_eq!(
        roles(id).await,
        [role("prv-acme", Role::Writer), role("prv-zoo", Role::Writer)],
        "what was given by hand stays"
    );
    arrive(&[]).await;
    assert_eq!(roles(id).await, [role("prv-zoo", Role::Writer)]);
    arrive(&["devs"]).await;
    id
}

async fn an_invitation_stays_beneath_what_groups_give<S: Tenancy + Providers + Invitations + Accounts>(
    store: &S,
    provider: i64,
) {
    let organisation = async |called: &str| {
        let rights = store.organisation_rights(&record().actor, &name(called)).await.unwrap();
        rights.organisation.unwrap()
    };
    let (acme, zoo) = (organisation("prv-acme").await, organisation("prv-zoo").await);
    let arrive =
        async |groups: &[&str]| store.arrive(arrival(provider, "prv-carol", groups), record()).await.unwrap();
    let carol = arrive(&["devs"]).await;
    for (byte, id, role, has) in
        [(151, acme, Role::Viewer, Role::Writer), (152, zoo, Role::Admin, Role::Admin)]
    {
        let row = InvitationRow {
            id: 0,
            role,
            note: String::new(),
            invited_by: "prv-owner".to_owned(),
            created_at: NOW,
            expires_at: NOW.plus_seconds(9),
        };
        store.add_invitation(id, (TokenHash([byte; 32]), row), record()).await.unwrap();
        let joined = store.accept_invitation(TokenHash([byte; 32]), carol, record()).await.unwrap().unwrap();
        assert_eq!(joined.role, has, "who has more keeps it as long as the group gives it");
    }
    let roles = async || {
        let found = store.memberships(carol).await.unwrap();
        found.into_iter().filter_map(|row| row.role).collect::<Vec<_>>()
    };
    arrive(&["devs"]).await;
    assert_eq!(roles().await, [Role::Writer, Role::Admin]);
    arrive(&[]).await;
    assert_eq!(roles().await, [Role::Viewer, Role::Admin], "what was promised by hand stays");
    arrive(&["devs"]).await;
    assert_eq!(roles().await, [Role::Viewer, Role::Admin], "and is no group's any more");

    let dora = store.arrive(arrival(provider, "prv-dora", &["devs"]), record()).await.unwrap();
    assert!(store.set_password(dora, "hash".to_owned(), record()).await.unwrap());
    assert!(
        store.memberships(dora).await.unwrap().is_empty(),
        "who gets a password here is the provider's no more"
    );
    let other = Arrival { name: Some(name("prv-dora-two")), ..arrival(provider, "prv-dora", &[]) };
    assert_ne!(store.arrive(other, record()).await.unwrap(), dora);
}

async fn nobody_is_taken_over<S: Accounts + Users + Providers>(store: &S, provider: i64) {
    let taken = store.arrive(arrival(provider, "prv-owner", &["leads"]), record()).await.unwrap_err();
    assert_eq!(taken.kind(), Kind::Exists, "a login that is somebody's");
    let another = Arrival { subject: "another".to_owned(), ..arrival(provider, "prv-alice", &[]) };
    assert_eq!(
        store.arrive(another, record()).await.unwrap_err().kind(),
        Kind::Exists,
        "of the same provider, too"
    );
    store.arrive(arrival(provider, "prv-bob", &["devs"]), record()).await.unwrap();
    for fate in [Fate::Disabled, Fate::Removed] {
        store.decide_fate(name("prv-bob"), fate, record()).await.unwrap();
        for called in [Some(name("prv-bob")), Some(name("prv-robert")), None] {
            let back = Arrival { name: called, ..arrival(provider, "prv-bob", &["devs"]) };
            let refused = store.arrive(back, record()).await.unwrap_err();
            assert_eq!(refused.kind(), Kind::Unauthenticated, "{fate:?}");
        }
    }
    assert!(store.by_name(&name("prv-robert")).await.unwrap().is_none());
}

async fn whoever_is_called_otherwise_stays_the_same<S: Accounts + Providers>(store: &S, provider: i64) {
    let called = |name| Arrival { name, ..arrival(provider, "prv-emil", &[]) };
    let nameless = store.arrive(called(None), record()).await.unwrap_err();
    assert_eq!(nameless.kind(), Kind::Unauthenticated, "a new account needs a name");
    let emil = store.arrive(called(Some(name("prv-emil"))), record()).await.unwrap();
    for other in [Some(name("prv-emilia")), Some(name("prv-owner")), None] {
        assert_eq!(store.arrive(called(other), record()).await.unwrap(), emil, "it is the same subject");
        assert_eq!(store.by_id(emil).await.unwrap().unwrap().name.to_string(), "prv-emil");
    }
    assert!(store.by_name(&name("prv-emilia")).await.unwrap().is_none());
}
