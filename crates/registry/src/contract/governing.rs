//! What organisations set and what they store: rules, moves of tags, and the count of bytes.

use wharf_core::{Actor, Result, Tag, Timestamp, audit::Event, gate::OrganisationId};

use super::store::{MARK, NOW, commit, digest, image, key, repository, view};
use crate::{
    Usage,
    port::{AgedTag, BlobRow, Maker, Mark, Move, Recount, RuleKind, RuleRow, Store},
};

/// Before everything else in the suite.
const LONG_AGO: Timestamp = Timestamp::from_microseconds(1);

pub(super) async fn suite(store: &dyn Store) {
    a_tag_tells_where_it_pointed(store).await;
    a_tag_is_found_above_what_it_needs(store).await;
    what_came_is_known_although_its_event_is_forgotten(store).await;
    a_rule_is_of_one_registry_and_kind(store).await;
    a_blob_counts_once_in_an_organisation_and_a_manifest_in_each_repository(store).await;
    tags_come_by_age_and_only_what_nothing_holds_is_loose(store).await;
}

async fn a_tag_tells_where_it_pointed(store: &dyn Store) {
    let repository = repository(store, "moved/app").await;
    let (one, two) = (image("moved one"), image("moved two"));
    let tag: Tag = "v1".parse().unwrap();
    let input = (repository, tag.clone(), one.clone(), two.clone());
    commit(store, input, |(repository, tag, one, two), work| {
        Box::pin(async move {
            work.insert_manifest(*repository, one, NOW).await?;
            work.insert_manifest(*repository, two, NOW).await?;
            let later = Mark { at: NOW.plus_seconds(1), by: "later" };
            assert_eq!(work.tagged(*repository, tag).await?, None);
            assert_eq!(work.set_tag(*repository, tag, &one.digest, MARK).await?, Move::New);
            assert_eq!(work.set_tag(*repository, tag, &one.digest, later).await?, Move::Stands);
            assert_eq!(work.set_tag(*repository, tag, &two.digest, later).await?, Move::Over);
            assert_eq!(work.tagged(*repository, tag).await?, Some(two.digest));
            assert_eq!(work.remove_tag(*repository, tag, MARK).await?, Some(two.digest));
            assert_eq!(work.set_tag(*repository, tag, &two.digest, MARK).await?, Move::New);
            assert!(work.remove_manifest(*repository, &one.digest).await?);
            assert!(work.has_pointed(*repository, tag, &one.digest).await?);
            assert!(!work.has_pointed(*repository, &"v2".parse()?, &one.digest).await?);
            Ok(())
        })
    })
    .await
    .unwrap();
    let moves = view(store, (repository, tag.clone()), |(repository, tag), work| {
        Box::pin(async move { work.moves(*repository, tag, None, 10).await })
    })
    .await;
    let shown: Vec<_> = moves.iter().map(|row| (row.from, row.to, row.by.as_str(), row.stands)).collect();
    assert_eq!(
        shown,
        [
            (None, Some(two.digest), "contract", true),
            (Some(two.digest), None, "contract", false),
            (Some(one.digest), Some(two.digest), "later", true),
            (None, Some(one.digest), "contract", false),
        ]
    );
    let second = moves.get(1).map(|row| row.id);
    let earlier = view(store, (repository, tag, second), |(repository, tag, second), work| {
        Box::pin(async move { work.moves(*repository, tag, *second, 1).await })
    })
    .await;
    assert_eq!(earlier, moves.get(2..3).unwrap(), "a page ends where the next begins");
}

async fn a_tag_is_found_above_what_it_needs(store: &dyn Store) {
    let repository = repository(store, "above/app").await;
    let (child, stranger) = (image("above child"), image("above stranger"));
    let found = commit(store, (repository, child, stranger), |(repository, child, stranger), work| {
        Box::pin(async move {
            let index = super::store::index_of(&child.digest);
            for manifest in [child, stranger, &index] {
                work.insert_manifest(*repository, manifest, NOW).await?;
            }
            for (tag, manifest) in [("index", &index), ("also", &index), ("other", stranger)] {
                work.set_tag(*repository, &tag.parse()?, &manifest.digest, MARK).await?;
            }
            let all = work.tags_above(*repository, &child.digest, None, 10).await?;
            assert_eq!(work.tags_above(*repository, &digest("above child"), None, 10).await?, all);
            assert_eq!(work.tags_above(*repository, &index.digest, None, 10).await?, all);
            let rest = work.tags_above(*repository, &child.digest, all.first(), 10).await?;
            assert_eq!(rest, all.get(1..).unwrap_or_default());
            // Two ways to the child's manifests, one to the index again, two tags.
            assert_eq!(work.few_tags_above(*repository, &child.digest, 4).await?, None);
            let mut few =
                work.few_tags_above(*repository, &child.digest, 5).await?.expect("there are five rows");
            few.sort();
            assert_eq!(few, all);
            let few = work.few_tags_above(*repository, &digest("above child"), 10).await?;
            assert_eq!(few.map(|tags| tags.len()), Some(2));
            let none = work.few_tags_above(*repository, &digest("above nothing"), 0).await?;
            assert_eq!(none, Some(Vec::new()));
            Ok(all)
        })
    });
    let found = found.await.unwrap();
    assert_eq!(found.iter().map(Tag::as_str).collect::<Vec<_>>(), ["also", "index"]);
}

