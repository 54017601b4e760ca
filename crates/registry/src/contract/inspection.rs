//! The contract of looking at everything there is.

use wharf_core::{Tag, gate::RepositoryId};

use super::store::{Body, MARK, NOW, commit, digest, image, key, repository, view};
use crate::port::{BlobRow, InspectedBlob, InspectedManifest, NewManifest, ScrubRow, Store};

pub(super) async fn suite(store: &dyn Store) {
    blobs_come_in_the_order_of_their_digests_with_whether_they_are_held(store).await;
    a_manifest_comes_with_the_edges_that_lead_nowhere(store).await;
    the_tags_that_need_a_blob_are_named_through_an_index_too(store).await;
    an_object_is_known_while_a_row_leads_to_it(store).await;
    the_scrub_is_kept_as_far_as_it_is(store).await;
}

async fn the_scrub_is_kept_as_far_as_it_is(store: &dyn Store) {
    let kept = async || view(store, (), |(), work| Box::pin(async move { work.scrub().await })).await;
    assert_eq!(kept().await, None, "no round has begun");
    let first =
        ScrubRow { began_at: NOW, planned_bytes: 1 << 40, last: None, blobs: 0, damaged: 0, ended_at: None };
    let later = ScrubRow { last: Some(digest("scrubbed")), blobs: 7, damaged: 2, ..first.clone() };
    let next =
        ScrubRow { began_at: NOW.plus_seconds(9), ended_at: Some(NOW.plus_seconds(8)), ..first.clone() };
    for round in [first, later, next] {
        let body: Body<_, ()> = |round, work| Box::pin(work.set_scrub(round));
        commit(store, round.clone(), body).await.unwrap();
        assert_eq!(kept().await, Some(round));
    }
}

/// Every blob, in pages of this size.
async fn all_blobs(store: &dyn Store, most: u32) -> Vec<InspectedBlob> {
    let (mut all, mut last) = (Vec::new(), None);
    loop {
        let page = view(store, (last, most), |(last, most), work| {
            Box::pin(async move { work.blobs_after(last.as_ref(), *most).await })
        })
        .await;
        let Some(end) = page.last() else { return all };
        last = Some(end.blob.digest);
        all.extend(page);
    }
}

async fn blobs_come_in_the_order_of_their_digests_with_whether_they_are_held(store: &dyn Store) {
    let repository = repository(store, "inspected/held").await;
    commit(store, repository, |repository, work| {
        Box::pin(async move {
            for number in 60..63 {
                let digest = digest(&format!("inspected {number}"));
                work.insert_blob(&BlobRow { digest, size: 7, key: key(number) }, NOW).await?;
                if number != 61 {
                    assert!(work.add_member(*repository, &digest, NOW).await?);
                }
            }
            Ok(())
        })
    })
    .await
    .unwrap();
    let all = all_blobs(store, 1000).await;
    assert!(all.is_sorted_by_key(|found| found.blob.digest.to_row()), "in the order of their digests");
    assert_eq!(all, all_blobs(store, 2).await, "no page skips one");
    let orphan = digest("inspected 61");
    for number in 60..63 {
        let wanted = digest(&format!("inspected {number}"));
        let found = all.iter().find(|found| found.blob.digest == wanted).expect("it is there");
        assert_eq!((found.held, found.blob.key), (wanted != orphan, key(number)));
        let held = view(store, wanted, |digest, work| Box::pin(async move { work.is_held(digest).await }));
        assert_eq!(held.await, wanted != orphan);
    }
    let sum = view(store, (), |(), work| Box::pin(async move { work.bytes_after(None).await })).await;
    assert_eq!(sum, all.iter().map(|found| found.blob.size).sum::<u64>());
    commit(store, orphan, |orphan, work| Box::pin(async move { work.remove_orphan(orphan).await }))
        .await
        .unwrap();
}

