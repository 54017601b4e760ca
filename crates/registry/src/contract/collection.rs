//! The contract of what the collector works with.

use wharf_core::{Digest, Timestamp, gate::RepositoryId};

use super::store::{NOW, commit, digest, image, key, repository, upload, view};
use crate::port::{BlobRow, ReviewRow, ReviewsOf, Stale, Store};

pub(super) async fn suite(store: &dyn Store) {
    objects_are_due_when_their_time_has_come(store).await;
    a_review_is_due_after_its_delay_and_put_off_when_asked_again(store).await;
    a_membership_ends_only_if_nobody_named_it_and_nothing_needs_it(store).await;
    a_blob_goes_with_its_last_membership(store).await;
    what_a_manifest_named_is_reviewed_when_it_goes(store).await;
    no_object_is_due_while_a_hold_stands(store).await;
    an_upload_is_stale_when_both_clocks_say_so(store).await;
}

/// Moves the collector's time on, as a node at this moment.
async fn advance(store: &dyn Store, seconds: i64, now: Timestamp) {
    commit(store, (seconds * 1_000_000, now), |(by, now), work| {
        Box::pin(async move { work.advance(*by, *now).await })
    })
    .await
    .unwrap();
}

async fn objects_are_due_when_their_time_has_come(store: &dyn Store) {
    commit(store, (), |(), work| {
        Box::pin(async move {
            work.condemn(key(7), 0).await?;
            work.condemn(key(7), 9).await?;
            work.condemn_all(&[key(8), key(7)], 60).await?;
            work.condemn(key(3), 0).await?;
            assert_eq!(work.due_objects(10).await?, [key(7)], "of the third an upload still writes");
            work.forget_objects(&[key(7), key(9)]).await?;
            assert!(work.due_objects(10).await?.is_empty());
            work.advance(60_000_000, NOW).await?;
            assert_eq!(work.due_objects(10).await?, [key(8)]);
            work.postpone_objects(&[key(8), key(9)], 1).await?;
            assert!(work.due_objects(10).await?.is_empty());
            Ok(())
        })
    })
    .await
    .unwrap();
}

async fn an_upload_is_stale_when_both_clocks_say_so(store: &dyn Store) {
    let row = upload(store, 160).await;
    // Whatever the cases before this one said of the time.
    let later = NOW.plus_seconds(2_000_000);
    let is_stale = async || {
        let stale = Stale { before: later, seconds: 10 };
        let found =
            view(store, stale, |stale, work| Box::pin(async move { work.stale_uploads(*stale, 1000).await }));
        found.await.iter().any(|found| found.id == row.id)
    };
    let expire = async |before| {
        let stale = Stale { before, seconds: 10 };
        let expired = commit(store, (row.clone(), stale), |(seen, stale), work| {
            Box::pin(async move { work.remove_stale_upload(seen, *stale).await })
        });
        expired.await.unwrap()
    };
    advance(store, 9, later).await;
    assert!(!is_stale().await && !expire(later).await, "only the clock says so, which may have jumped");
    advance(store, 1, later.plus_seconds(1)).await;
    assert!(is_stale().await);
    assert!(!expire(NOW).await, "only the collector's time says so, which may have been late");
    assert!(expire(later).await);
}

async fn no_object_is_due_while_a_hold_stands(store: &dyn Store) {
    commit(store, (), |(), work| {
        Box::pin(async move {
            // Whatever the cases before this one said of the time.
            let later = |seconds: i64| NOW.plus_seconds(1_000_000 + seconds);
            work.condemn(key(90), 0).await?;
            assert!(work.due_objects(10).await?.contains(&key(90)));
            work.hold_objects("one", 10).await?;
            work.hold_objects("other", 20).await?;
            assert!(work.due_objects(10).await?.is_empty());
            assert!(work.release_objects("other").await?, "it stood");
            assert!(!work.release_objects("other").await?, "it stands no more");
            assert!(work.due_objects(10).await?.is_empty(), "another one stands");
            work.advance(9_000_000, later(9)).await?;
            work.hold_objects("one", 10).await?;
            work.advance(9_000_000, later(18)).await?;
            assert!(work.due_objects(10).await?.is_empty(), "it was renewed");
            work.advance(1_000_000, later(19)).await?;
            assert!(work.due_objects(10).await?.contains(&key(90)), "it ended by itself");
            assert!(!work.release_objects("one").await?, "and whoever held it learns that");
            work.forget_objects(&[key(90)]).await
        })
    })
    .await
    .unwrap();
}

/// A blob that is a member of a repository, under review after 100 seconds.
async fn member(store: &dyn Store, name: &str, number: u8) -> (RepositoryId, Digest) {
    let repository = repository(store, name).await;
    let digest = digest(&format!("collected {number}"));
    commit(store, (repository, digest, number), |(repository, digest, number), work| {
        Box::pin(async move {
            if work.lock_blob(digest).await?.is_none() {
                work.insert_blob(&BlobRow { digest: *digest, size: 5, key: key(*number) }, NOW).await?;
            }
            assert!(work.add_member(*repository, digest, NOW).await?);
            work.ask_review(*repository, digest, 100).await
        })
    })
    .await
    .unwrap();
    (repository, digest)
}

async fn reviews(store: &dyn Store, within: i64) -> Vec<ReviewRow> {
    let wanted = ReviewsOf { within, last: None, most: 100 };
    view(store, wanted, |wanted, work| Box::pin(async move { work.reviews(*wanted).await })).await
}

