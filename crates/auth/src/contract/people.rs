//! The suite of users as people.

use wharf_core::{AccountId, Kind, Role, TokenHash, audit::AuditRecord};

use super::{
    NOW, record,
    tenancy::{ALL, id_of, name, user},
};
use crate::port::{
    Accounts, Carried, Claim, InvitationRow, Invitations, Letters, LinkRow, LinkWay, Links, NewAccount,
    NewOrganisation, Newcomer, People, Person, PromiseRow, SealedLetter, SignedUpBy, Tenancy,
};

/// The suite of [`People`].
pub async fn people(accounts: &dyn Accounts, tenancy: &dyn Tenancy, store: &dyn People) {
    who_comes_for_the_first_time_finds_an_organisation(accounts, tenancy, store).await;
    an_address_is_of_one_user(accounts, store).await;
}

/// The suite of [`Invitations`].
pub async fn invitations(accounts: &dyn Accounts, tenancy: &dyn Tenancy, store: &dyn Invitations) {
    let (owner, guest) = (user(accounts, "inv-owner", false).await, user(accounts, "inv-guest", false).await);
    let acme =
        NewOrganisation { name: name("inv-acme"), admin: owner.principal().account(), claim: Claim::Free };
    tenancy.create_organisation(acme, record()).await.unwrap();
    let (id, guest) = (id_of(tenancy, &owner, "inv-acme").await, guest.principal().account().unwrap());
    let all = async || store.invitations(id, NOW, ALL).await.unwrap();
    let add = async |byte: u8, role| {
        let expires_at = NOW.plus_seconds(9);
        let row = InvitationRow {
            id: 0,
            role,
            note: "for a guest".to_owned(),
            invited_by: "inv-owner".to_owned(),
            created_at: NOW,
            expires_at,
        };
        store.add_invitation(id, (TokenHash([byte; 32]), row), record()).await.unwrap()
    };
    let first = add(201, Role::Writer).await;
    assert_eq!(all().await.iter().map(|row| (row.id, row.role)).collect::<Vec<_>>(), [(first, Role::Writer)]);
    assert!(store.invitations(id, NOW.plus_seconds(9), ALL).await.unwrap().is_empty(), "it ends by itself");
    let accept = async |byte: u8, at: i64| {
        let record = AuditRecord { at: NOW.plus_seconds(at), ..record() };
        store.accept_invitation(TokenHash([byte; 32]), guest, record).await.unwrap().map(|joined| joined.role)
    };
    assert_eq!(accept(201, 9).await, None, "one that ended is none");
    let second = add(202, Role::Writer).await;
    assert!(store.remove_invitation(id, second, record()).await.unwrap());
    assert!(!store.remove_invitation(id, second, record()).await.unwrap());
    assert_eq!(accept(202, 0).await, None, "one that was taken back is none");
    let invites =
        async |byte: u8, at: i64| store.invites(TokenHash([byte; 32]), NOW.plus_seconds(at)).await.unwrap();
    assert!(invites(201, 8).await && !invites(201, 9).await && !invites(202, 0).await);
    assert_eq!(accept(201, 0).await, Some(Role::Writer));
    assert_eq!(accept(201, 0).await, None, "it is good for one use");
    add(203, Role::Viewer).await;
    assert_eq!(accept(203, 0).await, Some(Role::Writer), "who has more keeps it");

    add(204, Role::Viewer).await;
    let sign_up = async |login: &str, byte: Option<u8>| {
        let account = new(login, Person::default());
        let by = SignedUpBy { invitation: byte.map(|byte| TokenHash([byte; 32])), promise: None };
        store.sign_up(account, by, record()).await.map_err(|error| error.kind())
    };
    assert_eq!(sign_up("inv-acme", None).await, Err(Kind::Exists), "an organisation is called so");
    assert_eq!(sign_up("inv-guest", None).await, Err(Kind::Exists));
    assert_eq!(sign_up("inv-new", Some(201)).await, Err(Kind::Denied));
    assert!(accounts.by_name(&name("inv-new")).await.unwrap().is_none(), "and nobody was made");
    let new = sign_up("inv-new", Some(204)).await.unwrap();
    assert_eq!(tenancy.memberships(new).await.unwrap()[0].role, Some(Role::Viewer));
}

