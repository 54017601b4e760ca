//! The collectors of both nodes, and the passing of time.

use std::time::Duration;

use wharf_registry::{Horizon, Share, Unwatched};

use super::{client::Client, house::House};

/// Collects again and again; now and then without waiting for any delay.
pub(super) async fn run(mut client: Client) {
    let house = client.house.clone();
    loop {
        house.turnstile.begin().await;
        let collected = match client.random.below(24) {
            0 => {
                house.model.begin_hurry();
                let collected =
                    client.registry.collect(Horizon::All, Share::Everything, &mut Unwatched).await;
                house.model.end_hurry();
                collected
            }
            _ => client.registry.collect(Horizon::Due, Share::Everything, &mut Unwatched).await,
        };
        if let Some(collected) = client.expect("a collection", collected) {
            house.model.count("collected", collected.memberships);
            client.tell(&format!("collected {collected:?}"));
        }
    }
}

/// Moves the clock, has one node or both tell the collector's time of it, and one of them sweep. A sweep knows only the
/// time at which it began, so none is under way when the clock moves, as in a round of housekeeping.
pub(super) async fn pass_time(mut client: Client) {
    let house = client.house.clone();
    let mut last = [house.clock.read(); 2];
    loop {
        house.turnstile.begin().await;
        let minutes = [1, 5, 20, 60, 240][client.pick(5)];
        house.clock.advance(minutes * 60);
        client.tell(&format!("{minutes} minutes passed"));
        let which = client.pick(3);
        for (node, last) in last.iter_mut().enumerate().filter(|(node, _)| which != 1 - node) {
            let now = house.clock.read();
            let passed = now.microseconds() - last.microseconds();
            *last = now;
            let passed = Duration::from_micros(u64::try_from(passed).unwrap());
            let advanced = house.nodes[node].advance_collection(passed).await;
            if client.expect("the passing of time", advanced).is_some() {
                house.model.advanced(now);
            }
        }
        let swept = house.nodes[client.pick(2)].sweep(Duration::ZERO).await;
        if let Some(swept) = client.expect("a sweep", swept) {
            house.model.count("collected", swept.collected.memberships);
            house.model.count("removed", swept.objects);
        }
    }
}

/// Lets so much time pass, on all clocks, and the collector do its work.
pub(super) async fn rest(house: &House, seconds: i64) {
    house.clock.advance(seconds);
    let now = house.clock.read();
    let passed = Duration::from_secs(u64::try_from(seconds).unwrap());
    let swept = house.nodes[0].sweep(passed).await;
    if let Err(error) = swept {
        house.model.fault(format!("a sweep at rest failed: {error:?}"));
    }
    house.model.advanced(now);
}
