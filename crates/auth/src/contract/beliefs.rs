//! The suite of whom organisations believe, and of jobs that are let in.

use wharf_core::{
    Access, Actor, Allowance, Credential, Error, Kind, Principal, Reach, Role, TokenHash, Verb, Workload,
    gate::OrganisationId,
};

use super::{
    NOW, record,
    tenancy::{account, id_of, name, user},
};
use crate::{
    issuers::Issuer,
    port::{
        Accounts, Admission, Beliefs, Believed, Claim, ClaimRule, IssuerRow, IssuerSource, Machines,
        NewOrganisation, Tenancy, Whose,
    },
    workloads::RequiredClaims,
};

fn issuer(called: &str, url: &str) -> IssuerRow {
    let issuer = Issuer {
        url: name(url),
        keys_url: Some(name("https://keys.example/")),
        authorities: Some("pem".to_owned()),
    };
    IssuerRow { id: 0, name: name(called), issuer, audience: Some("us".to_owned()), created_at: NOW }
}

fn reach(pattern: &str) -> Reach {
    let one = Allowance { repositories: name(pattern), verbs: vec![Verb::Pull, Verb::Push] };
    Reach::new(vec![one]).unwrap()
}

fn rule(called: &str, pattern: &str) -> ClaimRule {
    let claims = RequiredClaims::new([("sub".to_owned(), name("job"))].into()).unwrap();
    ClaimRule { id: 0, name: name(called), claims, reach: reach(pattern), created_at: NOW }
}

fn admission(rules: &[i64], number: u8) -> Admission {
    Admission {
        account: name("blf-acme+workload.1"),
        rules: rules.to_vec(),
        organisation: name("blf-acme"),
        role: Role::Writer,
        spent: vec![[number; 32]],
        spent_until: NOW.plus_seconds(60),
        token: TokenHash([number; 32]),
        name: "job".to_owned(),
        reach: reach("blf-acme/*"),
        expires_at: NOW.plus_seconds(900),
        workload: workload(),
    }
}

fn workload() -> Workload {
    let claims = [("sub".to_owned(), "job".to_owned())].into();
    Workload { issuer: "https://ci.example".to_owned(), claims }
}

/// The suite of [`Beliefs`].
pub async fn beliefs<S: Accounts + Tenancy + Machines + Beliefs>(store: &S) {
    let owner = user(store, "blf-owner", false).await;
    for organisation in ["blf-acme", "blf-other"] {
        let new =
            NewOrganisation { name: name(organisation), admin: Some(account(&owner)), claim: Claim::Free };
        store.create_organisation(new, record()).await.unwrap();
    }
    let (acme, other) = (id_of(store, &owner, "blf-acme").await, id_of(store, &owner, "blf-other").await);
    let issuer = issuers_are_kept(store, acme, other).await;
    every_way_to_believe_an_issuer_is_found(store, other).await;
    an_organisation_is_asked_for_among_the_oldest(store, (&owner, other)).await;
    let rule = rules_are_kept(store, (acme, issuer), other).await;
    let actor = a_job_is_let_in_once(store, rule).await;
    let role =
        async |organisation: &str| store.organisation_rights(&actor, &name(organisation)).await.unwrap().role;
    assert_eq!((role("blf-acme").await, role("blf-other").await), (Some(Role::Writer), None));
    assert!(
        store.robots(acme, super::tenancy::ALL).await.unwrap().is_empty(),
        "who stands for rules is no robot"
    );

    let theirs = a_job_of_others_is_let_in(store, other).await;
    assert!(
        !store.remove_claim_rule((other, issuer), name("ci"), record()).await.unwrap(),
        "of another organisation"
    );
    assert!(store.remove_claim_rule((acme, issuer), name("ci"), record()).await.unwrap());
    assert!(!store.remove_claim_rule((acme, issuer), name("ci"), record()).await.unwrap());
    assert_eq!(store.token(TokenHash([91; 32])).await.unwrap(), None, "what a rule gave ends with it");
    assert_eq!(role("blf-acme").await, None);
    let gone = store.admit(admission(&[rule], 99), vec![record()]).await.unwrap_err();
    assert_eq!(gone.kind(), Kind::Denied, "a rule that is gone lets nobody in");

    store.add_claim_rule((acme, issuer), self::rule("again", "blf-acme/*"), record()).await.unwrap();
    let anew = store.claim_rules(issuer).await.unwrap()[0].id;
    assert!(anew > rule, "a number is not given twice");
    let admission = Admission { account: name("blf-acme+workload.2"), ..admission(&[anew], 92) };
    store.admit(admission, vec![record()]).await.unwrap();
    store.remove_organisation(acme, record()).await.unwrap();
    assert_eq!(store.token(TokenHash([92; 32])).await.unwrap(), None, "and with its organisation");
    assert!(store.token(TokenHash([95; 32])).await.unwrap().is_some(), "what others gave is theirs to end");
    assert!(store.remove_claim_rule((other, theirs), name("own"), record()).await.unwrap());
    assert_eq!(store.token(TokenHash([95; 32])).await.unwrap(), None);
    let [left] = &sources(store, None).await[..] else { panic!("the other organisation believes it still") };
    assert_eq!((&left.organisations, rules(store, 0).await), (&vec![other], Vec::new()));
    assert!(!store.remove_issuer(acme, name("ci"), record()).await.unwrap());
    an_account_goes_with_its_last_token(store, other).await;
    assert!(store.remove_issuer(other, name("ci"), record()).await.unwrap());
    assert!(sources(store, None).await.is_empty(), "nobody believes it any more");
}