/// The suite of [`Links`].
pub async fn links(accounts: &dyn Accounts, store: &dyn Links) {
    let account = user(accounts, "lin-one", false).await.principal().account().unwrap();
    let link = |byte: u8, account_version| LinkRow {
        hash: TokenHash([byte; 32]),
        account,
        way: LinkWay::Handed,
        account_version,
        expires_at: NOW.plus_seconds(9),
    };
    let found = async |byte: u8, at: i64| {
        store.link(TokenHash([byte; 32]), NOW.plus_seconds(at)).await.unwrap().is_some()
    };
    store.add_link(link(1, 1), record()).await.unwrap();
    store.add_link(link(2, 1), record()).await.unwrap();
    store.add_link(LinkRow { way: LinkWay::Sent, ..link(4, 1) }, record()).await.unwrap();
    assert!(
        found(2, 0).await && found(4, 0).await,
        "what a stranger has sent ends nothing that was handed over"
    );
    assert_eq!((found(1, 0).await, found(2, 0).await, found(2, 9).await), (false, true, false));
    assert!(!store.use_link(link(1, 1), "new".to_owned(), record()).await.unwrap());
    assert!(store.use_link(link(2, 1), "new".to_owned(), record()).await.unwrap());
    assert!(!store.use_link(link(2, 1), "newer".to_owned(), record()).await.unwrap(), "once");
    assert!(!found(4, 0).await, "one use ends both");
    let changed = accounts.by_id(account).await.unwrap().unwrap();
    assert_eq!((changed.password_hash.as_deref(), changed.version), (Some("new"), 2));
    store.add_link(link(3, 2), record()).await.unwrap();
    accounts.set_password(account, "other".to_owned(), record()).await.unwrap();
    assert!(!found(3, 0).await, "a new password ends it");
    assert!(!store.use_link(link(3, 2), "new".to_owned(), record()).await.unwrap());
}

/// The suite of [`Letters`].
pub async fn letters(
    (accounts, people): (&dyn Accounts, &dyn People),
    invitations: &dyn Invitations,
    store: &dyn Letters,
) {
    letters_are_taken_by_one_and_tried_again(store).await;
    a_recipient_gets_few_letters_and_links_come_first(accounts, store).await;
    let id = user(accounts, "let-one", false).await.principal().account().unwrap();
    let said = Person { verified_at: None, ..known_by("one@let.example") };
    people.set_person(id, said.clone(), record()).await.unwrap();
    let promise = |byte: u8, account| PromiseRow {
        hash: TokenHash([byte; 32]),
        account,
        sealed: vec![byte],
        expires_at: NOW.plus_seconds(9),
    };
    let post = async |byte: u8, account| {
        let carried = Carried::Promise(promise(byte, account));
        assert!(store.post(letter(byte), carried, record()).await.unwrap());
    };
    post(101, Some(id)).await;
    post(102, Some(id)).await;
    let found =
        async |byte: u8, at: i64| store.promise(TokenHash([byte; 32]), NOW.plus_seconds(at)).await.unwrap();
    assert_eq!(found(101, 0).await, None, "the newest of an account counts");
    assert_eq!((found(102, 0).await, found(102, 9).await), (Some(promise(102, Some(id))), None));
    let address = || "one@let.example".to_owned();
    assert_eq!(store.account_of_address(address()).await.unwrap(), None, "nobody knows that it is his");
    let by = async |byte: u8, key: String| {
        store.verify_address((TokenHash([byte; 32]), id), key, record()).await.unwrap()
    };
    assert!(!by(101, address()).await);
    assert!(by(102, address()).await && !by(102, address()).await, "once");
    assert_eq!(store.account_of_address(address()).await.unwrap(), Some(id));
    post(103, Some(id)).await;
    assert!(!by(103, "other@let.example".to_owned()).await, "he has another address by now");

    people.set_person(id, said.clone(), record()).await.unwrap();
    post(104, None).await;
    let by = SignedUpBy { invitation: None, promise: Some(TokenHash([104; 32])) };
    let other = invitations.sign_up(new("let-two", known_by("ONE@let.example")), by, record()).await.unwrap();
    assert_eq!(store.account_of_address(address()).await.unwrap(), Some(other));
    assert_eq!(people.person(id).await.unwrap(), said, "who only said so goes on saying it");
    post(105, Some(id)).await;
    let late = store.verify_address((TokenHash([105; 32]), id), address(), record()).await.unwrap_err();
    assert_eq!(late.kind(), Kind::Exists, "and proves it no more");
    let again = invitations.sign_up(new("let-three", Person::default()), by, record()).await;
    assert_eq!(again.unwrap_err().kind(), Kind::Denied, "once");
}

