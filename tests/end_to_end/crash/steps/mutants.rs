//! Servers that are broken on purpose, by the library under them: the rig notices each, or its silence would prove
//! nothing.

use bytes::Bytes;

use super::orders::{Fate, Library, Orders, Tail};
use super::stage::Stage;
use crate::crash::check::{Wrong, differences};
use crate::crash::journal::{Content, Journal, Register};
use crate::crash::operator;
use crate::harness::{Wharf, noise, sha256};

/// The flushes that a broken server leaves out, as the library takes them.
const OF_OBJECTS: &str = "s /objects/";
const OF_THE_LOG: &str = "s -wal";
const OF_FOLDERS: &str = "= /objects/";

/// How often the row may be overtaken by a commit of somebody else's.
const TRIES: u64 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rig_notices_objects_that_are_not_flushed() {
    expect(OF_OBJECTS, Tail::Cut, Wrong::Torn).await;
    expect(OF_OBJECTS, Tail::Zeroed, Wrong::Damaged).await;
}

/// `synchronous=NORMAL` leaves out the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rig_notices_a_log_that_is_not_flushed() {
    for tail in Tail::ALL {
        expect(OF_THE_LOG, tail, Wrong::Lost).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rig_notices_folders_that_are_not_flushed() {
    expect(OF_FOLDERS, Tail::Cut, Wrong::Torn).await;
}

/// Fails unless the rig finds this wrong where a server leaves out these flushes.
async fn expect(flushes: &str, tail: Tail, wrong: Wrong) {
    let library = Library::compiled();
    let mut stage = Stage::set_on(orders_without(&library, flushes)).await;
    let found = stage.go_unflushed(tail).await;
    assert!(
        found.iter().any(|found| found.wrong == wrong),
        "{flushes:?} is left out, and found was {found:#?}"
    );
}

/// Nobody is told of such a blob, for its bytes are too few, unless the file system keeps the length of a file and not
/// what was written to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rig_notices_a_row_that_comes_before_its_bytes() {
    let library = Library::compiled();
    let (orders, environment) = orders_without(&library, OF_OBJECTS);
    let mut wharf = Wharf::laid_out_on(&orders.data(), &environment).await;
    wharf.restart().await;
    let journal = Journal::default();
    let caller = operator(&wharf).await;
    for seed in 0..TRIES {
        let content = noise(seed, 5_000);
        let digest = sha256(&content);
        journal.remember(&digest, Content::Noise { seed, length: content.len() });
        let register = Register::Blob { repository: "crash/one".to_owned(), digest: digest.clone() };
        let upload = caller.repository("crash/one").upload().await;
        let ticket = journal.attempt(register, Some(digest.clone()));
        orders.give(Fate::Overtakes, 0);
        let answered = upload.closing(&digest).body(content).try_send().await;
        assert!(answered.is_err() && wharf.ends().await, "the row was not overtaken: {answered:?}");
        drop(ticket);
        orders.take_back();
        wharf.kill();
        orders.end_the_machine(Tail::Zeroed);
        wharf.restart().await;
        let found = differences(&caller, &journal, None).await;
        if found.iter().any(|difference| difference.wrong == Wrong::Damaged) {
            return;
        }
        assert!(found.is_empty(), "{found:#?}");
    }
    panic!("nobody noticed a row without its bytes in {TRIES} tries");
}

/// An upload that goes on after its machine ended: the kernel's name of the boot says so, and what is there is hashed again.
/// A server that is told of no other boot trusts what it saved, and stores a hole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rig_notices_a_saved_state_that_is_trusted() {
    assert!(!stores_a_hole(Orders::end_the_machine).await, "a hole was stored");
    assert!(stores_a_hole(Orders::lose_what_was_not_flushed).await, "nobody noticed the hole");
}

/// Whether an upload that is finished after such an end is acknowledged with other bytes than were pushed.
async fn stores_a_hole(end: fn(&Orders, Tail)) -> bool {
    let library = Library::compiled();
    let (orders, environment) = Orders::under_known(&library);
    let mut wharf = Wharf::laid_out_on(&orders.data(), &environment).await;
    wharf.restart().await;
    let repository = operator(&wharf).await.repository("crash/one");
    let content = noise(1, 40_000);
    let mut upload = repository.upload().await;
    upload.append(content.slice(..30_000)).await.is(202);
    wharf.kill();
    end(&orders, Tail::Zeroed);
    wharf.restart().await;

    let offset = usize::try_from(upload.offset().await).unwrap();
    let digest = sha256(&content);
    let range = format!("{offset}-{}", content.len() - 1);
    upload.chunk(&range, content.slice(offset..)).await.is(202);
    let finished = upload.finish(&digest, Bytes::new()).await.any_of(&[201, 400]);
    finished.status == 201 && repository.blob(&digest).await.is(200).body != content
}

/// Orders for a server that leaves out these flushes where it is told to.
fn orders_without(library: &Library, flushes: &str) -> (Orders, Vec<(&'static str, String)>) {
    let (orders, mut environment) = Orders::under_known(library);
    environment.push(("DURABLE_STEPS_SKIPS", flushes.to_owned()));
    (orders, environment)
}