async fn sources<S: Beliefs>(store: &S, within: Option<&str>) -> Vec<IssuerSource> {
    let within = within.map(name);
    store.issuer_sources(&name("https://ci.example/blf"), within.as_ref()).await.unwrap()
}

/// The rules about the one source of the issuer behind one, whoever made them.
async fn rules<S: Beliefs>(store: &S, behind: i64) -> Vec<Believed> {
    let [source] = &sources(store, None).await[..] else { panic!("each source is there once") };
    store.rules_about(source.id, Whose::Everybody { behind }).await.unwrap()
}

/// Those of one organisation.
async fn rules_of<S: Beliefs>(store: &S, organisation: &str) -> Vec<Believed> {
    let [source] = &sources(store, None).await[..] else { panic!("each source is there once") };
    store.rules_about(source.id, Whose::Organisation(name(organisation))).await.unwrap()
}

/// A job chooses by what it says which rules it meets, and each set of them is another account.
async fn an_account_goes_with_its_last_token<S: Accounts + Machines + Beliefs>(
    store: &S,
    other: OrganisationId,
) {
    let issuer = store.issuer(other, &name("ci")).await.unwrap().unwrap().id;
    store.add_claim_rule((other, issuer), rule("many", "blf-other/*"), record()).await.unwrap();
    let rule = store.claim_rules(issuer).await.unwrap()[0].id;
    let admit = async |number: u16| {
        let [high, low] = number.to_be_bytes();
        let mut hash = [7; 32];
        (hash[0], hash[1]) = (high, low);
        let account = name(&format!("blf-other+workload.{number}"));
        let job = Admission { organisation: name("blf-other"), ..admission(&[rule], 0) };
        let job = Admission { account, spent: vec![hash], token: TokenHash(hash), ..job };
        store.admit(job, vec![record()]).await
    };
    let first = admit(0).await.unwrap().account().unwrap();
    for number in 1..199 {
        admit(number).await.unwrap();
    }
    let (one, two, three) = tokio::join!(admit(301), admit(302), admit(303));
    let refused: Vec<_> = [one, two, three].into_iter().filter_map(Result::err).collect();
    let kinds: Vec<_> = refused.iter().map(Error::kind).collect();
    assert_eq!(kinds, [Kind::RateLimited; 2], "a rule has so many accounts, however many come at once");
    assert_eq!(admit(200).await.unwrap_err().kind(), Kind::RateLimited, "and nothing is left of the try");
    for _ in 0..3 {
        store.forget_ended(NOW.plus_seconds(899)).await.unwrap();
    }
    assert!(store.by_id(first).await.unwrap().is_some(), "its token has not ended");
    for _ in 0..4 {
        store.forget_ended(NOW.plus_seconds(900)).await.unwrap();
    }
    assert!(store.by_id(first).await.unwrap().is_none());
    let again = admit(200).await.unwrap().account().unwrap();
    assert!(again.0 > first.0 && store.by_id(again).await.unwrap().is_some());
}

