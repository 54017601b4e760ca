//! The contract of a store of truth: one list of named cases over real transactions.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use wharf_core::{
    Actor, Algorithm, Digest, Error, Kind, ObjectKey, Place, RegistryPlace, Result, Tag, Timestamp, UploadId,
    audit::{AuditRecord, Event},
    gate::RepositoryId,
    manifest::Manifest,
};

use crate::port::{
    BlobRow, CatalogOf, EmptyRepositories, LeaseClaim, Maker, Mark, Move, NewManifest, Progress, Reread,
    RightsSource, Stale, Store, Transaction, UploadRow, Work,
};

pub(super) const NOW: Timestamp = Timestamp::from_microseconds(1_700_000_000_000_000);
pub(super) const MARK: Mark<'_> = Mark { at: NOW, by: "contract" };

/// Runs the whole suite against a store that holds nothing yet.
pub async fn store<S: Store + RightsSource>(store: &S) {
    names_are_listed_in_byte_order_and_no_page_skips_one(store).await;
    a_transaction_that_fails_leaves_nothing(store).await;
    many_writers_at_once_all_succeed(store).await;
    events_published_at_once_never_take_one_number_twice(store).await;
    an_upload_moves_once_for_each_state_that_was_seen(store).await;
    an_upload_that_was_touched_is_not_stale(store).await;
    uploads_are_counted_for_each_organisation(store).await;
    a_blob_is_a_member_only_where_it_was_added(store).await;
    of_many_objects_of_one_blob_one_stays_and_all_others_are_condemned(store).await;
    a_manifest_comes_back_byte_for_byte_until_it_is_removed(store).await;
    rights_are_those_of_the_rows(store).await;
    super::referrers::a_page_of_referrers_ends_by_number_and_by_bytes(store).await;
    super::facts::facts_are_found_in_order_until_their_manifest_goes(store).await;
    super::facts::values_are_listed_once_each_with_their_first_tagged_fact(store).await;
    super::releases::suite(store).await;
    super::shown::suite(store).await;
    an_empty_repository_is_removed_and_a_used_one_is_not(store).await;
    what_is_older_is_forgotten_in_steps(store).await;
    super::collection::suite(store).await;
    super::governing::suite(store).await;
    super::lookups::suite(store).await;
    a_lease_has_one_holder_until_its_time_is_over(store).await;
    super::inspection::suite(store).await;
    super::sources::suite(store).await;
    store.check().await.unwrap();
}

/// A transaction made of its input and a function.
struct Do<I, T> {
    input: I,
    body: Body<I, T>,
}

pub(super) type Body<I, T> = for<'a> fn(&'a I, &'a mut dyn Work) -> BoxFuture<'a, Result<T>>;

#[async_trait]
impl<I: Send + Sync + 'static, T: Send + 'static> Transaction for Do<I, T> {
    type Output = T;

    async fn run(&self, work: &mut dyn Work) -> Result<T> {
        (self.body)(&self.input, work).await
    }
}

pub(super) async fn commit<I: Send + Sync + 'static, T: Send + 'static>(
    store: &dyn Store,
    input: I,
    body: Body<I, T>,
) -> Result<T> {
    store.commit(Do { input, body }).await
}

pub(super) async fn view<I: Send + Sync + 'static, T: Send + 'static>(
    store: &dyn Store,
    input: I,
    body: Body<I, T>,
) -> T {
    store.view(Do { input, body }).await.unwrap()
}

fn place(text: &str) -> Place {
    text.parse().unwrap()
}

pub(super) fn digest(text: &str) -> Digest {
    wharf_hash::digest(Algorithm::Sha256, text.as_bytes())
}

pub(super) fn upload_id(number: u8) -> UploadId {
    UploadId::new(NOW, [number; 16])
}

pub(super) fn key(number: u8) -> ObjectKey {
    upload_id(number).object_key()
}

pub(super) async fn repository(store: &dyn Store, name: &str) -> RepositoryId {
    let made = commit(store, place(name), |place, work| {
        Box::pin(async move {
            let registry =
                work.ensure_registry(place, Maker { actor: &Actor::job("contract"), at: NOW }).await?;
            let first = work
                .ensure_repository(registry, place, Maker { actor: &Actor::job("contract"), at: NOW })
                .await?;
            assert_eq!(
                first,
                work.ensure_repository(registry, place, Maker { actor: &Actor::job("contract"), at: NOW })
                    .await?,
                "made only once"
            );
            Ok(first)
        })
    });
    made.await.unwrap()
}

