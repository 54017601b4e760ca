//! The contract of a blob store.

use bytes::Bytes;
use futures_util::TryStreamExt;
use wharf_core::{BlobBody, ObjectKey, Timestamp, UploadId};

use crate::port::BlobStore;

fn key(number: u8) -> ObjectKey {
    UploadId::new(Timestamp::from_microseconds(i64::from(number) * 1000), [number; 16]).object_key()
}

/// Runs the whole suite against a store that holds nothing yet.
pub async fn blob_store(store: &dyn BlobStore) {
    bytes_come_back_as_they_were_written(store).await;
    any_part_of_an_object_can_be_read(store).await;
    an_empty_object_is_one(store).await;
    writing_goes_on_where_it_was_suspended(store).await;
    what_lies_behind_the_offset_is_cut_off(store).await;
    an_offset_behind_the_end_is_refused(store).await;
    a_wrong_size_is_a_lost_object(store).await;
    removing_is_final_and_may_be_repeated(store).await;
}

async fn write(store: &dyn BlobStore, key: ObjectKey, pieces: &[&'static [u8]]) {
    let state = store.create(key).await.unwrap();
    let mut writer = store.resume(key, &state, 0).await.unwrap();
    let pieces: Vec<Bytes> = pieces.iter().map(|piece| Bytes::from_static(piece)).collect();
    writer.write(&pieces).await.unwrap();
    writer.finish().await.unwrap();
}

#[allow(clippy::disallowed_methods, reason = "a body may be a file")]
async fn read(store: &dyn BlobStore, key: ObjectKey, size: u64, range: std::ops::Range<u64>) -> Vec<u8> {
    use std::os::unix::fs::FileExt;
    let object = store.open(key, size).await.unwrap().expect("a finished object opens");
    match object.body(range).await.unwrap() {
        BlobBody::Stream(stream) => {
            let pieces: Vec<Bytes> = stream.try_collect().await.unwrap();
            pieces.concat()
        }
        BlobBody::File { file, offset, length } => {
            let mut bytes = vec![0; usize::try_from(length).unwrap()];
            file.read_exact_at(&mut bytes, offset).unwrap();
            bytes
        }
        BlobBody::Redirect(_) => panic!("this suite reads bytes itself"),
    }
}

async fn bytes_come_back_as_they_were_written(store: &dyn BlobStore) {
    write(store, key(1), &[b"some", b"", b" bytes"]).await;
    assert_eq!(read(store, key(1), 10, 0..10).await, b"some bytes");
    assert_eq!(read(store, key(1), 10, 5..9).await, b"byte", "a range is a part");
    assert_eq!(read(store, key(1), 10, 3..3).await, b"", "an empty range is empty");
}

async fn any_part_of_an_object_can_be_read(store: &dyn BlobStore) {
    write(store, key(10), &[b"0123", b"456789"]).await;
    let object = store.open(key(10), 10).await.unwrap().expect("a finished object opens");
    assert_eq!(object.read(2..7).await.unwrap(), &b"23456"[..]);
    assert_eq!(object.read(0..10).await.unwrap(), &b"0123456789"[..], "and again from the start");
    assert!(object.read(10..10).await.unwrap().is_empty());
}

async fn an_empty_object_is_one(store: &dyn BlobStore) {
    write(store, key(2), &[]).await;
    assert_eq!(read(store, key(2), 0, 0..0).await, b"");
}

async fn writing_goes_on_where_it_was_suspended(store: &dyn BlobStore) {
    let mut state = store.create(key(3)).await.unwrap();
    for (offset, piece) in [(0, "one "), (4, "two "), (8, "three")] {
        let mut writer = store.resume(key(3), &state, offset).await.unwrap();
        writer.write(&[Bytes::from_static(piece.as_bytes())]).await.unwrap();
        state = writer.suspend().await.unwrap();
        let written = store.written(key(3), &state).await.unwrap();
        assert_eq!(written, Some(offset + piece.len() as u64), "what was suspended is there");
    }
    let mut seen = Vec::new();
    store.read(key(3), 11, &mut |bytes| seen.extend_from_slice(bytes)).await.unwrap();
    assert_eq!(seen, b"one two thr", "an unfinished object can be read from its start");
    store.resume(key(3), &state, 13).await.unwrap().finish().await.unwrap();
    assert_eq!(read(store, key(3), 13, 0..13).await, b"one two three");
}

async fn what_lies_behind_the_offset_is_cut_off(store: &dyn BlobStore) {
    let state = store.create(key(4)).await.unwrap();
    let mut writer = store.resume(key(4), &state, 0).await.unwrap();
    writer.write(&[Bytes::from_static(b"good, never saved")]).await.unwrap();
    let state = writer.suspend().await.unwrap();
    let mut writer = store.resume(key(4), &state, 4).await.unwrap();
    writer.write(&[Bytes::from_static(b"!")]).await.unwrap();
    writer.finish().await.unwrap();
    assert_eq!(read(store, key(4), 5, 0..5).await, b"good!");
}

async fn an_offset_behind_the_end_is_refused(store: &dyn BlobStore) {
    let state = store.create(key(5)).await.unwrap();
    assert!(store.resume(key(5), &state, 1).await.is_err(), "a hole is never written");
    assert!(store.resume(key(6), &state, 0).await.is_err(), "an object that was never begun cannot go on");
    assert_eq!(store.written(key(6), &state).await.unwrap(), None);
}

async fn a_wrong_size_is_a_lost_object(store: &dyn BlobStore) {
    write(store, key(7), &[b"12345"]).await;
    assert!(store.open(key(7), 4).await.unwrap().is_none());
    assert!(store.open(key(7), 6).await.unwrap().is_none());
    assert!(store.open(key(8), 0).await.unwrap().is_none());
}

async fn removing_is_final_and_may_be_repeated(store: &dyn BlobStore) {
    write(store, key(9), &[b"gone"]).await;
    store.remove(key(9)).await.unwrap();
    store.remove(key(9)).await.unwrap();
    assert!(store.open(key(9), 4).await.unwrap().is_none());
}