async fn inspected(store: &dyn Store, wanted: &NewManifest) -> InspectedManifest {
    let mut last = 0;
    loop {
        let page =
            view(store, last, |last, work| Box::pin(async move { work.manifests_after(*last, 3).await }))
                .await;
        last = page.last().expect("it is among them").id;
        if let Some(found) = page.into_iter().find(|found| found.digest == wanted.digest) {
            return found;
        }
    }
}

/// A repository with a manifest whose one content is not there.
async fn sparse(store: &dyn Store, name: &str, new: &NewManifest) -> RepositoryId {
    let repository = repository(store, name).await;
    commit(store, (repository, new.clone()), |(repository, new), work| {
        Box::pin(async move { work.insert_manifest(*repository, new, NOW).await })
    })
    .await
    .unwrap();
    repository
}

async fn a_manifest_comes_with_the_edges_that_lead_nowhere(store: &dyn Store) {
    let new = image("inspected 64");
    let repository = sparse(store, "inspected/sparse", &new).await;
    let content = digest("inspected 64");
    let found = inspected(store, &new).await;
    assert_eq!((found.path.as_str(), found.accepts_missing_content), ("inspected/sparse", false));
    assert_eq!((found.bytes.as_ref(), found.edges), (new.bytes.as_ref(), 1));
    assert_eq!(found.missing, [("config", content)]);
    commit(store, (repository, content), |(repository, content), work| {
        Box::pin(async move {
            work.insert_blob(&BlobRow { digest: *content, size: 1, key: key(64) }, NOW).await?;
            work.add_member(*repository, content, NOW).await
        })
    })
    .await
    .unwrap();
    assert_eq!(inspected(store, &new).await.missing, []);
}

async fn the_tags_that_need_a_blob_are_named_through_an_index_too(store: &dyn Store) {
    let (child, content) = (image("inspected 64"), digest("inspected 64"));
    let repository = repository(store, "inspected/sparse").await;
    let text = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"a/b","digest":"{}","size":1}}]}}"#,
        child.digest
    );
    let manifest = wharf_core::manifest::Manifest::parse(None, text.as_bytes()).unwrap();
    let index = NewManifest::new(digest(&text), text.into(), std::sync::Arc::new(manifest)).unwrap();
    let tags = |content| {
        view(store, content, |content, work| Box::pin(async move { work.tags_that_need(content, 2).await }))
    };
    assert!(tags(content).await.is_empty());
    commit(store, (repository, child, index), |(repository, child, index), work| {
        Box::pin(async move {
            assert!(work.insert_manifest(*repository, index, NOW).await?);
            for (tag, of) in [("image", child), ("an-index", index), ("z-third", child)] {
                work.set_tag(*repository, &tag.parse::<Tag>()?, &of.digest, MARK).await?;
            }
            Ok(())
        })
    })
    .await
    .unwrap();
    assert_eq!(tags(content).await, ["inspected/sparse:an-index", "inspected/sparse:image"], "two at most");
    assert!(tags(digest("nobody names it")).await.is_empty());
}

async fn an_object_is_known_while_a_row_leads_to_it(store: &dyn Store) {
    let unknown = || {
        view(store, (), |(), work| {
            Box::pin(async move { work.unknown_objects(&[key(60), key(98), key(99)]).await })
        })
    };
    let [one, other] = [key(98), key(99)];
    assert_eq!(unknown().await, [one, other], "a row of a blob leads to the first");
    commit(store, (), |(), work| Box::pin(async move { work.condemn_all(&[key(98), key(99)], 1).await }))
        .await
        .unwrap();
    assert!(unknown().await.is_empty(), "condemned ones are known");
    commit(store, (), |(), work| Box::pin(async move { work.forget_objects(&[key(99)]).await }))
        .await
        .unwrap();
    assert_eq!(unknown().await, [other]);
    commit(store, (), |(), work| Box::pin(async move { work.forget_objects(&[key(98)]).await }))
        .await
        .unwrap();
    let none = view(store, (), |(), work| Box::pin(async move { work.unknown_objects(&[]).await }));
    assert!(none.await.is_empty());
}