/// One issuer may be believed in as many ways as there may be issuers, and all of them are looked at.
async fn every_way_to_believe_an_issuer_is_found<S: Beliefs>(store: &S, id: OrganisationId) {
    let row = |number: usize| {
        let keys_url = Some(name(&format!("https://keys.example/{number}")));
        let issuer = Issuer { url: name("https://ci.example/ways"), keys_url, authorities: None };
        IssuerRow {
            name: name(&format!("way{number}")),
            issuer,
            ..self::issuer("way", "https://ci.example/ways")
        }
    };
    let there = store.issuers(id).await.unwrap().len();
    for number in there..20 {
        store.add_issuer(id, row(number), record()).await.unwrap();
    }
    assert_eq!(store.add_issuer(id, row(20), record()).await.unwrap_err().kind(), Kind::Conflict);
    let found =
        store.issuer_sources(&name("https://ci.example/ways"), Some(&name("blf-other"))).await.unwrap();
    assert_eq!(found.len(), 20 - there);
    for number in there..20 {
        assert!(store.remove_issuer(id, name(&format!("way{number}")), record()).await.unwrap());
    }
}

/// A source is read on behalf of the oldest few who believe it, and of the one that a job names: for those may have no room.
async fn an_organisation_is_asked_for_among_the_oldest<S: Tenancy + Beliefs>(
    store: &S,
    (owner, other): (&Actor, OrganisationId),
) {
    let row = issuer("crowd", "https://ci.example/crowd");
    let mut oldest = Vec::new();
    for number in 1..=5 {
        let called = format!("blf-old{number}");
        let new = NewOrganisation { name: name(&called), admin: Some(account(owner)), claim: Claim::Free };
        store.create_organisation(new, record()).await.unwrap();
        oldest.push(id_of(store, owner, &called).await);
    }
    for id in oldest.iter().chain([&other]) {
        store.add_issuer(*id, row.clone(), record()).await.unwrap();
    }
    let asked = async |within: Option<&str>| {
        let within = within.map(name);
        let found = store.issuer_sources(&row.issuer.url, within.as_ref()).await.unwrap();
        found.first().unwrap().organisations.clone()
    };
    assert_eq!(asked(None).await, oldest);
    assert_eq!(asked(Some("blf-old1")).await, oldest);
    assert_eq!(asked(Some("blf-other")).await, [&oldest[..], &[other]].concat());
    assert!(store.remove_issuer(other, row.name, record()).await.unwrap());
}

async fn issuers_are_kept<S: Beliefs>(store: &S, acme: OrganisationId, other: OrganisationId) -> i64 {
    let row = issuer("ci", "https://ci.example/blf");
    for id in [acme, other] {
        store.add_issuer(id, row.clone(), record()).await.unwrap();
    }
    let again = store.add_issuer(acme, row.clone(), record()).await.unwrap_err();
    assert_eq!(again.kind(), Kind::Exists);
    let twice = IssuerRow { name: name("again"), audience: None, ..row.clone() };
    assert_eq!(
        store.add_issuer(acme, twice, record()).await.unwrap_err().kind(),
        Kind::Exists,
        "the same by another name"
    );
    let plain = Issuer { url: name("https://plain.example"), keys_url: None, authorities: None };
    let second = IssuerRow { name: name("b"), issuer: plain, audience: None, ..row.clone() };
    store.add_issuer(acme, second.clone(), record()).await.unwrap();
    let listed = store.issuers(acme).await.unwrap();
    let id = listed[1].id;
    let expected = [IssuerRow { id: listed[0].id, ..second }, IssuerRow { id, ..row }];
    assert_eq!(listed, expected, "what is made is told as it is kept");
    assert_eq!(store.issuer(acme, &name("ci")).await.unwrap().as_ref(), listed.get(1));
    assert!(store.remove_issuer(acme, name("b"), record()).await.unwrap());
    assert_eq!(store.issuer(acme, &name("b")).await.unwrap(), None);
    id
}