pub(super) fn image(name: &str) -> NewManifest {
    let config = digest(name);
    let body = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"a/b","digest":"{config}","size":1}},"layers":[]}}"#
    );
    let manifest = Manifest::parse(None, body.as_bytes()).unwrap();
    NewManifest::new(digest(&body), Bytes::from(body), Arc::new(manifest)).unwrap()
}

pub(super) fn index_of(child: &Digest) -> NewManifest {
    let body = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{child}","size":1}}]}}"#
    );
    let manifest = Manifest::parse(None, body.as_bytes()).unwrap();
    NewManifest::new(digest(&body), Bytes::from(body), Arc::new(manifest)).unwrap()
}

async fn tag(store: &dyn Store, repository: RepositoryId, name: &str) -> Result<bool> {
    let input = (repository, name.parse::<Tag>().unwrap(), image(name));
    commit(store, input, |(repository, tag, image), work| {
        Box::pin(async move {
            work.insert_manifest(*repository, image, NOW).await?;
            work.show_repository(*repository).await?;
            Ok(work.set_tag(*repository, tag, &image.digest, MARK).await? != Move::Stands)
        })
    })
    .await
}

async fn names_are_listed_in_byte_order_and_no_page_skips_one(store: &dyn Store) {
    let repository = repository(store, "order/app").await;
    let sorted = ["A", "Zed", "_x", "a", "a-b", "ab", "v1.10", "v1.2"];
    for name in ["ab", "_x", "v1.2", "Zed", "a", "v1.10", "A", "a-b"] {
        assert!(tag(store, repository, name).await.unwrap(), "a new tag moves");
        assert!(!tag(store, repository, name).await.unwrap(), "the same tag again does not");
    }
    for most in 1..=9_u32 {
        let (mut seen, mut last) = (Vec::new(), None::<String>);
        loop {
            let page = view(store, (repository, last.clone(), most), |(repository, last, most), work| {
                Box::pin(async move { work.tags(*repository, last.as_deref(), *most).await })
            });
            let page = page.await;
            let Some(end) = page.last() else { break };
            last = Some(end.clone());
            seen.extend(page);
        }
        assert_eq!(seen, sorted, "in pages of {most}");
    }
}

async fn a_transaction_that_fails_leaves_nothing(store: &dyn Store) {
    let failed = commit(store, place("failed/app"), |place, work| {
        Box::pin(async move {
            let registry =
                work.ensure_registry(place, Maker { actor: &Actor::job("contract"), at: NOW }).await?;
            work.ensure_repository(registry, place, Maker { actor: &Actor::job("contract"), at: NOW })
                .await?;
            Err::<(), _>(Error::new(Kind::Invalid, "on purpose"))
        })
    });
    assert_eq!(failed.await.unwrap_err().kind(), Kind::Invalid);
    let listed = catalog(store).await;
    assert!(!listed.contains(&"failed/app".to_owned()));
}

async fn catalog(store: &dyn Store) -> Vec<String> {
    view(store, (), |(), work| Box::pin(async move { work.catalog(CatalogOf::Everything, None, 1000).await }))
        .await
}

async fn many_writers_at_once_all_succeed(store: &dyn Store) {
    let repository = repository(store, "crowd/app").await;
    let names: Vec<String> = (0..40).map(|n| format!("t{n:02}")).collect();
    let tagged = join_all(names.iter().map(|name| tag(store, repository, name))).await;
    assert!(tagged.into_iter().all(|result| result.unwrap()));
    let listed = view(store, repository, |repository, work| {
        Box::pin(async move { work.tags(*repository, None, 1000).await })
    });
    assert_eq!(listed.await, names);
    assert!(catalog(store).await.contains(&"crowd/app".to_owned()));
}

async fn events_published_at_once_never_take_one_number_twice(store: &dyn Store) {
    let repository = repository(store, "events/app").await;
    let publish = |succeed: bool| {
        commit(store, (repository, succeed), |(repository, succeed), work| {
            Box::pin(async move {
                let event = Event {
                    at: NOW,
                    kind: "manifest.push",
                    tag: None,
                    digest: Some(digest("event")),
                    actor: "contract".to_owned(),
                };
                work.publish(*repository, &event).await?;
                work.audit(&AuditRecord::new(NOW, &Actor::job("contract"), "contract")).await?;
                if *succeed { Ok(()) } else { Err(Error::new(Kind::Invalid, "on purpose")) }
            })
        })
    };
    let published = join_all((0..20).map(|n| publish(n % 3 != 0))).await;
    assert_eq!(published.iter().filter(|result| result.is_ok()).count(), 13);
}

