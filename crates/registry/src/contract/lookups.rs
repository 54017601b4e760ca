//! The contract of lookups: an answer from memory is the one that the store itself would give.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::{join, join_all};
use wharf_core::{Digest, Reference, Tag, gate::RepositoryId};

use super::store::{MARK, NOW, commit, digest, image, key, repository};
use crate::port::{BlobRow, NewManifest, Store};

pub(super) async fn suite(store: &dyn Store) {
    a_tag_that_moved_is_never_found_where_it_was(store).await;
    what_was_removed_is_not_found_again(store).await;
    a_blob_is_found_where_it_lies_and_only_where_it_is_a_member(store).await;
}

async fn point(store: &dyn Store, repository: RepositoryId, name: &str, image: NewManifest) {
    let input = (repository, name.parse::<Tag>().unwrap(), image);
    commit(store, input, |(repository, tag, image), work| {
        Box::pin(async move {
            work.insert_manifest(*repository, image, NOW).await?;
            work.set_tag(*repository, tag, &image.digest, MARK).await
        })
    })
    .await
    .unwrap();
}

async fn found(store: &dyn Store, repository: RepositoryId, reference: &Reference) -> Option<Digest> {
    store.manifest(repository, reference).await.unwrap().map(|manifest| manifest.digest)
}

/// A tag moves on and on; whoever looks finds at least what was acknowledged when he began.
async fn a_tag_that_moved_is_never_found_where_it_was(store: &dyn Store) {
    const MOVES: usize = 60;
    let repository = repository(store, "lookups/moving").await;
    let images: Vec<_> = (0..MOVES).map(|number| image(&format!("move {number}"))).collect();
    let digests: Vec<_> = images.iter().map(|image| image.digest).collect();
    let tag = Reference::Tag("moving".parse().unwrap());
    point(store, repository, "moving", image("move 0")).await;
    let acknowledged = AtomicUsize::new(0);
    let moving = async {
        for (number, image) in images.into_iter().enumerate() {
            point(store, repository, "moving", image).await;
            acknowledged.store(number, Ordering::SeqCst);
        }
    };
    let looking = (0..4).map(|_| async {
        let mut last = 0;
        while last < MOVES - 1 {
            let least = acknowledged.load(Ordering::SeqCst).max(last);
            let digest = found(store, repository, &tag).await.expect("the tag is always there");
            last = digests.iter().position(|known| *known == digest).unwrap();
            assert!(last >= least, "a tag was found where it had been: at {last}, after {least}");
            // What is answered from memory waits for nothing, and the tag must move meanwhile.
            tokio::task::yield_now().await;
        }
    });
    join(moving, join_all(looking)).await;
}

async fn what_was_removed_is_not_found_again(store: &dyn Store) {
    let (here, there) = (repository(store, "lookups/here").await, repository(store, "lookups/there").await);
    let digest = image("removed").digest;
    let (by_tag, by_digest) = (Reference::Tag("one".parse().unwrap()), Reference::Digest(digest));
    for _ in 0..10 {
        assert_eq!(found(store, here, &by_tag).await, None, "a tag was found after it was removed");
        assert_eq!(found(store, here, &by_digest).await, None, "a manifest was found after it was removed");
        point(store, here, "one", image("removed")).await;
        for reference in [&by_tag, &by_digest] {
            assert_eq!(found(store, here, reference).await, Some(digest));
            assert_eq!(found(store, here, reference).await, Some(digest), "the second time from memory");
            assert_eq!(found(store, there, reference).await, None, "another repository has it");
        }
        commit(store, (here, digest), |(here, digest), work| {
            Box::pin(async move {
                work.remove_tag(*here, &"one".parse()?, MARK).await?;
                work.remove_manifest(*here, digest).await
            })
        })
        .await
        .unwrap();
    }
}

async fn a_blob_is_found_where_it_lies_and_only_where_it_is_a_member(store: &dyn Store) {
    let (here, there) = (repository(store, "lookups/a").await, repository(store, "lookups/b").await);
    let blob = BlobRow { digest: digest("looked up"), size: 9, key: key(40) };
    let member = async |repository| store.member(repository, &blob.digest).await.unwrap();
    commit(store, (here, blob.clone()), |(here, blob), work| {
        Box::pin(async move {
            work.insert_blob(blob, NOW).await?;
            work.add_member(*here, &blob.digest, NOW).await
        })
    })
    .await
    .unwrap();
    assert_eq!((member(here).await, member(there).await), (Some(blob.clone()), None));
    commit(store, blob.digest, |digest, work| Box::pin(work.move_blob(digest, key(41)))).await.unwrap();
    assert_eq!(member(here).await.map(|blob| blob.key), Some(key(41)), "a blob was found where it had been");
    commit(store, (here, there, blob.digest), |(here, there, digest), work| {
        Box::pin(async move {
            work.add_member(*there, digest, NOW).await?;
            work.remove_member(*here, digest).await
        })
    })
    .await
    .unwrap();
    assert!(member(here).await.is_none() && member(there).await.is_some());
    commit(store, (there, blob.digest), |(there, digest), work| {
        Box::pin(async move { work.end_membership(*there, digest, 0).await })
    })
    .await
    .unwrap();
    assert_eq!(member(there).await, None, "a blob was found after its membership ended");
}
