//! Records as they are looked for, and what that costs.

use async_trait::async_trait;
use wharf_core::{Actor, Clock as _, Digest, Limit, PageAfter, Result, Timestamp, audit::AuditRecord};
use wharf_registry::{
    audit::{RecordFilter, RecordPlace},
    port::{Ledger as _, RecordsOf, Store, Transaction, Work},
};

use super::{DAY, House, NOVEMBER, operator};
use crate::{
    Database,
    on_both::on_both,
    rows::SqlWork,
    session::{Session, Unit},
    sqlite::count_steps,
};

async fn records_are_found_by_what_is_known_of_them(database: Database) {
    let house = House::on(database);
    house.record(5).await;
    house.later(3);
    house.record(5).await;
    let find = async |filter: RecordFilter, before, limit: &str| {
        let page = PageAfter { last: before, limit: Limit::parse(limit).unwrap() };
        let page = house.log.all_records(&operator(), filter, page).await.unwrap();
        (page.entries.into_iter().map(|row| row.target.unwrap_or_default()).collect::<Vec<_>>(), page.more)
    };
    let all = RecordFilter::default;
    let (latest, more) = find(all(), None, "3").await;
    assert_eq!((latest.join(","), more), ("thing 4,thing 3,thing 2".to_owned(), true));
    let day = |days| Some(Timestamp::from_microseconds(NOVEMBER + days * DAY));
    assert_eq!(find(RecordFilter { from: day(1), ..all() }, None, "100").await.0.len(), 5);
    assert_eq!(find(RecordFilter { to: day(1), ..all() }, None, "100").await.0.len(), 5);
    assert_eq!(find(RecordFilter { from: day(1), to: day(2), ..all() }, None, "100").await.0.len(), 0);
    assert_eq!(find(RecordFilter { from: day(3), to: day(4), ..all() }, None, "100").await.0.len(), 5);
    let fourth = Some(RecordPlace { at: Timestamp::from_microseconds(NOVEMBER), id: 4 });
    let named = |name: &str| Some(name.to_owned());
    assert_eq!(find(RecordFilter { actor: named("test"), ..all() }, None, "100").await.0.len(), 10);
    assert_eq!(find(RecordFilter { actor: named("nobody"), ..all() }, None, "100").await.0.len(), 0);
    assert_eq!(find(RecordFilter { action: named("test.done"), ..all() }, fourth, "100").await.0.len(), 3);
    let digest = format!("sha256:{}", "e".repeat(64)).parse().ok();
    assert_eq!(find(RecordFilter { digest, ..all() }, None, "100").await.0.len(), 0);
    let repository = "acme/app".parse().ok();
    assert_eq!(find(RecordFilter { repository, ..all() }, None, "100").await.0.len(), 0);
}

async fn records_are_found_by_their_time_whenever_they_were_written_down(database: Database) {
    let house = House::on(database);
    for (organisation, actor, count) in [("rare", "seldom", 3), ("acme", "often", 3000), ("rare", "often", 5)]
    {
        let store: &dyn Store = &house.database;
        store.commit(Deeds { organisation, actor, count, at: house.clock.now() }).await.unwrap();
        house.later(1);
    }
    // What is written down last happened an hour before the rest of that day.
    let at = Timestamp::from_microseconds(NOVEMBER + 2 * DAY - DAY / 24);
    let late = Deeds { organisation: "rare", actor: "late", count: 1, at };
    let store: &dyn Store = &house.database;
    store.commit(late).await.unwrap();
    let page = async |filter| house.log.all_records(&operator(), filter, PageAfter::first()).await;
    let of = |actor: &str| RecordFilter { actor: Some(actor.to_owned()), ..RecordFilter::default() };
    assert_eq!(page(of("seldom")).await.unwrap().entries.len(), 3);
    let to = Some(Timestamp::from_microseconds(NOVEMBER + DAY));
    let early = page(RecordFilter { to, ..RecordFilter::default() }).await.unwrap().entries;
    let actors: Vec<_> = early.iter().map(|record| record.actor.as_str()).collect();
    assert_eq!(actors, ["seldom"; 3]);
    let all = page(RecordFilter::default()).await.unwrap().entries;
    assert_eq!(all[5].actor, "late", "by time, whenever it was written down");
    let from = Some(Timestamp::from_microseconds(NOVEMBER + 2 * DAY));
    let latest = page(RecordFilter { from, ..RecordFilter::default() }).await.unwrap().entries;
    assert_eq!(latest.len(), 5, "one record of long ago hides none of today");
}

/// What somebody did in an organisation, to one content.
struct Deeds {
    organisation: &'static str,
    actor: &'static str,
    count: usize,
    at: Timestamp,
}

#[async_trait]
impl Transaction for Deeds {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        let actor = Actor::job(self.actor);
        for _ in 0..self.count {
            let record = AuditRecord::new(self.at, &actor, self.actor);
            let (organisation, digest) = (Some(self.organisation.parse()?), Some(digest()));
            work.audit(&AuditRecord { organisation, digest, ..record }).await?;
        }
        Ok(())
    }
}

fn digest() -> Digest {
    format!("sha256:{}", "5".repeat(64)).parse().unwrap()
}

/// A search as it is read.
#[derive(Clone)]
struct Search(RecordsOf);

#[async_trait]
impl Unit for Search {
    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        SqlWork::on(session).records(&self.0).await.map(drop)
    }
}

/// Whoever looks for what is rare, or for what others have much of, waits for none of the rest.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_search_costs_does_not_grow_with_what_it_does_not_show() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wharf.sqlite");
    let house = House::on(Database::sqlite(&path, &folder.path().join("ballast")).unwrap());
    let rare = |of: Option<&str>| {
        let base = RecordsOf { organisation: of.map(str::to_owned), most: 10, ..RecordsOf::default() };
        let named = |name: &str| Some(name.to_owned());
        [
            RecordsOf { actor: named("seldom"), ..base.clone() },
            RecordsOf { action: named("seldom"), ..base.clone() },
            RecordsOf { digest: Some(digest()), ..base.clone() },
            RecordsOf { actor: named("often"), ..base.clone() },
            RecordsOf { from: Some(house.clock.now()), ..base },
        ]
    };
    let searches: Vec<_> = rare(None).into_iter().chain(rare(Some("rare"))).map(Search).collect();
    let mut steps = Vec::new();
    for count in [10, 5000] {
        let store: &dyn Store = &house.database;
        let deeds = [("rare", "seldom", 3), ("rare", "often", count), ("acme", "often", count)];
        for (organisation, actor, count) in deeds {
            let at = Timestamp::from_microseconds(NOVEMBER - DAY);
            store.commit(Deeds { organisation, actor, count, at }).await.unwrap();
        }
        steps.push(searches.iter().map(|search| count_steps(&path, search)).collect::<Vec<_>>());
    }
    for (few, many) in steps[0].iter().zip(&steps[1]) {
        assert!(*many < 2 * few + 100, "{steps:?}");
    }
}

on_both!(
    records_are_found_by_what_is_known_of_them records_are_found_by_what_is_known_of_them_on_postgres,
    records_are_found_by_their_time_whenever_they_were_written_down
        records_are_found_by_their_time_whenever_they_were_written_down_on_postgres
);