fn progress(offset: u64) -> Progress {
    Progress { offset, hash_state: vec![1, 2], store_state: vec![], incarnation: "boot".to_owned() }
}

/// An upload that just began.
pub(super) async fn upload(store: &dyn Store, number: u8) -> UploadRow {
    let row = UploadRow {
        id: upload_id(number),
        repository: repository(store, "uploads/app").await,
        account: None,
        key: key(number),
        algorithm: Algorithm::Sha512,
        progress: progress(0),
        version: 0,
        reread: None,
    };
    commit(store, row.clone(), |row, work| Box::pin(async move { work.insert_upload(row, NOW).await }))
        .await
        .unwrap();
    row
}

async fn an_upload_that_was_touched_is_not_stale(store: &dyn Store) {
    let row = upload(store, 101).await;
    let (deadline, later) = (NOW.plus_seconds(10), NOW.plus_seconds(20));
    let touch = |id: UploadId| {
        commit(store, (id, later), |(id, now), work| {
            Box::pin(async move { work.touch_upload(*id, *now).await })
        })
    };
    let expire = |seen: UploadRow, before: Timestamp| {
        let stale = Stale { before, seconds: 0 };
        commit(store, (seen, stale), |(seen, stale), work| {
            Box::pin(async move { work.remove_stale_upload(seen, *stale).await })
        })
    };
    touch(row.id).await.unwrap();
    touch(upload_id(102)).await.unwrap();
    assert!(!expire(row.clone(), deadline).await.unwrap(), "somebody works on it");
    let moved = UploadRow { version: row.version + 1, ..row.clone() };
    assert!(!expire(moved, later.plus_seconds(1)).await.unwrap(), "it does not stand there");
    let progress = (row.clone(), progress(10));
    let saved = commit(store, progress, |(seen, progress), work| {
        Box::pin(async move { work.save_progress(seen, progress, NOW).await })
    });
    assert!(saved.await.unwrap(), "a touch is no progress");
    let seen = UploadRow { version: row.version + 1, ..row };
    assert!(expire(seen.clone(), deadline).await.unwrap());
    assert!(!expire(seen, deadline).await.unwrap());
}

async fn an_upload_moves_once_for_each_state_that_was_seen(store: &dyn Store) {
    let row = upload(store, 1).await;
    let find = || view(store, row.id, |id, work| Box::pin(async move { work.find_upload(*id).await }));
    assert_eq!(find().await.as_ref(), Some(&row));
    let save = |seen: UploadRow, offset: u64| {
        commit(store, (seen, progress(offset)), |(seen, progress), work| {
            Box::pin(async move { work.save_progress(seen, progress, NOW).await })
        })
    };
    let both = join_all([save(row.clone(), 10), save(row.clone(), 20)]).await;
    assert_eq!(both.into_iter().filter(|saved| *saved.as_ref().unwrap()).count(), 1, "one of two wins");
    let moved = find().await.unwrap();
    assert_eq!(moved.version, 1);
    assert!(save(moved, 30).await.unwrap());
    let reread = Reread { own: digest("own"), other: wharf_hash::digest(Algorithm::Sha512, b"other") };
    commit(store, (row.id, reread), |(id, reread), work| {
        Box::pin(async move { work.keep_reread(*id, reread).await })
    })
    .await
    .unwrap();
    let kept = find().await.unwrap();
    assert_eq!(
        (kept.reread, kept.version),
        (Some(reread), 2),
        "what was found is kept, and nothing moved by it"
    );
    let stale = |before: Timestamp| {
        let stale = Stale { before, seconds: 0 };
        view(store, stale, |stale, work| Box::pin(async move { work.stale_uploads(*stale, 10).await }))
    };
    assert!(stale(NOW).await.is_empty());
    assert_eq!(stale(NOW.plus_seconds(1)).await.len(), 1);
    let count =
        |most: u32| view(store, most, |most, work| Box::pin(async move { work.count_uploads(*most).await }));
    assert!(count(100).await >= 1);
    assert_eq!(count(0).await, 0, "nobody counts further than he is told to");
    let seen = find().await.unwrap();
    let older = UploadRow { version: seen.version - 1, ..seen.clone() };
    let end = commit(store, older, |seen, work| Box::pin(async move { work.remove_upload_at(seen).await }));
    assert!(!end.await.unwrap(), "one that moved since is not ended");
    let remove = || {
        commit(store, seen.clone(), |seen, work| Box::pin(async move { work.remove_upload_at(seen).await }))
    };
    assert!(remove().await.unwrap());
    assert!(!remove().await.unwrap());
    assert_eq!(find().await, None);
}

