//! The contract of a blob store.

use bytes::Bytes;
use futures_util::TryStreamExt;
use wharf_core::{BlobBody, ObjectKey, Timestamp, UploadId};

use crate::port::{BlobStore, Ended, StoreState};

/// More than a part of any store, so that what only happens between parts happens here.
const LARGE: usize = (11 << 20) + 17;

fn key(number: u8) -> ObjectKey {
    UploadId::new(Timestamp::from_microseconds(i64::from(number) * 1000), [number; 16]).object_key()
}

/// Runs the whole suite against a store that holds nothing yet.
pub async fn blob_store(store: &dyn BlobStore) {
    bytes_come_back_as_they_were_written(store).await;
    an_empty_object_is_one(store).await;
    writing_goes_on_where_it_was_suspended(store).await;
    any_chunks_make_the_same_object(store).await;
    what_lies_behind_the_offset_is_cut_off(store).await;
    a_writer_may_be_suspended_before_what_it_wrote(store).await;
    an_offset_behind_the_end_is_refused(store).await;
    of_two_writers_the_one_whose_state_was_kept_counts(store).await;
    a_wrong_size_is_a_lost_object(store).await;
    removing_is_final_and_may_be_repeated(store).await;
    what_was_never_finished_can_be_removed(store).await;
}

/// What a store must keep too whose unfinished bytes may be lost with its incarnation.
pub async fn forgetful_blob_store(store: &dyn BlobStore) {
    let mut writer = store.write_from(key(30), &StoreState::new(), 0).await.unwrap();
    writer.write(&[Bytes::from_static(b"unfinished")]).await.unwrap();
    let state = writer.suspend(10).await.unwrap();
    assert_eq!(store.written(key(30), &state).await.unwrap(), Some(10));
    assert_eq!(
        read_on(store, key(30), 9).await,
        b"unfinishe",
        "an unfinished object can be read from its start"
    );
    assert_eq!(store.written(key(31), &state).await.unwrap(), None, "what was never begun is not there");
    assert!(
        store.write_from(key(31), &state, 1).await.is_err(),
        "an object that was never begun cannot go on"
    );
}

