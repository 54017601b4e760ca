//! Two nodes on one database and one bucket. Each has its own locks, so what keeps them apart is the row alone.
//!
//! The bucket is that of `WHARF_TEST_S3`; without it these tests say that they were skipped.

use wharf_blobs::{S3Settings, S3Store};
use wharf_core::{BlobBody, UploadId};

use super::*;

/// More than a part.
const LARGE: usize = 6 << 20;

/// A place of its own in the bucket for tests.
pub(super) fn place(name: &str) -> Option<S3Settings> {
    let Ok(url) = std::env::var("WHARF_TEST_S3") else {
        assert!(std::env::var("CI").is_err(), "WHARF_TEST_S3 must be set in CI");
        eprintln!("skipped: WHARF_TEST_S3 names no server");
        return None;
    };
    let (bucket, query) = url.split_once('?').unwrap_or((&url, ""));
    let url = format!("{}/nodes-{name}-{}?{query}", bucket.trim_end_matches('/'), std::process::id());
    Some(S3Settings::parse(&url, std::env::vars()).unwrap())
}

async fn nodes(house: &House, name: &str) -> Option<[Registry; 2]> {
    let settings = place(name)?;
    let database = house.database();
    let mut nodes = Vec::new();
    for probe in ["one", "two"] {
        let blobs = S3Store::open(&settings, probe).await.unwrap();
        nodes.push(house.node(database.clone(), Arc::new(blobs)));
    }
    nodes.try_into().ok()
}

fn bytes(of: u8, length: usize) -> ByteStream {
    stream::iter([Ok(Bytes::from(vec![of; length]))]).boxed()
}

async fn read_whole(registry: &Registry, digest: &wharf_core::Digest) -> Vec<u8> {
    let blob = registry.open_blob(&pull(registry).await, digest).await.unwrap();
    let size = blob.size;
    let BlobBody::Stream(stream) = blob.body(0..size).await.unwrap() else { panic!("a bucket streams") };
    let pieces: Vec<Bytes> = stream.map(|piece| piece.unwrap()).collect().await;
    pieces.concat()
}

async fn begin(registry: &Registry) -> UploadId {
    let grant = push(registry).await;
    registry.begin_upload(&grant, Algorithm::Sha256).await.unwrap().id
}

#[tokio::test(flavor = "multi_thread")]
async fn any_node_goes_on_with_any_upload() {
    let house = House::new().await;
    let Some([one, two]) = nodes(&house, "any").await else { return };
    let id = begin(&one).await;
    let grant = push(&one).await;

    one.append(&grant, id, Offset::At(0), bytes(1, LARGE)).await.unwrap();
    two.append(&grant, id, Offset::At(LARGE as u64), bytes(2, 7)).await.unwrap();
    let late = one.append(&grant, id, Offset::At(LARGE as u64), bytes(3, 7)).await.unwrap_err();
    assert_eq!(late.detail(), Some(&Detail::Offset(LARGE as u64 + 7)));
    let whole = [vec![1; LARGE], vec![2; 7], vec![4; 9]].concat();
    let closing =
        Closing { digest: digest(Algorithm::Sha256, &whole), start: Offset::Here, body: bytes(4, 9) };
    let finished = one.finish_upload(&grant, id, closing).await.unwrap();

    assert!(read_whole(&two, &finished.digest).await == whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_nodes_that_end_an_upload_at_once_neither_harms_the_other() {
    let house = House::new().await;
    let Some([one, two]) = nodes(&house, "race").await else { return };
    let mut blobs = 0;
    for (round, length) in [0, 100, LARGE, LARGE, LARGE].into_iter().enumerate() {
        let id = begin(&one).await;
        let grant = push(&one).await;
        one.append(&grant, id, Offset::Here, bytes(u8::try_from(round).unwrap(), length)).await.unwrap();
        let end = |node: &Registry, last: u8| {
            let whole = [vec![u8::try_from(round).unwrap(); length], vec![last; 50]].concat();
            let digest = digest(Algorithm::Sha256, &whole);
            let (node, grant) = (node.clone(), grant.clone());
            let closing = Closing { digest, start: Offset::Here, body: bytes(last, 50) };
            async move { (node.finish_upload(&grant, id, closing).await, digest, whole) }
        };
        let (a, b) = join(end(&one, 200), end(&two, 201)).await;
        let ended: Vec<_> = [a, b].into_iter().filter(|(finished, ..)| finished.is_ok()).collect();
        // Both may lose: then nobody was told of a blob, and whoever sends it again gets it.
        assert!(ended.len() <= 1, "one upload became two blobs, round {round}");
        blobs += ended.len();
        for (_, digest, whole) in ended {
            assert!(read_whole(&two, &digest).await == whole, "round {round}");
        }
    }
    assert!(blobs > 0, "they always kept each other from ending");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_upload_left_goes_when_nobody_knows_the_upload_and_not_before() {
    let house = House::new().await;
    let Some([one, _]) = nodes(&house, "left").await else { return };
    let id = begin(&one).await;
    let grant = push(&one).await;
    one.append(&grant, id, Offset::Here, bytes(1, LARGE)).await.unwrap();

    assert_eq!(one.sweep_leftovers().await.unwrap(), 0, "they are young");
    house.clock.advance(20 * 365 * 24 * 3600);
    assert_eq!(one.sweep_leftovers().await.unwrap(), 0, "their upload goes on");
    one.cancel_upload(&grant, id).await.unwrap();
    assert_eq!(one.sweep_leftovers().await.unwrap(), 1);
    assert_eq!(one.sweep_leftovers().await.unwrap(), 0, "they are gone");
}
