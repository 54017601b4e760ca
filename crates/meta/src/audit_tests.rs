//! The sealed audit log against somebody who can write to the database, on both databases.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use async_trait::async_trait;
use wharf_core::{
    Actor, Algorithm, Clock, Limit, OperatorGrant, Result, Timestamp,
    audit::{AuditRecord, HeadSigner},
    gate, hex,
};
use wharf_registry::{
    audit::{AuditFinding, AuditInspector, AuditLog, AuditParts, Checked, Kept, Month, RecordFilter},
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
        self.log.verify(Some(noted), &mut found).await.unwrap();
        found.0
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
        lease: 60,
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

#[allow(clippy::disallowed_methods, reason = "the test asks the gate")]
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
    let records = house.log.all_records(&operator(), RecordFilter::default(), (Some(6), Limit::MOST)).await;
    let forged = records.unwrap().entries.first().unwrap().leaf().unwrap();
    house.database.write(ForgeLeaf(forged)).await.unwrap();
    assert_eq!(house.verified().await.0, vec![AuditFinding::Astray { month }]);
    assert_eq!(house.noted(&noted).await.len(), 2, "and the noted root is another one");
    // Put back as it was, all is right again.
    house.tamper("UPDATE audit SET target = 'thing 4' WHERE number = 4").await;
    let original = house.log.all_records(&operator(), RecordFilter::default(), (Some(6), Limit::MOST)).await;
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

    house.tamper("DELETE FROM audit WHERE number = 10 OR number = 11 OR number = 703").await;
    let missing = |from, to| AuditFinding::Missing { month, from, to };
    assert_eq!(house.verified().await.0, vec![missing(10, 12), missing(703, 704)]);
    let noted = format!("{month}/10000/{}", "0".repeat(64));
    let found = house.noted(&noted).await;
    assert_eq!(found.last(), Some(&AuditFinding::Rewritten { month, size: 10_000 }), "it never was so long");
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
    let (mut lines, mut next) = (Vec::new(), 0);
    while next < heads[0].size {
        lines.extend(house.log.export_month(&operator(), &heads[0], next).await.unwrap());
        next = lines.len() as u64;
    }
    // Whoever has the lines alone comes to the root that was signed.
    let mut tree = wharf_registry::audit::Tree::default();
    for line in &lines {
        let (_, record) = line.split_once(r#""record":"#).unwrap();
        tree.push(wharf_registry::audit::leaf(record.strip_suffix('}').unwrap().as_bytes()));
    }
    assert_eq!((tree.size(), tree.root()), (300, heads[0].root));
    assert!(house.log.note_export(&operator(), heads.last().unwrap()).await.is_err(), "it is not over");
    house.log.note_export(&operator(), &heads[0]).await.unwrap();
    assert_eq!(house.log.forget().await.unwrap(), Kept { removed: 300, waiting: 0 });
    let (found, checked) = house.verified().await;
    assert_eq!((found, checked.removed), (vec![], vec![("2023-11".parse().unwrap(), 300)]));
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

async fn records_are_found_by_what_is_known_of_them(database: Database) {
    let house = House::on(database);
    house.record(5).await;
    house.later(3);
    house.record(5).await;
    let find = async |filter: RecordFilter, before, limit: &str| {
        let page = (before, Limit::parse(limit).unwrap());
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
    let named = |name: &str| Some(name.to_owned());
    assert_eq!(find(RecordFilter { actor: named("test"), ..all() }, None, "100").await.0.len(), 10);
    assert_eq!(find(RecordFilter { actor: named("nobody"), ..all() }, None, "100").await.0.len(), 0);
    assert_eq!(find(RecordFilter { action: named("test.done"), ..all() }, Some(4), "100").await.0.len(), 3);
    let digest = format!("sha256:{}", "e".repeat(64)).parse().ok();
    assert_eq!(find(RecordFilter { digest, ..all() }, None, "100").await.0.len(), 0);
    let repository = "acme/app".parse().ok();
    assert_eq!(find(RecordFilter { repository, ..all() }, None, "100").await.0.len(), 0);
}

on_both!(
    whatever_is_done_to_the_rows_is_found whatever_is_done_to_the_rows_is_found_on_postgres,
    a_month_goes_after_its_export_and_the_log_still_verifies
        a_month_goes_after_its_export_and_the_log_still_verifies_on_postgres,
    two_nodes_that_seal_at_once_seal_each_record_once
        two_nodes_that_seal_at_once_seal_each_record_once_on_postgres,
    records_are_found_by_what_is_known_of_them records_are_found_by_what_is_known_of_them_on_postgres
);