async fn letters_are_taken_by_one_and_tried_again(store: &dyn Letters) {
    assert!(store.post(letter(7), Carried::Nothing, record()).await.unwrap());
    let take = async |at: i64| {
        let taken = store.take_due_letters(NOW.plus_seconds(at), NOW.plus_seconds(at + 5)).await.unwrap();
        taken.into_iter().map(|row| (row.id, row.sealed, row.attempts)).collect::<Vec<_>>()
    };
    let taken = take(0).await;
    let [(id, sealed, attempts)] = taken.as_slice() else { panic!("one letter was due: {taken:?}") };
    assert_eq!((sealed.as_slice(), *attempts), ([7].as_slice(), 1));
    assert!(take(4).await.is_empty(), "nobody else gets it meanwhile");
    assert_eq!(take(5).await, [(*id, vec![7], 2)], "whoever took it was gone");
    store.settle_letter(*id, Some(NOW.plus_seconds(20))).await.unwrap();
    assert!(take(19).await.is_empty());
    assert_eq!(take(20).await.len(), 1);
    store.settle_letter(*id, None).await.unwrap();
    assert!(take(100).await.is_empty());
}

async fn a_recipient_gets_few_letters_and_links_come_first(accounts: &dyn Accounts, store: &dyn Letters) {
    let account = user(accounts, "let-many", false).await.principal().account().unwrap();
    let link = |byte: u8| {
        let (hash, expires_at) = (TokenHash([byte; 32]), NOW.plus_seconds(9));
        Carried::Link(LinkRow { hash, account, way: LinkWay::Sent, account_version: 1, expires_at })
    };
    let post = async |letter: SealedLetter, carried: Carried, at: i64| {
        store.post(letter, carried, AuditRecord { at: NOW.plus_seconds(at), ..record() }).await.unwrap()
    };
    let one = || post(letter(8), Carried::Nothing, 0);
    let written = tokio::join!(one(), one(), one(), one(), one(), one(), one());
    let written = <[bool; 7]>::from(written).into_iter().filter(|written| *written).count();
    assert_eq!(written, 5, "a sixth within the hour is not written, not even at the same time");
    assert!(post(letter(9), Carried::Nothing, 0).await, "another recipient gets his");
    for byte in 110..115 {
        assert!(post(letter(8), link(byte), 1).await, "links are counted apart");
    }
    assert!(!post(letter(8), link(115), 1).await);
    let take = async || store.take_due_letters(NOW.plus_seconds(1), NOW.plus_seconds(2)).await.unwrap();
    let (first, second) = (take().await, take().await);
    assert_eq!((first.len(), second.len()), (10, 1));
    let newest = first.iter().map(|row| row.id).max();
    let links = first.iter().filter(|row| row.created_at == NOW.plus_seconds(1)).count();
    assert!(
        links == 5 && newest > second.iter().map(|row| row.id).max(),
        "who waits for a link does not wait for others"
    );
    for row in first.iter().chain(&second) {
        store.settle_letter(row.id, None).await.unwrap();
    }
    assert!(!post(letter(8), Carried::Nothing, 3599).await, "what was brought counts too");
    store.remove_expired_promises(NOW.plus_seconds(3599)).await.unwrap();
    assert!(!post(letter(8), Carried::Nothing, 3599).await);
    store.remove_expired_promises(NOW.plus_seconds(3600)).await.unwrap();
    assert!(post(letter(8), Carried::Nothing, 3600).await, "after the hour there is room again");
    for row in store.take_due_letters(NOW.plus_seconds(3600), NOW.plus_seconds(3601)).await.unwrap() {
        store.settle_letter(row.id, None).await.unwrap();
    }
}