/// The review of a blob, taken off the list.
async fn take(store: &dyn Store, digest: Digest) -> ReviewRow {
    let all = reviews(store, 1000).await;
    let review = all.into_iter().find(|review| review.blob.digest == digest).expect("it is under review");
    let taken = commit(store, review.clone(), |review, work| {
        Box::pin(async move { Ok((work.take_review(review).await?, work.take_review(review).await?)) })
    });
    assert_eq!(taken.await.unwrap(), (true, false), "it is taken once");
    review
}

async fn end(store: &dyn Store, review: ReviewRow) -> bool {
    commit(store, review, |review, work| {
        Box::pin(
            async move { work.end_membership(review.repository, &review.blob.digest, review.epoch).await },
        )
    })
    .await
    .unwrap()
}

async fn a_review_is_due_after_its_delay_and_put_off_when_asked_again(store: &dyn Store) {
    let (repository, digest) = member(store, "collect/delay", 20).await;
    assert!(reviews(store, 99).await.is_empty());
    let [review] = &reviews(store, 100).await[..] else { panic!("one review") };
    assert_eq!((review.repository, review.blob.digest, review.needed), (repository, digest, false));
    let leaving = |within: i64| {
        view(store, (repository, digest, within), |(repository, digest, within), work| {
            Box::pin(async move { work.is_leaving(*repository, digest, *within).await })
        })
    };
    assert_eq!((leaving(99).await, leaving(100).await), (false, true));
    advance(store, 50, NOW.plus_seconds(50)).await;
    advance(store, 50, NOW.plus_seconds(50)).await;
    advance(store, 50, NOW.plus_seconds(-50)).await;
    advance(store, 50, NOW.plus_seconds(50)).await;
    assert!(
        !leaving(49).await,
        "neither another node nor a clock set back moves it, nor what comes after them"
    );
    advance(store, 1, NOW.plus_seconds(100_000)).await;
    assert!(!leaving(48).await, "nor a clock set forward");
    assert!(leaving(49).await);
    member(store, "collect/delay", 20).await;
    assert!(!leaving(50).await, "who names it anew has the whole delay");
    let after = ReviewsOf { within: 100, last: Some((review.due_at.plus_seconds(51), review.id)), most: 9 };
    let rest = view(store, after, |after, work| Box::pin(async move { work.reviews(*after).await })).await;
    assert!(rest.is_empty(), "a page goes on after the last one");
    take(store, digest).await;
}

async fn a_membership_ends_only_if_nobody_named_it_and_nothing_needs_it(store: &dyn Store) {
    let (repository, digest) = member(store, "collect/named", 21).await;
    let review = take(store, digest).await;
    commit(store, (repository, digest), |(repository, digest), work| {
        Box::pin(async move { work.touch_member(*repository, digest).await })
    })
    .await
    .unwrap();
    assert!(!end(store, review).await, "its epoch moved");
    member(store, "collect/named", 21).await;
    let review = take(store, digest).await;
    assert!(end(store, review).await);
    let found = view(store, (repository, digest), |(repository, digest), work| {
        Box::pin(async move { work.find_member(*repository, digest).await })
    });
    assert_eq!(found.await, None);
}

async fn a_blob_goes_with_its_last_membership(store: &dyn Store) {
    let (one, digest) = member(store, "collect/one", 22).await;
    let (other, _) = member(store, "collect/other", 22).await;
    let remove = |repository: RepositoryId| {
        commit(store, (repository, digest), |(repository, digest), work| {
            Box::pin(async move {
                assert!(work.remove_member(*repository, digest).await?);
                work.remove_orphan(digest).await
            })
        })
    };
    assert_eq!(remove(one).await.unwrap(), None);
    let gone = remove(other).await.unwrap().expect("nothing holds it any more");
    assert_eq!((gone.digest, gone.key), (digest, key(22)));
    let found = commit(store, digest, |digest, work| Box::pin(async move { work.lock_blob(digest).await }));
    assert_eq!(found.await.unwrap(), None);
    assert!(reviews(store, 1000).await.iter().all(|review| review.blob.digest != digest));
}

async fn what_a_manifest_named_is_reviewed_when_it_goes(store: &dyn Store) {
    let new = image("collected 23");
    let (repository, digest) = member(store, "collect/manifest", 23).await;
    commit(store, (repository, new, digest), |(repository, new, digest), work| {
        Box::pin(async move {
            assert!(work.insert_manifest(*repository, new, NOW).await?);
            work.show_repository(*repository).await?;
            assert!(work.is_needed(*repository, digest).await?);
            assert!(!work.is_leaving(*repository, digest, 1000).await?);
            let review = work.reviews(ReviewsOf { within: 1000, last: None, most: 100 }).await?;
            let review = review.into_iter().find(|review| review.blob.digest == *digest).unwrap();
            assert!(review.needed && work.take_review(&review).await?);
            assert!(!work.end_membership(*repository, digest, review.epoch).await?, "a manifest needs it");
            work.ask_reviews_of(*repository, &new.digest, 100).await?;
            assert!(work.remove_manifest(*repository, &new.digest).await?);
            assert!(!work.is_needed(*repository, digest).await?);
            Ok(())
        })
    })
    .await
    .unwrap();
    let review = take(store, digest).await;
    assert!(!review.needed && end(store, review).await);
}