async fn uploads_are_counted_for_each_organisation(store: &dyn Store) {
    let places = ["counted/app", "counted/team/app", "elsewhere/app"];
    for (number, name) in (40..).zip(places) {
        let (repository, id) = (repository(store, name).await, upload_id(number));
        let (account, algorithm, progress) = (None, Algorithm::Sha256, progress(0));
        let (key, version, reread) = (key(number), 0, None);
        let row = UploadRow { id, repository, account, key, algorithm, progress, version, reread };
        commit(store, row, |row, work| {
            Box::pin(async move {
                work.insert_upload(row, NOW).await?;
                let counted = work.count_uploads_beside(row.repository, 10).await?;
                assert_eq!(counted, if row.id == upload_id(41) { 2 } else { 1 });
                assert_eq!(work.count_uploads_beside(row.repository, 1).await?, 1, "and no further");
                Ok(())
            })
        })
        .await
        .unwrap();
    }
    for number in 40..43 {
        commit(store, upload_id(number), |id, work| {
            Box::pin(async move {
                let row = work.find_upload(*id).await?.expect("it was begun");
                work.remove_upload_at(&row).await
            })
        })
        .await
        .unwrap();
    }
}

async fn a_blob_is_a_member_only_where_it_was_added(store: &dyn Store) {
    let (here, there) = (repository(store, "blobs/here").await, repository(store, "blobs/there").await);
    let blob = BlobRow { digest: digest("blob"), size: 4, key: key(2) };
    commit(store, (here, blob.clone()), |(here, blob), work| {
        Box::pin(async move {
            assert_eq!(work.lock_blob(&blob.digest).await?, None);
            work.insert_blob(blob, NOW).await?;
            assert!(!work.add_member(*here, &digest("no blob"), NOW).await?);
            assert!(work.add_member(*here, &blob.digest, NOW).await?);
            assert!(work.add_member(*here, &blob.digest, NOW).await?);
            Ok(())
        })
    })
    .await
    .unwrap();
    let member = |repository| {
        view(store, (repository, blob.digest), |(repository, digest), work| {
            Box::pin(async move { work.find_member(*repository, digest).await })
        })
    };
    assert_eq!(member(here).await.as_ref(), Some(&blob));
    assert_eq!(member(there).await, None);
    let sources = view(store, blob.digest, |digest, work| {
        Box::pin(async move { work.mount_sources(None, digest, 10).await })
    });
    assert!(sources.await.is_empty(), "nobody may mount from a private registry");
    commit(store, (here, there, blob.digest), |(here, there, digest), work| {
        Box::pin(async move {
            assert!(work.touch_member(*here, digest).await?);
            assert!(!work.touch_member(*there, digest).await?);
            let wanted = [*digest, super::store::digest("no blob")];
            assert_eq!(work.touch_members(*here, &wanted).await?, [*digest], "those that are there");
            assert!(work.touch_members(*there, &wanted).await?.is_empty());
            assert!(work.touch_members(*here, &[]).await?.is_empty());
            work.move_blob(digest, key(3)).await?;
            assert!(work.remove_member(*here, digest).await?);
            assert!(!work.remove_member(*here, digest).await?);
            assert_eq!(work.lock_blob(digest).await?.map(|blob| blob.key), Some(key(3)));
            Ok(())
        })
    })
    .await
    .unwrap();
}