fn letter(byte: u8) -> SealedLetter {
    SealedLetter { recipient: [byte; 32], sealed: vec![byte] }
}

fn new(login: &str, person: Person) -> NewAccount {
    NewAccount {
        name: name(login),
        password_hash: "hash".to_owned(),
        operator: false,
        memberships: Vec::new(),
        person,
    }
}

fn known_by(email: &str) -> Person {
    let email = Some(email.parse().unwrap());
    Person { email, verified_at: Some(NOW), given_name: Some("Ada".parse().unwrap()), family_name: None }
}

async fn an_address_is_of_one_user(accounts: &dyn Accounts, store: &dyn People) {
    let one = accounts.create(new("peo-one", known_by("One@peo.example")), record()).await.unwrap();
    assert_eq!(store.person(one).await.unwrap(), known_by("One@peo.example"));
    let taken = accounts.create(new("peo-two", known_by("one@PEO.example")), record()).await.unwrap_err();
    assert_eq!(taken.kind(), Kind::Exists, "cases make no other address");
    assert!(accounts.by_name(&name("peo-two")).await.unwrap().is_none(), "and nothing was made");
    let two = accounts.create(new("peo-two", Person::default()), record()).await.unwrap();
    assert_eq!(store.person(two).await.unwrap(), Person::default());
    let taken = store.set_person(two, known_by("ONE@peo.example"), record()).await.unwrap_err();
    assert_eq!(taken.kind(), Kind::Exists);
    let said = Person { verified_at: None, ..known_by("One@peo.example") };
    store.set_person(two, said.clone(), record()).await.expect("what is only said stands in nobody's way");
    assert_eq!(store.person(two).await.unwrap(), said);
    store.set_person(one, known_by("one@peo.example"), record()).await.expect("its own is no other's");
    store.set_person(one, Person::default(), record()).await.unwrap();
    store.set_person(two, known_by("one@peo.example"), record()).await.expect("what was given up is free");
}

async fn who_comes_for_the_first_time_finds_an_organisation(
    accounts: &dyn Accounts,
    tenancy: &dyn Tenancy,
    store: &dyn People,
) {
    let foreign = NewOrganisation { name: name("peo-taken"), admin: None, claim: Claim::Free };
    tenancy.create_organisation(foreign, record()).await.unwrap();
    for (login, organisations) in [("peo-free", 1), ("peo-taken", 0)] {
        let id = user(accounts, login, false).await.principal().account().unwrap();
        assert!(accounts.by_id(id).await.unwrap().unwrap().is_new);
        for _ in 0..2 {
            welcome(store, id, login).await;
            assert!(!accounts.by_id(id).await.unwrap().unwrap().is_new, "the first login is written down");
            let found = tenancy.memberships(id).await.unwrap();
            assert_eq!(found.len(), organisations, "{login}");
            assert!(found.iter().all(|row| row.role == Some(Role::Admin)), "it is the admin of its own");
        }
    }
    let again = NewOrganisation { name: name("peo-free"), admin: None, claim: Claim::Free };
    assert_eq!(tenancy.create_organisation(again, record()).await.unwrap_err().kind(), Kind::Exists);
}

async fn welcome(store: &dyn People, account: AccountId, login: &str) {
    let newcomer = Newcomer { account, organisation: Some(name(login)) };
    let record = AuditRecord { organisation: Some(name(login)), ..record() };
    store.welcome(newcomer, record).await.unwrap();
}
