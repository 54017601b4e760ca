//! The sealed audit log against somebody who can write to the database, on both databases.

mod searching;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use wharf_core::{
    Actor, Algorithm, Clock, Kind, Limit, OperatorGrant, PageAfter, Result, Timestamp,
    audit::{AuditRecord, HeadSigner},
    gate, hex,
};
use wharf_registry::{
    audit::{
        AuditFinding, AuditInspector, AuditLog, AuditParts, Checked, Exported, Head, Kept, Month,
        RecordFilter, RecordPlace, RemovedMonth,
    },
    port::{Store, Transaction, Work},
};

use crate::{Database, database::Step, on_both::on_both, session::Session};

/// Noon of the fourteenth of November 2023.
const NOVEMBER: i64 = 1_699_963_200_000_000;
const DAY: i64 = 24 * 3600 * 1_000_000;

struct At(AtomicI64);

impl Clock for At {
    fn now(&self) -> Timestamp {
        Timestamp::from_microseconds(self.0.load(Ordering::Relaxed))
    }
}

/// Signs by hashing with what nobody else knows.
struct Signs(&'static str);

impl HeadSigner for Signs {
    fn sign(&self, text: &[u8]) -> Result<Vec<u8>> {
        Ok(wharf_hash::digest(Algorithm::Sha256, &[self.0.as_bytes(), text].concat()).as_bytes().to_vec())
    }

    fn verifies(&self, text: &[u8], signature: &[u8]) -> bool {
        self.sign(text).unwrap() == signature
    }

    fn public_key(&self) -> Vec<u8> {
        Vec::new()
    }
}

struct House {
    database: Database,
    clock: Arc<At>,
    log: AuditLog,
}

impl House {
    fn on(database: Database) -> Self {
        let clock = Arc::new(At(AtomicI64::new(NOVEMBER)));
        let log = log(&database, clock.clone(), "one");
        Self { database, clock, log }
    }

    fn later(&self, days: i64) {
        self.clock.0.fetch_add(days * DAY, Ordering::Relaxed);
    }

    async fn record(&self, count: usize) {
        let store: &dyn Store = &self.database;
        store.commit(Records { count, at: self.clock.now() }).await.unwrap();
    }

    async fn verified(&self) -> (Vec<AuditFinding>, Checked) {
        let mut found = Found::default();
        let checked = self.log.verify(None, &mut found).await.unwrap();
        (found.0, checked)
    }

    async fn noted(&self, noted: &str) -> Vec<AuditFinding> {
        let mut found = Found::default();
        self.log.verify(Some(noted.parse().unwrap()), &mut found).await.unwrap();
        found.0
    }

    async fn heads(&self) -> Vec<Head> {
        self.log.heads().await.unwrap().into_iter().map(|row| row.head).collect()
    }

    /// A month as it is exported, and its lines.
    async fn export(&self, month: Month) -> Result<(Exported, Vec<String>)> {
        let heads = self.log.heads().await?;
        let row = heads.iter().find(|row| row.head.month == month).unwrap();
        let (mut export, mut lines) = (self.log.export_month(&operator(), row)?, Vec::new());
        loop {
            let next = export.next().await?;
            if next.is_empty() {
                return Ok((export.end()?, lines));
            }
            lines.extend(next);
        }
    }

    /// Does to the rows what somebody does who can write to the database; how many it touched.
    async fn tamper(&self, statement: &'static str) -> u64 {
        self.database.write(Tamper(statement)).await.unwrap()
    }
}

fn log(database: &Database, clock: Arc<At>, node: &str) -> AuditLog {
    AuditLog::new(AuditParts {
        store: Arc::new(database.clone()),
        signer: Arc::new(Signs("secret")),
        notebook: Arc::default(),
        clock,
        node: node.to_owned(),
        history: Some(60 * 24 * 3600),
    })
}

struct Records {
    count: usize,
    at: Timestamp,
}

#[async_trait]
impl Transaction for Records {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        for number in 0..self.count {
            let record = AuditRecord::new(self.at, &Actor::job("test"), "test.done");
            let (organisation, target) = (Some("acme".parse()?), Some(format!("thing {number}")));
            work.audit(&AuditRecord { organisation, target, ..record }).await?;
        }
        Ok(())
    }
}

