//! Every endpoint against every caller, from the checked-in `access_table.txt`. A new endpoint adds its rows there.
//!
//! The table is run with passwords, and with tokens that ask for everything, for a token must never answer otherwise than
//! its owner would; and what of it is about a repository with tokens for one thing alone, which open that and no more.

mod table;
mod world;

use table::{Caller, Kind, Narrow, Row, rows};
use world::{Credential, World};

async fn run(credential: Credential, is_run: impl Fn(&Row) -> bool) {
    let world = World::build(credential).await;
    let mut wrong = Vec::new();
    let mut asked = 0;
    for row in rows().iter().filter(|row| is_run(row)) {
        for (caller, expected) in Caller::ALL.into_iter().zip(row.statuses) {
            let answer = world.ask(row, caller).await;
            asked += 1;
            if answer.status != expected {
                let said = String::from_utf8_lossy(&answer.body).into_owned();
                let row = format!("{:?} {} {}", row.kind, row.method, row.path);
                wrong.push(format!("{row} as {caller:?}: {} instead of {expected} {said}", answer.status));
            }
        }
    }
    assert!(asked > 100, "the table is all but empty");
    assert!(wrong.is_empty(), "{} of {asked} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn every_caller_with_a_password_gets_what_the_table_says() {
    run(Credential::Password, |_| true).await;
}

#[tokio::test]
async fn every_caller_with_a_token_gets_what_the_table_says() {
    // The pages outside the protocol know no anonymous token, and the operator's no narrowed one; the ping and the catalog answer it, and not nobody. A
    // token for some repositories never lists a registry, and publishers and installers of Python send passwords.
    let others = ["/healthz", "/readyz", "/metrics", "/v2/", "/v2/_catalog"];
    let lists = ["{registry}/facts", "{index}", "{plugins}", "{charts}"];
    let is_list = |row: &Row| lists.iter().any(|list| row.path.contains(list));
    run(Credential::Token, |row| !others.contains(&row.path.as_str()) && !is_token(row) && !is_list(row))
        .await;
}

/// A row that is for nothing but one verb lets its token in; every other says that another token would do.
#[tokio::test]
async fn a_token_for_one_thing_alone_opens_that_and_no_more() {
    for token in Narrow::ALL {
        let world = World::build(Credential::NarrowToken(token)).await;
        let (mut wrong, mut opened) = (Vec::new(), 0);
        for row in rows().iter().filter(|row| row.takes_a_right()) {
            for (caller, promised) in Caller::ALL.into_iter().zip(row.statuses) {
                let expected = row.narrowed((caller, promised), token);
                let answer = world.ask(row, caller).await;
                let is_told = || answer.challenge().get("error") == Some("insufficient_scope");
                if answer.status != expected || (expected != promised && !is_told()) {
                    let cell = format!("{:?} {} {} as {caller:?}", row.kind, row.method, row.path);
                    wrong.push(format!(
                        "{cell}: {} instead of {expected} {:?}",
                        answer.status, answer.headers
                    ));
                }
                opened += usize::from(answer.status < 300 && caller == Caller::Writer);
            }
        }
        assert!(wrong.is_empty(), "{} cells are wrong for {token:?}:\n{}", wrong.len(), wrong.join("\n"));
        assert_eq!(opened > 0, token != Narrow::Elsewhere, "{token:?} opened {opened}");
    }
}

fn is_token(row: &Row) -> bool {
    row.path.starts_with("/token")
}

#[test]
fn the_table_covers_each_endpoint_in_each_kind_of_registry() {
    let rows = rows();
    let below_repository = |kind: Kind| {
        let of_kind = rows.iter().filter(|row| row.kind == kind && row.path.contains('{') && !is_token(row));
        of_kind.map(|row| (row.method.clone(), row.path.clone())).collect::<Vec<_>>()
    };
    assert_eq!(below_repository(Kind::Private), below_repository(Kind::Public));
}
