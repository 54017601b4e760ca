//! The scrub, by a clock that is moved by hand.

use async_trait::async_trait;
use wharf_core::Digest;
use wharf_registry::{Finding, Inspector, ScrubTurn};

use super::*;

const DAY: i64 = 24 * 3600;
/// The time within which everything is read.
const WITHIN: Duration = Duration::from_secs(30 * 24 * 3600);
/// And a round of it.
const ROUND: i64 = 27 * DAY;

/// Keeps what was found damaged.
#[derive(Default)]
struct Damage(Vec<Digest>);

#[async_trait]
impl Inspector for Damage {
    async fn read(&mut self, _: u64) -> Result<()> {
        Ok(())
    }

    async fn passed(&mut self, _: &Digest) -> Result<()> {
        Ok(())
    }

    async fn found(&mut self, finding: Finding) -> Result<()> {
        if let Finding::Damaged { digest, .. } = finding {
            self.0.push(digest);
        }
        Ok(())
    }
}

/// What was read, and how many seconds after the first start.
type Read = Vec<(Digest, i64)>;

/// Lets the clock go to a moment, in seconds, and scrubs whatever has its turn until then.
async fn scrub_until(house: &House, registry: &Registry, moment: i64, damage: &mut Damage) -> Read {
    let mut read = Vec::new();
    let second = || house.clock.0.load(Ordering::SeqCst) / 1_000_000;
    while second() < moment {
        match registry.next_scrub(WITHIN).await.unwrap() {
            ScrubTurn::Rest(rest) => {
                let seconds = i64::try_from(rest.as_secs()).unwrap();
                assert!(seconds <= 60, "another node would take it over");
                // An hour of such rests, for nothing is due before.
                house.clock.advance(if seconds == 60 { 3600 } else { seconds + 1 });
            }
            ScrubTurn::Blob(scrub) => {
                registry.scrub(&scrub, damage).await.unwrap();
                read.push((*scrub.digest(), second()));
            }
        }
    }
    read
}

/// Pushes so many blobs; their digests in the order of the scrub.
async fn filled(registry: &Registry, blobs: usize) -> Vec<Digest> {
    let (grant, mut all) = (push(registry).await, Vec::new());
    for number in 0..blobs {
        all.push(push_number(registry, &grant, number).await);
    }
    all.sort_by_key(Digest::to_row);
    all
}

async fn push_number(registry: &Registry, grant: &Grant<Push>, number: usize) -> Digest {
    let text = Bytes::from(format!("blob {number:04}"));
    let digest = digest(Algorithm::Sha256, &text);
    registry.push_blob(grant, digest, stream::iter([Ok(text)]).boxed(), Taps::none()).await.unwrap();
    digest
}

async fn is_served(registry: &Registry, digest: &Digest) -> bool {
    registry.stat_blob(&pull(registry).await, digest).await.is_ok()
        && registry.open_blob(&pull(registry).await, digest).await.unwrap().body(0..1).await.is_ok()
}