/// Noise, so that parts that change places are found.
fn noise(length: usize) -> Bytes {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

async fn write(store: &dyn BlobStore, key: ObjectKey, pieces: &[&'static [u8]]) {
    let pieces: Vec<Bytes> = pieces.iter().map(|piece| Bytes::from_static(piece)).collect();
    let state = StoreState::new();
    end(store, key, (&state, 0), &pieces).await;
}

/// Goes on at an offset, writes, and ends the object.
async fn end(store: &dyn BlobStore, key: ObjectKey, (state, offset): (&StoreState, u64), pieces: &[Bytes]) {
    let mut writer = store.write_from(key, state, offset).await.unwrap();
    writer.write(pieces).await.unwrap();
    writer.prepare().await.unwrap();
    assert_eq!(writer.finish().await.unwrap(), Ended::Surely);
}

/// Goes on at an offset, writes, and stops after it.
async fn chunk(
    store: &dyn BlobStore,
    key: ObjectKey,
    (state, offset): (&StoreState, u64),
    piece: Bytes,
) -> StoreState {
    let mut writer = store.write_from(key, state, offset).await.unwrap();
    let end = offset + piece.len() as u64;
    writer.write(&[piece]).await.unwrap();
    let state = writer.suspend(end).await.unwrap();
    assert_eq!(store.written(key, &state).await.unwrap(), Some(end), "what was suspended is there");
    state
}

async fn read_on(store: &dyn BlobStore, key: ObjectKey, length: u64) -> Vec<u8> {
    let mut seen = Vec::new();
    store.read(key, length, &mut |bytes| seen.extend_from_slice(bytes)).await.unwrap();
    seen
}

async fn read(store: &dyn BlobStore, key: ObjectKey, size: u64, range: std::ops::Range<u64>) -> Vec<u8> {
    use std::os::unix::fs::FileExt;
    assert!(store.holds(key, size).await.unwrap(), "a finished object is held");
    match store.open(key, size, range).await.unwrap().expect("a finished object opens") {
        BlobBody::Stream(stream) => {
            let pieces: Vec<Bytes> = stream.try_collect().await.unwrap();
            pieces.concat()
        }
        BlobBody::File { file, offset, length } => {
            let mut bytes = vec![0; usize::try_from(length).unwrap()];
            file.read_exact_at(&mut bytes, offset).unwrap();
            bytes
        }
        BlobBody::Redirect(_) => panic!("what is opened for us is no redirect"),
    }
}

async fn bytes_come_back_as_they_were_written(store: &dyn BlobStore) {
    write(store, key(1), &[b"some", b"", b" bytes"]).await;
    assert_eq!(read(store, key(1), 10, 0..10).await, b"some bytes");
    assert_eq!(read(store, key(1), 10, 5..9).await, b"byte", "a range is a part");
    assert_eq!(read(store, key(1), 10, 3..3).await, b"", "an empty range is empty");
    assert_eq!(read_on(store, key(1), 10).await, b"some bytes");
    let mut ignored = |_: &[u8]| ();
    assert!(store.read(key(1), 11, &mut ignored).await.is_err(), "there are no eleven bytes");
}

async fn an_empty_object_is_one(store: &dyn BlobStore) {
    write(store, key(2), &[]).await;
    assert_eq!(read(store, key(2), 0, 0..0).await, b"");
}

async fn writing_goes_on_where_it_was_suspended(store: &dyn BlobStore) {
    let mut state = StoreState::new();
    for (offset, piece) in [(0, "one "), (4, "two "), (8, ""), (8, "three")] {
        state = chunk(store, key(3), (&state, offset), Bytes::from_static(piece.as_bytes())).await;
    }
    end(store, key(3), (&state, 13), &[]).await;
    assert_eq!(read(store, key(3), 13, 0..13).await, b"one two three");
}

async fn any_chunks_make_the_same_object(store: &dyn BlobStore) {
    const MEBIBYTE: usize = 1 << 20;
    let whole = noise(LARGE);
    let cuts: [&[usize]; 5] = [
        &[],
        &[1],
        &[5 * MEBIBYTE],
        &[5 * MEBIBYTE - 1, 5 * MEBIBYTE + 1],
        &[MEBIBYTE, 10 * MEBIBYTE, LARGE],
    ];
    for (number, cuts) in (10..).zip(cuts) {
        let (key, mut offset) = (key(number), 0);
        let mut state = StoreState::new();
        for cut in cuts {
            state = chunk(store, key, (&state, offset as u64), whole.slice(offset..*cut)).await;
            offset = *cut;
        }
        let last: Vec<Bytes> = whole.slice(offset..).chunks(100_000).map(Bytes::copy_from_slice).collect();
        end(store, key, (&state, offset as u64), &last).await;
        let size = LARGE as u64;
        assert!(read(store, key, size, 0..size).await == whole, "cut at {cuts:?}");
        let middle = 5_242_870..5_242_890;
        assert_eq!(read(store, key, size, middle.start as u64..middle.end as u64).await, whole.slice(middle));
    }
}

async fn what_lies_behind_the_offset_is_cut_off(store: &dyn BlobStore) {
    let state = StoreState::new();
    let state = chunk(store, key(4), (&state, 0), Bytes::from_static(b"good, never saved")).await;
    end(store, key(4), (&state, 4), &[Bytes::from_static(b"!")]).await;
    assert_eq!(read(store, key(4), 5, 0..5).await, b"good!");
}

async fn a_writer_may_be_suspended_before_what_it_wrote(store: &dyn BlobStore) {
    let state = StoreState::new();
    let mut writer = store.write_from(key(20), &state, 0).await.unwrap();
    writer.write(&[Bytes::from_static(b"hashed")]).await.unwrap();
    writer.write(&[Bytes::from_static(b", and not hashed")]).await.unwrap();
    let state = writer.suspend(6).await.unwrap();
    end(store, key(20), (&state, 6), &[Bytes::from_static(b" all")]).await;
    assert_eq!(read(store, key(20), 10, 0..10).await, b"hashed all");
}

async fn an_offset_behind_the_end_is_refused(store: &dyn BlobStore) {
    let state = StoreState::new();
    assert!(store.write_from(key(5), &state, 1).await.is_err(), "a hole is never written");
    let state = chunk(store, key(5), (&state, 0), Bytes::from_static(b"four")).await;
    assert!(store.write_from(key(5), &state, 5).await.is_err(), "a hole is never written");
}

/// On several nodes both may write; the row keeps one state, and what was written under the other does no harm.
async fn of_two_writers_the_one_whose_state_was_kept_counts(store: &dyn BlobStore) {
    for (number, length) in [(21, 9), (22, LARGE)] {
        let key = key(number);
        let fresh = StoreState::new();
        let begun = chunk(store, key, (&fresh, 0), noise(length)).await;
        let offset = length as u64;
        let kept = chunk(store, key, (&begun, offset), Bytes::from_static(b"kept")).await;
        if store.best_chunk().is_some() {
            // Files have one place for the bytes, and only one node.
            chunk(store, key, (&begun, offset), Bytes::from_static(b"lost")).await;
            chunk(store, key, (&fresh, 0), Bytes::from_static(b"of old")).await;
        }
        end(store, key, (&kept, offset + 4), &[]).await;
        let whole = [noise(length).as_ref(), b"kept"].concat();
        assert!(read(store, key, offset + 4, 0..offset + 4).await == whole, "{length} bytes");
    }
}

async fn a_wrong_size_is_a_lost_object(store: &dyn BlobStore) {
    write(store, key(7), &[b"12345"]).await;
    for (key, wrong) in [(key(7), 4), (key(7), 6), (key(7), 9), (key(8), 0), (key(8), 5)] {
        assert!(!store.holds(key, wrong).await.unwrap());
        assert!(store.open(key, wrong, 0..wrong).await.unwrap().is_none());
        assert!(store.open(key, wrong, wrong..wrong).await.unwrap().is_none());
    }
    assert!(store.open(key(7), 9, 6..9).await.unwrap().is_none(), "a range behind the true end");
}

async fn removing_is_final_and_may_be_repeated(store: &dyn BlobStore) {
    write(store, key(9), &[b"gone"]).await;
    assert!(is_listed(store, key(9)).await);
    store.remove(key(9)).await.unwrap();
    assert!(!is_listed(store, key(9)).await);
    store.remove(key(9)).await.unwrap();
    assert!(!store.holds(key(9), 4).await.unwrap());
}

async fn what_was_never_finished_can_be_removed(store: &dyn BlobStore) {
    let far = Timestamp::from_microseconds(i64::MAX / 2);
    for (number, length) in [(23, 9), (24, LARGE)] {
        let key = key(number);
        let mut state = StoreState::new();
        for offset in [0, length] {
            state = chunk(store, key, (&state, offset as u64), noise(length)).await;
        }
        if store.best_chunk().is_some() {
            assert!(store.leftovers(far).await.unwrap().contains(&key), "{length} bytes");
        }
        store.remove(key).await.unwrap();
        assert!(!store.leftovers(far).await.unwrap().contains(&key), "{length} bytes");
    }
}

/// Whether the store lists an object in its folder, and in no other.
async fn is_listed(store: &dyn BlobStore, key: ObjectKey) -> bool {
    let folder = key.folder();
    assert!(!store.list(folder.wrapping_add(1)).await.unwrap().contains(&key.name()));
    store.list(folder).await.unwrap().contains(&key.name())
}
