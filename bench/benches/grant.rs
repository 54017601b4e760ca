//! What a decision of the gate costs where the rights are warm: `cargo bench -p wharf-bench --bench grant`.
//!
//! A member of an organisation asks for the right to pull from a repository of a private registry, over and over, as each
//! request does. It is the processor time of the whole process that counts, so nothing hides on another thread.
#![expect(clippy::disallowed_methods, reason = "it acts as a job, and reads what the kernel counts")]

use std::{
    error::Error,
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use wharf_auth::port::{Accounts as _, Claim, NewAccount, NewOrganisation, Organisations as _, Person};
use wharf_blobs::MemoryStore;
use wharf_core::{
    Access, Actor, Algorithm, Clock, Credential, Entropy, Grant, Place, Principal, Role, Timestamp, UserName,
    action::{Pull, Push},
    audit::AuditRecord,
};
use wharf_meta::Database;
use wharf_registry::{Parts, Registry, Settings};

/// What is to be reached.
const MOST: Duration = Duration::from_micros(5);
const DECISIONS: u32 = 400_000;
/// The kernel counts a process's time in these (`getconf CLK_TCK`).
const TICK: Duration = Duration::from_millis(10);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A moment that never passes, and chance that is none: no decision asks for either.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_microseconds(1_700_000_000_000_000)
    }
}

impl Entropy for Still {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure())
}

async fn measure() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let database = Database::sqlite(&folder.path().join("wharf.sqlite"), &folder.path().join("ballast"))?;
    let member = member(&database).await?;
    let registry = registry(database);
    let place: Place = "acme/app".parse()?;
    // Rights at a repository that is not there are never remembered: it begins with the first upload.
    let pusher = registry.grant::<Push>(&member, &place).await?;
    registry.begin_upload(&pusher, Algorithm::Sha256).await?;
    for _ in 0..1000 {
        decide(&registry, &member, &place).await?;
    }
    let (begun, before) = (Instant::now(), processor_time()?);
    for _ in 0..DECISIONS {
        decide(&registry, &member, &place).await?;
    }
    let (wall, spent) = (begun.elapsed() / DECISIONS, (processor_time()? - before) / DECISIONS);
    println!("a decision of the gate, warm: {spent:?} of processor time, {wall:?} in all, at most {MOST:?}");
    assert!(spent <= MOST, "it takes too long");
    Ok(())
}

async fn decide(registry: &Registry, member: &Actor, place: &Place) -> Result<()> {
    let grant: Grant<Pull> = registry.grant(member, place).await?;
    std::hint::black_box(&grant);
    Ok(())
}

/// Somebody who may push to an organisation's private registry and pull from it, and nothing more.
async fn member(database: &Database) -> Result<Actor> {
    let record = || AuditRecord::new(Still.now(), &Actor::job("bench"), "bench");
    let organisation = NewOrganisation { name: "acme".parse()?, admin: None, claim: Claim::Free };
    database.create_organisation(organisation, record()).await?;
    let name: UserName = "alice".parse()?;
    let account = NewAccount {
        name: name.clone(),
        password_hash: "none".to_owned(),
        operator: false,
        memberships: vec![("acme".parse()?, Role::Writer)],
        person: Person::default(),
    };
    let id = database.create(account, record()).await?;
    let principal = Principal::User { id, name, version: 1 };
    Ok(Actor::nobody(None, "bench").known(principal, Credential::Password, Access::Whole))
}

fn registry(database: Database) -> Registry {
    Registry::new(Parts {
        store: Arc::new(database.clone()),
        blobs: Arc::new(MemoryStore::default()),
        rights: Arc::new(database),
        clock: Arc::new(Still),
        entropy: Arc::new(Still),
        formats: Vec::new(),
        notebook: Arc::default(),
        settings: Settings::default(),
    })
}

/// What all threads of this process have spent, in user and kernel.
fn processor_time() -> Result<Duration> {
    let line = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = line.rsplit_once(')').ok_or("no process")?;
    let ticks = fields.split_ascii_whitespace().skip(11).take(2);
    let ticks = ticks.map(str::parse::<u32>).sum::<std::result::Result<u32, _>>()?;
    Ok(TICK * ticks)
}