async fn what_came_is_known_although_its_event_is_forgotten(store: &dyn Store) {
    let repository = repository(store, "grown/app").await;
    let grown = async |kind: &'static str| {
        let event = Event { at: LONG_AGO, kind, tag: None, digest: None, actor: "contract".to_owned() };
        commit(store, (repository, event), |(repository, event), work| {
            Box::pin(async move {
                let before = work.latest_event(*repository).await?;
                work.publish(*repository, event).await?;
                work.forget_events(LONG_AGO.plus_seconds(1), 10).await?;
                assert_eq!(work.latest_event(*repository).await?, before + 1);
                work.has_grown_since(*repository, before).await
            })
        })
        .await
        .unwrap()
    };
    for kind in ["manifest.push", "tag.rollback"] {
        assert!(grown(kind).await, "{kind} brings something");
    }
    for kind in ["manifest.delete", "tag.delete", "blob.delete", "manifest.expire", "tag.expire"] {
        assert!(!grown(kind).await, "{kind} takes something away");
    }
}

async fn a_rule_is_of_one_registry_and_kind(store: &dyn Store) {
    let (here, there) = (repository(store, "rules/app").await, repository(store, "rules/team/app").await);
    let place = "rules/app".parse::<wharf_core::Place>().unwrap();
    commit(store, (here, there, place), |(here, there, place), work| {
        Box::pin(async move {
            let registry =
                work.ensure_registry(place, Maker { actor: &Actor::job("contract"), at: NOW }).await?.id;
            let rule = |name: &str, body: &str| RuleRow { name: name.to_owned(), body: body.to_owned() };
            let kind = RuleKind::Immutability;
            assert!(work.set_rule(registry, kind, &rule("b", "{}"), NOW).await?, "it was not there");
            assert!(!work.set_rule(registry, kind, &rule("b", "[]"), NOW).await?, "it was");
            assert!(work.set_rule(registry, kind, &rule("a", "1"), NOW).await?);
            assert_eq!(work.rules(registry, kind).await?, [rule("a", "1"), rule("b", "[]")]);
            assert_eq!(work.rules_over(*here, kind).await?.len(), 2);
            assert!(work.rules_over(*here, RuleKind::Retention).await?.is_empty());
            assert!(work.rules_over(*there, kind).await?.is_empty());
            assert!(!work.remove_rule(registry, RuleKind::Retention, "a").await?);
            assert!(work.remove_rule(registry, kind, "a").await?);
            assert!(!work.remove_rule(registry, kind, "a").await?);
            Ok(())
        })
    })
    .await
    .unwrap();
}