struct Tamper(&'static str);

#[async_trait]
impl Step for Tamper {
    type Output = u64;

    async fn run(&self, session: &mut dyn Session) -> Result<u64> {
        session.execute(self.0, &[]).await
    }
}

#[derive(Default)]
struct Found(Vec<AuditFinding>);

#[async_trait]
impl AuditInspector for Found {
    async fn passed(&mut self, _: u64, _: u64) -> Result<()> {
        Ok(())
    }

    async fn found(&mut self, finding: AuditFinding) -> Result<()> {
        self.0.push(finding);
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "the test asks the gate")]
fn operator() -> OperatorGrant {
    gate::decide_operator(&Actor::job("test"), true).unwrap()
}

async fn whatever_is_done_to_the_rows_is_found(database: Database) {
    let house = House::on(database);
    house.record(700).await;
    assert_eq!(house.log.seal().await.unwrap(), 700);
    house.record(3).await;
    let (found, checked) = house.verified().await;
    assert_eq!((found, checked.records, checked.tail.records), (vec![], 700, 3));
    let head = checked.head.unwrap();
    let noted = format!("{}/{}/{}", head.month, head.size, hex::encode(&head.root));
    house.log.seal().await.unwrap();
    assert_eq!(house.noted(&noted).await, vec![], "what was noted still stands");
    let month: Month = "2023-11".parse().unwrap();
    let (row, number) = (5, 4);

    house.tamper("UPDATE audit SET target = 'another' WHERE number = 4").await;
    let edited = vec![AuditFinding::Edited { month, number, row }];
    assert_eq!(house.verified().await.0, edited);
    // Its leaf is forged with it: then the leaves lead elsewhere.
    let fifth = RecordPlace { at: Timestamp::from_microseconds(NOVEMBER), id: 6 };
    let after_it = PageAfter { last: Some(fifth), limit: Limit::MOST };
    let records = house.log.all_records(&operator(), RecordFilter::default(), after_it).await;
    let forged = records.unwrap().entries.first().unwrap().leaf().unwrap();
    house.database.write(ForgeLeaf(forged)).await.unwrap();
    assert_eq!(house.verified().await.0, vec![AuditFinding::Astray { month }]);
    assert_eq!(house.noted(&noted).await.len(), 2, "and the noted root is another one");
    // Put back as it was, all is right again.
    house.tamper("UPDATE audit SET target = 'thing 4' WHERE number = 4").await;
    let original = house.log.all_records(&operator(), RecordFilter::default(), after_it).await;
    let original = original.unwrap().entries.first().unwrap().leaf().unwrap();
    house.database.write(ForgeLeaf(original)).await.unwrap();
    assert_eq!(house.verified().await.0, vec![]);

    let insert = "
        INSERT INTO audit (at, actor_kind, actor_name, credential, request_id, action, times, month, number, leaf)
        SELECT a.at, a.actor_kind, a.actor_name, a.credential, a.request_id, a.action, a.times, a.month, 703, a.leaf
        FROM audit a WHERE a.number = 4";
    house.tamper(insert).await;
    let found = house.verified().await.0;
    assert!(matches!(found[..], [AuditFinding::Inserted { number: 703, .. }]), "{found:?}");
    house.tamper("DELETE FROM audit WHERE number = 703").await;

    house.tamper("UPDATE audit_head SET size = 702").await;
    let found = house.verified().await.0;
    assert_eq!(found[0], AuditFinding::Forged { month });
    house.record(1).await;
    assert!(house.log.seal().await.is_err(), "nothing is sealed on top of what was changed");
    house.tamper("UPDATE audit_head SET size = 703").await;
    assert_eq!(house.log.seal().await.unwrap(), 1);

    house.tamper("UPDATE audit SET month = NULL WHERE number = 700").await;
    let found = house.verified().await.0;
    let missing = |from, to| AuditFinding::Missing { month, from, to };
    assert_eq!(found, vec![missing(700, 701), AuditFinding::Placeless { row: 701 }]);
    house.tamper("UPDATE audit SET month = 202311 WHERE number = 700").await;
    house.tamper("DELETE FROM audit WHERE number = 10 OR number = 11 OR number = 703").await;
    assert_eq!(house.verified().await.0, vec![missing(10, 12), missing(703, 704)]);
    let noted = format!("{month}/10000/{}", "0".repeat(64));
    let found = house.noted(&noted).await;
    assert_eq!(found.last(), Some(&AuditFinding::Rewritten { month, size: 10_000 }), "it never was so long");
    // A size beyond all measure is one finding more, and no walk through all numbers.
    house.tamper("UPDATE audit_head SET size = 9000000000000000000").await;
    let found = house.verified().await.0;
    assert_eq!(found[0], AuditFinding::Forged { month });
    assert_eq!(found.last(), Some(&missing(703, 9_000_000_000_000_000_000)));
}

struct ForgeLeaf([u8; 32]);

#[async_trait]
impl Step for ForgeLeaf {
    type Output = u64;

    async fn run(&self, session: &mut dyn Session) -> Result<u64> {
        session.execute("UPDATE audit SET leaf = $1 WHERE number = 4", &[self.0.as_slice().into()]).await
    }
}

async fn a_month_goes_after_its_export_and_the_log_still_verifies(database: Database) {
    let house = House::on(database);
    house.record(300).await;
    house.log.seal().await.unwrap();
    assert_eq!(house.log.forget().await.unwrap(), Kept::default());
    house.later(30);
    house.record(5).await;
    house.log.seal().await.unwrap();
    house.later(62);
    house.record(2).await;
    house.log.seal().await.unwrap();
    assert_eq!(house.log.forget().await.unwrap(), Kept { removed: 0, waiting: 1 }, "it was not exported");
    let heads = house.log.heads().await.unwrap();
    let heads: Vec<_> = heads.into_iter().map(|row| row.head).collect();
    // Who writes into the database that it was exported has nothing forgotten.
    house.tamper("UPDATE audit_head SET exported_at = 1, export = signature WHERE month = 202311").await;
    assert_eq!(house.log.forget().await.unwrap(), Kept { removed: 0, waiting: 1 });
    let november = heads[0].month;
    assert_eq!(house.verified().await.0, vec![AuditFinding::Forged { month: november }]);
    house.tamper("UPDATE audit_head SET exported_at = NULL, export = NULL").await;
    let (exported, lines) = house.export(heads[0].month).await.unwrap();
    // Whoever has the lines alone comes to the root that was signed.
    let mut tree = wharf_registry::audit::Tree::default();
    for line in &lines {
        let (_, record) = line.split_once(r#""record":"#).unwrap();
        tree.push(wharf_registry::audit::leaf(record.strip_suffix('}').unwrap().as_bytes()));
    }
    assert_eq!((tree.size(), tree.root()), (300, heads[0].root));
    let (last, _) = house.export(heads.last().unwrap().month).await.unwrap();
    assert!(house.log.note_export(&operator(), &last).await.is_err(), "it is not over");
    house.log.note_export(&operator(), &exported).await.unwrap();
    assert_eq!(house.log.forget().await.unwrap(), Kept { removed: 300, waiting: 0 });
    let (found, checked) = house.verified().await;
    assert_eq!(
        (found, checked.removed),
        (vec![], vec![RemovedMonth { month: "2023-11".parse().unwrap(), records: 300 }])
    );
    assert_eq!(checked.records, 7);
    // A month that somebody else removed is no month that Wharf removed.
    house.tamper("DELETE FROM audit WHERE month = 202312").await;
    house.tamper("UPDATE audit_head SET removed_at = 1, removal = signature WHERE month = 202312").await;
    let month = "2023-12".parse().unwrap();
    assert_eq!(house.verified().await.0, vec![AuditFinding::Forged { month }]);
    house.tamper("DELETE FROM audit_head WHERE month = 202312").await;
    let found = house.verified().await.0;
    assert_eq!(found, vec![AuditFinding::Unchained { month: "2024-02".parse().unwrap() }]);
}

async fn a_month_that_is_not_what_was_sealed_is_no_export(database: Database) {
    let house = House::on(database);
    house.record(300).await;
    house.log.seal().await.unwrap();
    let month = house.heads().await[0].month;
    assert_eq!(house.export(month).await.unwrap().1.len(), 300);
    for (damage, mended) in [
        (
            "UPDATE audit SET target = 'another' WHERE number = 7",
            "UPDATE audit SET target = 'thing 7' WHERE number = 7",
        ),
        (
            "UPDATE audit SET number = 1000 WHERE number = 299",
            "UPDATE audit SET number = 299 WHERE number = 1000",
        ),
        ("UPDATE audit_head SET size = 200", "UPDATE audit_head SET size = 300"),
    ] {
        assert!(house.tamper(damage).await > 0);
        let refused = house.export(month).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::Conflict, "{damage}");
        house.tamper(mended).await;
    }
    // A record that was edited together with its leaf: only the root shows it.
    let leaf = house
        .tamper(
            "UPDATE audit SET leaf = (SELECT a.leaf FROM audit a WHERE a.number = 8),
        target = (SELECT a.target FROM audit a WHERE a.number = 8) WHERE number = 7",
        )
        .await;
    assert_eq!((leaf, house.export(month).await.unwrap_err().kind()), (1, Kind::Conflict));
}

async fn a_clock_that_jumped_ahead_pins_no_month(database: Database) {
    let house = House::on(database);
    let seal = async |count| {
        house.record(count).await;
        assert_eq!(house.log.seal().await.unwrap(), count as u64);
    };
    seal(1).await;
    house.later(3650);
    seal(2).await;
    house.later(-3650);
    seal(3).await;
    let names = async || house.heads().await.iter().map(|head| head.month.to_string()).collect::<Vec<_>>();
    assert_eq!(names().await, ["2023-11", "2033-11"], "the log goes on under the name it has");
    house.later(30);
    seal(4).await;
    assert_eq!(names().await, ["2023-11", "2033-11", "2033-12"], "and turns with the calendar");
    let sizes: Vec<_> = house.heads().await.iter().map(|head| head.size).collect();
    assert_eq!((sizes, house.verified().await.0), (vec![1, 5, 4], vec![]));
    // Such a month is as old as what was sealed last in it.
    let (exported, _) = house.export("2033-11".parse().unwrap()).await.unwrap();
    house.log.note_export(&operator(), &exported).await.unwrap();
    house.later(62);
    assert_eq!(house.log.forget().await.unwrap(), Kept { removed: 5, waiting: 1 });
}

async fn a_clock_that_is_set_right_at_the_turn_of_a_month_leaves_no_trace(database: Database) {
    let house = House::on(database);
    // To the last minute of November, and over.
    house.later(16);
    for hours in [11, 2, -2, 2, 24 * 31] {
        house.clock.0.fetch_add(hours * 3_600_000_000, Ordering::Relaxed);
        house.record(1).await;
        house.log.seal().await.unwrap();
    }
    let names: Vec<_> = house.heads().await.iter().map(|head| head.month.to_string()).collect();
    assert_eq!(names, ["2023-11", "2023-12", "2024-01"]);
}

async fn a_month_that_goes_while_it_is_read_is_no_finding(database: Database) {
    let house = House::on(database);
    house.record(2500).await;
    house.log.seal().await.unwrap();
    house.later(92);
    house.record(2).await;
    house.log.seal().await.unwrap();
    let (exported, _) = house.export(house.heads().await[0].month).await.unwrap();
    house.log.note_export(&operator(), &exported).await.unwrap();
    let mut inspector = Forgets { log: house.log.clone(), found: Vec::new() };
    let checked = house.log.verify(None, &mut inspector).await.unwrap();
    assert_eq!(
        (inspector.found, checked.removed),
        (vec![], vec![RemovedMonth { month: "2023-11".parse().unwrap(), records: 2500 }])
    );
}

/// Has the log shortened as soon as the first records were read.
struct Forgets {
    log: AuditLog,
    found: Vec<AuditFinding>,
}

#[async_trait]
impl AuditInspector for Forgets {
    async fn passed(&mut self, _: u64, _: u64) -> Result<()> {
        self.log.forget().await.map(drop)
    }

    async fn found(&mut self, finding: AuditFinding) -> Result<()> {
        self.found.push(finding);
        Ok(())
    }
}

/// What a node finds that sealed the same records a moment later, having read them before.
async fn what_is_sealed_already_is_sealed_nowhere_else(database: Database) {
    let house = House::on(database);
    house.record(3).await;
    let store: &dyn Store = &house.database;
    let read = store.view(Unsealed).await.unwrap();
    assert_eq!(house.log.seal().await.unwrap(), 3);
    assert_eq!(store.commit(SealAgain(read)).await.unwrap(), 0);
    assert_eq!(house.verified().await.0, vec![]);
}

struct Unsealed;

#[async_trait]
impl Transaction for Unsealed {
    type Output = Vec<i64>;

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<i64>> {
        Ok(work.unsealed(100).await?.into_iter().map(|record| record.id).collect())
    }
}

struct SealAgain(Vec<i64>);

#[async_trait]
impl Transaction for SealAgain {
    type Output = u64;

    async fn run(&self, work: &mut dyn Work) -> Result<u64> {
        let places: Vec<_> = self.0.iter().zip(50..).map(|(row, number)| (*row, number, [7; 32])).collect();
        work.seal("2023-12".parse()?, &places).await
    }
}

/// Another node that is in the middle of sealing: it holds a record, waits until somebody waits for that, and has it.
struct InTheMiddle(Arc<AtomicBool>);

#[async_trait]
impl Step for InTheMiddle {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const HOLD: &str = "UPDATE audit SET month = 202311, number = 2, leaf = unhex('00') WHERE id = 3";
        const WAITS: &str = "
            SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND transactionid = CAST(pg_current_xact_id() AS xid)";
        session.execute(HOLD, &[]).await?;
        self.0.store(true, Ordering::SeqCst);
        let begun = Instant::now();
        while session.query(WAITS, &[]).await?.remove(0).next::<i64>()? == 0 {
            assert!(begun.elapsed() < Duration::from_secs(20), "nobody seals");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

/// On SQLite there is one writer, so that nobody is in the middle of anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_another_node_is_sealing_is_sealed_once_on_postgres() {
    let Some(fresh) = crate::postgres::Fresh::make().await else { return };
    let house = House::on(Database::postgres(fresh.settings()).await.unwrap());
    house.record(5).await;
    let (other, holds) = (house.database.clone(), Arc::<AtomicBool>::default());
    let in_the_middle = InTheMiddle(holds.clone());
    let other = tokio::spawn(async move { other.write(in_the_middle).await });
    while !holds.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let refused = house.log.seal().await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Unavailable);
    other.await.unwrap().unwrap();
    assert!(house.heads().await.is_empty(), "nothing of that step stays");
}

async fn two_nodes_that_seal_at_once_seal_each_record_once(database: Database) {
    let house = House::on(database);
    let mut sealed = 0;
    for _ in 0..10 {
        house.record(300).await;
        // To this one every lease has ended, so that both seal.
        let ahead = house.clock.0.load(Ordering::Relaxed) + 3_600_000_000;
        let other = log(&house.database, Arc::new(At(AtomicI64::new(ahead))), "two");
        let (one, two) = futures_util::future::join(house.log.seal(), other.seal()).await;
        sealed += one.unwrap_or_default() + two.unwrap_or_default();
        // Whoever had the lease gives it up by time.
        house.clock.0.fetch_add(3_661_000_000, Ordering::Relaxed);
    }
    sealed += house.log.seal().await.unwrap();
    let (found, checked) = house.verified().await;
    assert_eq!((found, checked.records, checked.tail.records), (vec![], 3000, 0));
    assert!(sealed <= 3000, "{sealed}");
}

on_both!(
    whatever_is_done_to_the_rows_is_found whatever_is_done_to_the_rows_is_found_on_postgres,
    a_month_that_is_not_what_was_sealed_is_no_export
        a_month_that_is_not_what_was_sealed_is_no_export_on_postgres,
    a_clock_that_jumped_ahead_pins_no_month a_clock_that_jumped_ahead_pins_no_month_on_postgres,
    a_clock_that_is_set_right_at_the_turn_of_a_month_leaves_no_trace
        a_clock_that_is_set_right_at_the_turn_of_a_month_leaves_no_trace_on_postgres,
    a_month_that_goes_while_it_is_read_is_no_finding a_month_that_goes_while_it_is_read_is_no_finding_on_postgres,
    what_is_sealed_already_is_sealed_nowhere_else what_is_sealed_already_is_sealed_nowhere_else_on_postgres,
    a_month_goes_after_its_export_and_the_log_still_verifies
        a_month_goes_after_its_export_and_the_log_still_verifies_on_postgres,
    two_nodes_that_seal_at_once_seal_each_record_once
        two_nodes_that_seal_at_once_seal_each_record_once_on_postgres
);
