//! Files that are fetched from an upstream which answers and then sends nothing.

use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;
use futures_util::stream::FuturesUnordered;
use wharf_auth::port::SourceChange;
use wharf_core::{Protocol, RegistryKind, Upstream};
use wharf_registry::{
    port::{UpstreamAnswer, UpstreamAsk, UpstreamBody, UpstreamDoor},
    upstream::{Fetching, FileWanted, UpstreamSettings, Upstreams},
};

use super::*;

/// How many files are fetched at once for one organisation.
const SHARE: usize = 16;

/// Counts who asks.
#[derive(Default)]
struct Silent(AtomicUsize);

#[async_trait]
impl UpstreamDoor for Silent {
    async fn ask(&self, _: &Upstream, ask: UpstreamAsk) -> Result<UpstreamAnswer> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let (media_type, etag, length) = (String::new(), None, None);
        let body = stream::pending().boxed();
        Ok(UpstreamAnswer::Found(UpstreamBody { url: ask.url, media_type, etag, length, body }))
    }
}

#[tokio::test]
async fn what_upstreams_never_send_takes_no_turn_of_clients_and_no_more_connections_than_its_share() {
    let house = House::new().await;
    let upstream = Upstream {
        url: "http://upstream.example/".parse().unwrap(),
        protocol: Protocol::Python,
        authorities: None,
        login: None,
    };
    let source =
        SourceChange { kind: Some(RegistryKind::Proxy), upstream: Some(upstream), ..SourceChange::default() };
    let change = RegistryChange { source, ..RegistryChange::default() };
    let record = AuditRecord::new(house.clock.now(), &Actor::job("test"), "test");
    let (library, mirror) = ("library".parse().unwrap(), "mirror".parse().unwrap());
    house.database().set_registry(library, mirror, change, record).await.unwrap();
    let settings = Settings { uploads: 2, uploads_per_organisation: 2, ..Settings::default() };
    let blobs = Arc::new(FileStore::open(house.path(), "one").unwrap());
    let registry = house.registry(house.database(), blobs, settings);
    let door = Arc::<Silent>::default();
    let upstreams =
        Upstreams::new(registry.clone(), door.clone(), UpstreamSettings { lifetime: 60, kept: 1 << 20 });

    let place: wharf_core::Place = "library/mirror/app".parse().unwrap();
    let grant = registry.grant::<Pull>(&Actor::job("test"), &place).await.unwrap();
    let proxy = upstreams.proxy(&grant, Protocol::Python).await.unwrap().unwrap();
    let fetch = |number: u8| {
        let digest = digest(Algorithm::Sha256, &[number]);
        let url = "http://upstream.example/file".to_owned();
        let wanted = FileWanted { url, digest, place: place.clone(), most: 4 << 30 };
        upstreams.fetch(&proxy, wanted, Box::new(|_| Box::pin(async { Ok(()) })))
    };
    let fetches: FuturesUnordered<_> = (0..20).map(fetch).collect();
    let coming: Vec<_> = fetches.take(SHARE).collect().await;
    assert!(coming.iter().all(|begun| matches!(begun, Ok(Fetching::Coming(_)))));
    let right = digest(Algorithm::Sha256, b"abc");
    let pushed = registry.push_blob(&push(&registry).await, right, body(&["abc"]), Taps::none()).await;
    assert_eq!(pushed.unwrap().digest, right);
    assert_eq!(door.0.load(Ordering::SeqCst), SHARE, "a connection was opened without a turn");
}