async fn tags_come_by_age_and_only_what_nothing_holds_is_loose(store: &dyn Store) {
    let repository = repository(store, "aged/app").await;
    let [old, moved, loose, child] = ["aged old", "aged moved", "aged loose", "aged child"].map(image);
    let digests = [&old, &moved, &loose, &child].map(|image| image.digest);
    let input = (repository, [old, moved, loose, child]);
    commit(store, input, |(repository, images), work| {
        Box::pin(async move {
            let [old, moved, _, child] = images;
            let index = super::store::index_of(&child.digest);
            for manifest in images.iter().chain([&index]) {
                work.insert_manifest(*repository, manifest, NOW).await?;
            }
            let later = Mark { at: NOW.plus_seconds(5), by: "contract" };
            work.set_tag(*repository, &"b".parse()?, &old.digest, MARK).await?;
            work.set_tag(*repository, &"a".parse()?, &old.digest, MARK).await?;
            work.set_tag(*repository, &"index".parse()?, &index.digest, later).await?;
            work.set_tag(*repository, &"moved".parse()?, &moved.digest, MARK).await?;
            work.set_tag(*repository, &"moved".parse()?, &old.digest, later).await?;
            let (mut tags, mut last) = (Vec::new(), None);
            loop {
                let page = work.tags_by_age(*repository, last.as_ref(), 1).await?;
                let Some(seen) = page.into_iter().next() else { break };
                assert!(work.stands(*repository, &seen).await?);
                tags.push(seen.tag.to_string());
                last = Some(seen);
            }
            assert_eq!(tags, ["moved", "index", "b", "a"], "the latest first");
            let seen = AgedTag { since: NOW.plus_seconds(1), ..last.expect("there are tags") };
            assert!(!work.stands(*repository, &seen).await?, "it was moved since");
            Ok(())
        })
    })
    .await
    .unwrap();
    let found = view(store, repository, |repository, work| {
        Box::pin(async move {
            let (first, rest) = (work.manifests_by_age(*repository, None, 1).await?, 10);
            let last = first.first().map(|row| row.digest);
            let rest = work.manifests_by_age(*repository, last.as_ref(), rest).await?;
            let all = [first, rest].concat();
            for row in &all {
                assert_eq!(work.is_loose(*repository, &row.digest).await?, row.loose);
            }
            Ok(all.into_iter().filter(|row| row.loose).map(|row| row.digest).collect::<Vec<_>>())
        })
    })
    .await;
    assert_eq!(found, [digests[2]], "neither a tagged one, nor one that was, nor a child");
    let place: wharf_core::Place = "aged/app".parse().unwrap();
    commit(store, place, |place, work| {
        Box::pin(async move {
            let registry =
                work.ensure_registry(place, Maker { actor: &Actor::job("contract"), at: NOW }).await?.id;
            let rule = RuleRow { name: "aged".to_owned(), body: "{}".to_owned() };
            for kind in [RuleKind::Retention, RuleKind::Immutability] {
                work.set_rule(registry, kind, &rule, NOW).await?;
            }
            let before = wharf_core::gate::RegistryId(registry.0 - 1);
            let ruled = work.ruled_registries(RuleKind::Retention, before, 10).await?;
            assert_eq!(ruled.first().map(|ruled| ruled.id), Some(registry));
            assert!(work.ruled_registries(RuleKind::Retention, registry, 10).await?.is_empty());
            Ok(())
        })
    })
    .await
    .unwrap();
}

/// The count of an organisation, which must be what is counted anew.
async fn counted(store: &dyn Store, name: &str) -> Usage {
    let mut last = OrganisationId(0);
    loop {
        let recount: Option<Recount> =
            view(store, last, |last, work| Box::pin(async move { work.recount(*last).await })).await;
        let recount = recount.expect("the organisation is there");
        assert_eq!(recount.counted, recount.found, "{} is miscounted", recount.name);
        if recount.name == name {
            return recount.counted;
        }
        last = recount.organisation;
    }
}

async fn a_blob_counts_once_in_an_organisation_and_a_manifest_in_each_repository(store: &dyn Store) {
    let (here, beside) = (repository(store, "usage/app").await, repository(store, "usage/team/app").await);
    let elsewhere = repository(store, "usage-other/app").await;
    let add = async |repository| {
        let blob = BlobRow { digest: digest("usage blob"), size: 100, key: key(230) };
        commit(store, (repository, blob, image("usage")), |(repository, blob, image), work| {
            Box::pin(async move {
                if work.lock_blob(&blob.digest).await?.is_none() {
                    work.insert_blob(blob, NOW).await?;
                }
                work.add_member(*repository, &blob.digest, NOW).await?;
                work.add_member(*repository, &blob.digest, NOW).await?;
                work.insert_manifest(*repository, image, NOW).await?;
                work.insert_manifest(*repository, image, NOW).await
            })
        })
        .await
        .unwrap();
    };
    let size = i64::try_from(image("usage").bytes.len()).unwrap();
    for repository in [here, beside, elsewhere] {
        add(repository).await;
    }
    assert_eq!(counted(store, "usage").await, Usage { blobs: 100, manifests: 2 * size });
    assert_eq!(counted(store, "usage-other").await, Usage { blobs: 100, manifests: size });
    let remove = async |repository| {
        let input = (repository, digest("usage blob"), image("usage").digest);
        commit(store, input, |(repository, blob, manifest), work| {
            Box::pin(async move {
                work.remove_member(*repository, blob).await?;
                work.remove_member(*repository, blob).await?;
                work.remove_manifest(*repository, manifest).await
            })
        })
        .await
        .unwrap();
    };
    remove(here).await;
    assert_eq!(counted(store, "usage").await, Usage { blobs: 100, manifests: size });
    let ended: Result<bool> = commit(store, (beside, digest("usage blob")), |(beside, digest), work| {
        Box::pin(async move { work.end_membership(*beside, digest, 1).await })
    })
    .await;
    assert!(ended.unwrap(), "nothing needs it");
    remove(beside).await;
    assert_eq!(counted(store, "usage").await, Usage::default());
    assert_eq!(counted(store, "usage-other").await, Usage { blobs: 100, manifests: size });
}