fn rot(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[0] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn every_blob_is_read_once_a_round_and_a_restart_goes_on_where_it_was() {
    let (house, mut damage) = (House::new().await, Damage::default());
    let all = filled(&house.boot("one"), 30).await;

    let mut first = scrub_until(&house, &house.boot("two"), ROUND / 3, &mut damage).await;
    let half = first.len();
    assert!((3..20).contains(&half), "{half} of 30 in a third of the time");
    first.extend(scrub_until(&house, &house.boot("three"), ROUND, &mut damage).await);
    let second = scrub_until(&house, &house.boot("four"), 2 * ROUND, &mut damage).await;

    assert_eq!(first.iter().map(|read| read.0).collect::<Vec<_>>(), all);
    assert_eq!(second.iter().map(|read| read.0).collect::<Vec<_>>(), all);
    for ((digest, before), (_, after)) in first.iter().zip(&second) {
        let days = (after - before) / DAY;
        assert!((26..=30).contains(&days), "{digest} is read again after {days} days");
    }
    assert_eq!(damage.0, []);
}

#[tokio::test]
async fn what_comes_and_goes_meanwhile_moves_no_other_turn() {
    let (house, mut damage) = (House::new().await, Damage::default());
    let registry = house.boot("one");
    let few = filled(&registry, 1).await;
    // Into the second round: what comes late in one is looked at as soon as it is there.
    scrub_until(&house, &registry, ROUND + 3 * 3600, &mut damage).await;
    let all = filled(&registry, 40).await;

    let read = scrub_until(&house, &registry, 2 * ROUND, &mut damage).await;

    assert_eq!(read.iter().map(|read| read.0).collect::<Vec<_>>(), all, "with {few:?} among them");
    let by_then = read.iter().filter(|read| read.1 < ROUND + ROUND / 2).count();
    assert!((12..36).contains(&by_then), "{by_then} of 40 in the first half of the round");
}

#[tokio::test]
async fn after_a_long_stop_what_is_late_is_read_at_once_and_the_next_round_is_a_whole_one() {
    let (house, mut damage) = (House::new().await, Damage::default());
    let all = filled(&house.boot("one"), 20).await;
    scrub_until(&house, &house.boot("two"), DAY, &mut damage).await;

    house.clock.advance(300 * DAY);
    let read = scrub_until(&house, &house.boot("three"), 301 * DAY + 2 * 3600, &mut damage).await;

    assert!(all.iter().rev().take(15).all(|digest| read.iter().any(|read| read.0 == *digest)), "{read:?}");
    let next = scrub_until(&house, &house.boot("four"), 315 * DAY, &mut damage).await;
    assert!(next.len() < all.len(), "it is no longer in a hurry");
}

#[tokio::test]
async fn a_clock_that_was_set_back_stops_nothing() {
    let (house, mut damage) = (House::new().await, Damage::default());
    let registry = house.boot("one");
    let all = filled(&registry, 10).await;
    scrub_until(&house, &registry, ROUND / 2, &mut damage).await;

    house.clock.advance(-100 * DAY);
    let read = scrub_until(&house, &registry, ROUND / 2 - 100 * DAY + ROUND, &mut damage).await;

    assert_eq!(read.iter().map(|read| read.0).collect::<Vec<_>>(), all);
}

#[tokio::test]
async fn wrong_bytes_are_set_aside_and_lost_ones_may_come_back() {
    let (house, mut damage) = (House::new().await, Damage::default());
    let registry = house.boot("one");
    let grant = push(&registry).await;
    let wrong = push_number(&registry, &grant, 0).await;
    rot(&house.objects()[0]);
    let lost = push_number(&registry, &grant, 1).await;
    let object = house.objects().into_iter().find(|path| fs::read(path).unwrap() == b"blob 0001").unwrap();
    let away = house.path().join("away");
    fs::rename(&object, &away).unwrap();
    assert!(is_served(&registry, &wrong).await, "nobody has looked yet");

    scrub_until(&house, &registry, ROUND, &mut damage).await;

    let mut found = damage.0.clone();
    found.sort_by_key(Digest::to_row);
    let mut expected = vec![wrong, lost];
    expected.sort_by_key(Digest::to_row);
    assert_eq!(found, expected);
    assert_eq!(registry.meters().scrub.damaged.value(), 2);
    assert!(!is_served(&registry, &wrong).await && !is_served(&registry, &lost).await);
    fs::rename(&away, &object).unwrap();
    assert!(is_served(&registry, &lost).await, "the volume is back");
    push_number(&registry, &grant, 0).await;
    assert!(is_served(&registry, &wrong).await, "the push healed it");
}

/// As if the machine's memory were bad, and not the disk.
#[tokio::test]
async fn a_store_in_which_everything_seems_wrong_is_not_taken_off_the_shelf() {
    let (house, mut damage) = (House::new().await, Damage::default());
    let registry = house.boot("one");
    let all = filled(&registry, 40).await;
    house.objects().iter().for_each(|path| rot(path));

    scrub_until(&house, &registry, ROUND, &mut damage).await;

    assert_eq!(damage.0, all, "each is told");
    let mut served = 0;
    for digest in &all {
        served += usize::from(is_served(&registry, digest).await);
    }
    assert_eq!(served, 30, "but for the first ten");
}

#[tokio::test]
async fn one_node_scrubs_and_another_goes_on_when_it_is_gone() {
    let (house, mut damage) = (House::new().await, Damage::default());
    let (database, blobs) = (house.database(), Arc::new(FileStore::open(house.path(), "one").unwrap()));
    let node = |name: &str| {
        let settings = Settings { node: name.to_owned(), ..Settings::default() };
        house.registry(database.clone(), blobs.clone(), settings)
    };
    let (one, two) = (node("one"), node("two"));
    let all = filled(&one, 10).await;

    let mut read = scrub_until(&house, &one, ROUND / 2, &mut damage).await;
    one.next_scrub(WITHIN).await.unwrap();
    assert!(!two.keep_scrub().await.unwrap(), "the first one does it");
    assert!(matches!(two.next_scrub(WITHIN).await.unwrap(), ScrubTurn::Rest(rest) if !rest.is_zero()));
    house.clock.advance(Settings::default().lease);
    read.extend(scrub_until(&house, &two, ROUND, &mut damage).await);

    assert_eq!(read.iter().map(|read| read.0).collect::<Vec<_>>(), all);
    two.next_scrub(WITHIN).await.unwrap();
    assert!(!one.keep_scrub().await.unwrap(), "it has lost it");
}