async fn rules_are_kept<S: Beliefs>(store: &S, of: (OrganisationId, i64), other: OrganisationId) -> i64 {
    let new = rule("ci", "blf-acme/app");
    store.add_claim_rule(of, new.clone(), record()).await.unwrap();
    assert_eq!(store.add_claim_rule(of, new.clone(), record()).await.unwrap_err().kind(), Kind::Exists);
    let strange = store.add_claim_rule((other, of.1), new.clone(), record()).await.unwrap_err();
    assert!(matches!(strange.kind(), Kind::NotFound(_)), "an issuer of another organisation");
    let listed = store.claim_rules(of.1).await.unwrap();
    assert_eq!(listed, [ClaimRule { id: listed[0].id, ..new }]);
    let [source] = &sources(store, None).await[..] else { panic!("what two believe is read once") };
    let expected = issuer("ci", "https://ci.example/blf").issuer;
    assert_eq!((&source.issuer, &source.organisations), (&expected, &vec![of.0, other]), "the longest first");
    assert_eq!(sources(store, Some("blf-other")).await.first(), Some(source));
    assert!(sources(store, Some("blf-none")).await.is_empty());
    let expected = |organisation: &str, rule: &ClaimRule| Believed {
        organisation: name(organisation),
        audience: Some("us".to_owned()),
        rule: rule.clone(),
    };
    let ours = expected("blf-acme", &listed[0]);
    assert_eq!(rules(store, 0).await, std::slice::from_ref(&ours));
    assert_eq!(rules_of(store, "blf-acme").await, std::slice::from_ref(&ours));
    assert!(rules_of(store, "blf-other").await.is_empty(), "who has no rule believes nothing that counts");
    let issuer = store.issuer(other, &name("ci")).await.unwrap().unwrap().id;
    store.add_claim_rule((other, issuer), rule("later", "blf-other/*"), record()).await.unwrap();
    let theirs = expected("blf-other", &store.claim_rules(issuer).await.unwrap()[0]);
    assert_eq!(rules(store, 0).await, [ours.clone(), theirs.clone()], "the oldest first, whoever made it");
    assert_eq!(rules(store, ours.rule.id).await, std::slice::from_ref(&theirs));
    assert_eq!(rules_of(store, "blf-other").await, [theirs]);
    assert_eq!(rules_of(store, "blf-acme").await, [ours]);
    assert!(store.remove_claim_rule((other, issuer), name("later"), record()).await.unwrap());
    let slashed = store.issuer_sources(&name("https://ci.example/blf/"), None).await.unwrap();
    assert!(slashed.is_empty(), "to the letter");
    listed[0].id
}

/// The issuer of another organisation, a rule about which lets a job in.
async fn a_job_of_others_is_let_in<S: Beliefs>(store: &S, other: OrganisationId) -> i64 {
    let issuer = store.issuer(other, &name("ci")).await.unwrap().unwrap().id;
    store.add_claim_rule((other, issuer), rule("own", "blf-other/*"), record()).await.unwrap();
    let rule = store.claim_rules(issuer).await.unwrap()[0].id;
    let account = name("blf-other+workload.own");
    let admission = Admission { account, organisation: name("blf-other"), ..admission(&[rule], 95) };
    store.admit(admission, vec![record()]).await.unwrap();
    issuer
}

async fn a_job_is_let_in_once<S: Accounts + Machines + Beliefs>(store: &S, rule: i64) -> Actor {
    let principal = store.admit(admission(&[rule], 90), vec![record()]).await.unwrap();
    let used = Admission { token: TokenHash([93; 32]), ..admission(&[rule], 90) };
    assert_eq!(
        store.admit(used.clone(), vec![record()]).await.unwrap_err().kind(),
        Kind::Exists,
        "used before"
    );
    assert_eq!(store.token(TokenHash([93; 32])).await.unwrap(), None, "and nothing is left of the try");
    assert_eq!(
        store.admit(admission(&[rule], 91), vec![record()]).await.unwrap(),
        principal,
        "the same account"
    );
    let token = store.token(TokenHash([91; 32])).await.unwrap().expect("it got a token");
    let Principal::Robot { id, version, .. } = &principal else { panic!("a job is a robot: {principal:?}") };
    assert_eq!((token.account, token.account_version), (*id, *version));
    assert_eq!((token.reach, token.expires_at), (Some(reach("blf-acme/*")), Some(NOW.plus_seconds(900))));
    assert_eq!(store.workload(TokenHash([91; 32])).await.unwrap(), Some(workload()));
    assert_eq!(store.workload(TokenHash([93; 32])).await.unwrap(), None);
    assert!(store.by_id(*id).await.unwrap().is_some_and(|account| !account.disabled && !account.operator));
    store.forget_ended(NOW.plus_seconds(60)).await.unwrap();
    assert_eq!(
        store.admit(used.clone(), vec![record()]).await.unwrap_err().kind(),
        Kind::Exists,
        "in its time"
    );
    store.forget_ended(NOW.plus_seconds(61)).await.unwrap();
    store.admit(used, vec![record()]).await.expect("a token that ended long ago is forgotten");
    record().actor.known(principal, Credential::Token(TokenHash([91; 32])), Access::Whole)
}