/// Uploads of one content that finish at once, on one node or on several.
async fn of_many_objects_of_one_blob_one_stays_and_all_others_are_condemned(store: &dyn Store) {
    let here = repository(store, "blobs/many").await;
    let finish = |number: u8| {
        commit(store, (here, number), |(here, number), work| {
            Box::pin(async move {
                let blob = BlobRow { digest: digest("many"), size: 4, key: key(*number) };
                match work.lock_blob(&blob.digest).await? {
                    None => work.insert_blob(&blob, NOW).await?,
                    Some(known) => {
                        work.move_blob(&blob.digest, blob.key).await?;
                        work.condemn(known.key, 0).await?;
                    }
                }
                assert!(work.add_member(*here, &blob.digest, NOW).await?);
                Ok(())
            })
        })
    };
    for finished in join_all((110..122).map(finish)).await {
        finished.unwrap();
    }

    let found = view(store, here, |here, work| {
        Box::pin(async move { work.find_member(*here, &digest("many")).await })
    });
    let stays = found.await.unwrap().key;
    let condemned =
        view(store, 1000, |most, work| Box::pin(async move { work.due_objects(*most).await })).await;
    for number in 110..122 {
        assert!(
            key(number) == stays || condemned.contains(&key(number)),
            "the object of {number} is forgotten"
        );
        let forget = commit(store, number, |number, work| {
            Box::pin(async move { work.forget_objects(&[key(*number)]).await })
        });
        forget.await.unwrap();
    }
}

async fn a_manifest_comes_back_byte_for_byte_until_it_is_removed(store: &dyn Store) {
    let repository = repository(store, "manifests/app").await;
    tag(store, repository, "one").await.unwrap();
    let pushed = image("one");
    let input = (repository, pushed, "one".parse::<Tag>().unwrap());
    commit(store, input, |(repository, pushed, one), work| {
        Box::pin(async move {
            let found = work.find_manifest(*repository, &pushed.digest).await?.expect("it was stored");
            assert_eq!((&found.bytes, &found.media_type), (&pushed.bytes, &pushed.manifest.media_type));
            assert_eq!(work.find_tagged(*repository, one).await?, Some(found));
            assert!(!work.insert_manifest(*repository, pushed, NOW).await?, "the same again is the same");
            let (other, third) = (&"two".parse()?, &"a-third".parse()?);
            work.set_tag(*repository, other, &pushed.digest, MARK).await?;
            work.set_tag(*repository, third, &pushed.digest, MARK).await?;
            let two = work.tags_of(*repository, &pushed.digest, 2).await?;
            assert_eq!(two.iter().collect::<Vec<_>>(), [third, one], "no more than wanted, in byte order");
            for other in [other, third] {
                work.remove_tag(*repository, other, MARK).await?;
            }
            assert_eq!(work.remove_tag(*repository, one, MARK).await?, Some(pushed.digest));
            assert_eq!(work.remove_tag(*repository, one, MARK).await?, None);
            assert!(work.has_manifest(*repository, &pushed.digest).await?, "a tag goes alone");
            let wanted = [digest("no manifest"), pushed.digest];
            assert_eq!(work.known_manifests(*repository, &wanted).await?, [pushed.digest]);
            assert!(work.remove_manifest(*repository, &pushed.digest).await?);
            assert!(!work.remove_manifest(*repository, &pushed.digest).await?);
            assert_eq!(work.find_manifest(*repository, &pushed.digest).await?, None);
            Ok(())
        })
    })
    .await
    .unwrap();
}

async fn rights_are_those_of_the_rows<S: Store + RightsSource>(store: &S) {
    let actor = Actor::job("contract");
    let nowhere = store.rights(&actor, &place("nowhere/app")).await.unwrap();
    assert_eq!(nowhere, wharf_core::gate::Rights::default());
    let repository = repository(store, "rights/team/app").await;
    let rights = store.rights(&actor, &place("rights/team/app")).await.unwrap();
    let registry = rights.registry.expect("the registry was made");
    assert_eq!(registry.repository, Some(repository));
    assert!(!registry.public, "a new registry is private");
    assert!(rights.organisation.is_some() && rights.role.is_none() && !rights.operator);
    let main = store.rights(&actor, &place("rights/other")).await.unwrap().registry;
    assert_eq!(main.expect("every organisation is born with main").repository, None);
    let team = RegistryPlace { organisation: "rights".parse().unwrap(), registry: "team".parse().unwrap() };
    let whole = store.registry_rights(&actor, &team).await.unwrap().registry;
    assert_eq!(whole.map(|found| (found.id, found.repository)), Some((registry.id, None)));
}

async fn an_empty_repository_is_removed_and_a_used_one_is_not(store: &dyn Store) {
    let remove = async |at: i64| {
        let (before, now) = (NOW.plus_seconds(at - 60), NOW.plus_seconds(at));
        let looked = commit(store, (before, now), |(before, now), work| {
            Box::pin(async move { work.remove_empty_repositories(*before, *now, 1000).await })
        });
        let EmptyRepositories { looked_at, removed } = looked.await.unwrap();
        (looked_at, removed)
    };
    // What the suites before left in use comes up again when it is time.
    let (looked_at, removed) = remove(61).await;
    let others = looked_at - removed;
    let empty = repository(store, "empty/app").await;
    let (held, shown) = (repository(store, "empty/held").await, repository(store, "empty/shown").await);
    tag(store, shown, "one").await.unwrap();
    commit(store, (empty, held), |(empty, held), work| {
        Box::pin(async move {
            let blob = BlobRow { digest: digest("held"), size: 4, key: key(9) };
            work.insert_blob(&blob, NOW).await?;
            work.add_member(*held, &blob.digest, NOW).await?;
            let (kind, actor) = ("blob.delete", "contract".to_owned());
            let event = Event { at: NOW, kind, tag: None, digest: Some(blob.digest), actor };
            work.publish(*empty, &event).await
        })
    })
    .await
    .unwrap();
    assert_eq!(remove(60).await, (0, 0), "neither is old enough");
    assert_eq!(remove(61).await, (2, 1), "what was told of a repository does not keep it");
    assert_eq!(remove(120).await, (0, 0), "what was in use is not looked at again so soon");
    assert_eq!(remove(122).await, (1 + others, 0));
    commit(store, held, |held, work| {
        Box::pin(async move { work.remove_member(*held, &digest("held")).await })
    })
    .await
    .unwrap();
    assert_eq!(remove(183).await, (1 + others, 1));
    assert!(catalog(store).await.contains(&"empty/shown".to_owned()));
}

async fn what_is_older_is_forgotten_in_steps(store: &dyn Store) {
    let repository = repository(store, "history/app").await;
    let long_ago = NOW.plus_seconds(-1000);
    for at in [long_ago, long_ago, long_ago, NOW.plus_seconds(-10)] {
        commit(store, (repository, at), |(repository, at), work| {
            Box::pin(async move {
                let (kind, actor) = ("blob.delete", "contract".to_owned());
                work.publish(*repository, &Event { at: *at, kind, tag: None, digest: None, actor }).await
            })
        })
        .await
        .unwrap();
    }
    let forget = async |seconds: i64| {
        let forgotten = commit(store, NOW.plus_seconds(seconds), |before, work| {
            Box::pin(async move { work.forget_events(*before, 2).await })
        });
        forgotten.await.unwrap()
    };
    assert_eq!(forget(-1000).await, 0, "what is not older stays");
    assert_eq!(forget(-100).await, 2, "no more than wanted in one step");
    assert_eq!(forget(-100).await, 1);
    assert_eq!(forget(-100).await, 0);
    assert_eq!(forget(-9).await, 1);
}

async fn a_lease_has_one_holder_until_its_time_is_over<S: Store>(store: &S) {
    let take = async |holder: &str, at: i64| {
        let now = NOW.plus_seconds(at);
        let claim =
            LeaseClaim { name: "contract".into(), holder: holder.to_owned(), until: now.plus_seconds(10) };
        let body: Body<_, bool> = |(claim, now), work| Box::pin(work.take_lease(claim, *now));
        commit(store, (claim, now), body).await.unwrap()
    };
    assert!(take("one", 0).await && !take("two", 5).await, "two nodes have one lease");
    assert!(take("one", 5).await, "its holder cannot prolong a lease");
    assert!(!take("two", 14).await && take("two", 15).await, "a lease does not end by time");
    let both = futures_util::future::join(take("three", 30), take("four", 30)).await;
    assert!(both.0 != both.1, "of two nodes at once one takes a lease");
    let end = async |holder: &str| {
        let claim = LeaseClaim { name: "contract".into(), holder: holder.to_owned(), until: NOW };
        let body: Body<_, ()> = |claim, work| Box::pin(work.end_lease(claim));
        commit(store, claim, body).await.unwrap();
    };
    end("nobody").await;
    assert!(!take("five", 31).await, "who does not hold a lease gave it back");
    end(if both.0 { "three" } else { "four" }).await;
    assert!(take("five", 31).await, "a lease that was given back is free");
    assert!(!take("six", 22).await, "a clock that is a little behind ends no lease");
    assert!(take("seven", 3600).await, "a lease that ended stands");
    assert!(take("eight", 41).await, "a node whose clock was an hour ahead holds the others up");
    let body: Body<_, u64> = |before, work| Box::pin(work.forget_leases(*before));
    assert!(commit(store, NOW.plus_seconds(52), body).await.unwrap() > 0, "an old lease is not forgotten");
}
