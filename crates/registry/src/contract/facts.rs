//! The contract of the index of facts.

use serde_json::{Map, Value, json};
use wharf_core::{Actor, Digest, RegistryPlace, Tag, gate::RegistryId};

use super::store::{MARK, NOW, commit, image, repository, view};
use crate::{
    format::{Document, Fact, FactCursor},
    port::{FactRow, FactsOf, MOST_SHOWN_TAGS, RightsSource, Store, ValuesOf},
};

fn fact(version: u8, keyword: &str) -> Fact {
    let name = |text: &str| text.to_owned();
    Fact {
        subject: name("chart"),
        sort_key: vec![255 - version],
        attributes: Map::from_iter([(name("version"), json!(version))]),
        index: vec![("version", version.to_string()), ("keyword", name(keyword)), ("keyword", name("all"))],
        documents: vec![Document {
            name: "readme",
            media_type: "text/markdown",
            bytes: vec![version, 0, 255],
        }],
        ..Fact::default()
    }
}

/// Stores a tagged manifest with one fact.
async fn store_fact(store: &dyn Store, repository_name: &str, version: u8, keyword: &str) -> Digest {
    let repository = repository(store, repository_name).await;
    let tag: Tag = format!("v{version}").parse().unwrap();
    let input = (repository, image(&format!("{repository_name}{version}")), fact(version, keyword), tag);
    commit(store, input, |(repository, image, fact, tag), work| {
        Box::pin(async move {
            assert!(work.insert_manifest(*repository, image, NOW).await?);
            work.show_repository(*repository).await?;
            work.insert_facts(*repository, &image.digest, ("helm", std::slice::from_ref(fact))).await?;
            work.set_tag(*repository, tag, &image.digest, MARK).await?;
            Ok(image.digest)
        })
    })
    .await
    .unwrap()
}

async fn list(store: &dyn Store, wanted: FactsOf) -> Vec<FactRow> {
    view(store, wanted, |wanted, work| Box::pin(async move { work.facts(wanted).await })).await
}

fn versions(rows: &[FactRow]) -> Vec<i64> {
    rows.iter().filter_map(|row| row.attributes.get("version").and_then(Value::as_i64)).collect()
}

pub(super) async fn facts_are_found_in_order_until_their_manifest_goes<S: Store + RightsSource>(store: &S) {
    for version in [1, 3, 2] {
        store_fact(store, "facts/team/chart", version, "own").await;
    }
    let elsewhere = store_fact(store, "facts/other/chart", 9, "own").await;
    let team = RegistryPlace { organisation: "facts".parse().unwrap(), registry: "team".parse().unwrap() };
    let rights = store.registry_rights(&Actor::job("contract"), &team).await.unwrap();
    let registry = rights.registry.expect("the registry was made").id;
    let wanted = |pairs: &[(&str, &str)], last: Option<FactCursor>, most: u32| FactsOf {
        registry,
        format: "helm".to_owned(),
        pairs: pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        last,
        most,
    };

    let all = list(store, wanted(&[], None, 10)).await;
    assert_eq!(versions(&all), [3, 2, 1], "by sort key, and only those of the registry");
    assert_eq!(
        (&all[0].tags[..], &all[0].documents[..]),
        (&["v3".to_owned()][..], &["readme".to_owned()][..])
    );
    for pairs in [&[][..], &[("keyword", "own")], &[("keyword", "all"), ("keyword", "own")]] {
        let first = list(store, wanted(pairs, None, 1)).await;
        let rest = list(store, wanted(pairs, Some(first[0].cursor.clone()), 10)).await;
        assert_eq!((versions(&first), versions(&rest)), (vec![3], vec![2, 1]), "{pairs:?} in pages");
    }
    assert_eq!(versions(&list(store, wanted(&[("keyword", "own"), ("version", "2")], None, 10)).await), [2]);
    assert!(list(store, wanted(&[("keyword", "none")], None, 10)).await.is_empty());
    assert!(list(store, FactsOf { format: "other".to_owned(), ..wanted(&[], None, 10) }).await.is_empty());
    assert!(list(store, FactsOf { registry: RegistryId(-1), ..wanted(&[], None, 10) }).await.is_empty());

    a_fact_shows_so_many_tags_and_counts_them(store, &wanted(&[("version", "1")], None, 10)).await;
    what_is_untagged_is_not_listed_and_what_is_removed_is_gone(store, all[0].digest).await;
    assert_eq!(versions(&list(store, wanted(&[], None, 10)).await), [2, 1]);
    let other = repository(store, "facts/other/chart").await;
    let documents = view(store, (other, elsewhere), |(repository, digest), work| {
        Box::pin(async move { work.document(*repository, digest, "readme").await })
    });
    assert_eq!(documents.await.expect("the other one's stays").bytes[..], [9, 0, 255]);
}

pub(super) async fn values_are_listed_once_each_with_their_first_tagged_fact<S: Store + RightsSource>(
    store: &S,
) {
    for (repository_name, version, keyword) in [
        ("values/team/chart", 1, "b"),
        ("values/team/chart", 3, "b"),
        ("values/team/chart", 2, "b"),
        ("values/team/chart", 4, "a"),
        ("values/team/chart", 7, "c"),
        ("values/other/chart", 1, "d"),
    ] {
        store_fact(store, repository_name, version, keyword).await;
    }
    let repository = repository(store, "values/team/chart").await;
    let untagged = commit(store, repository, |repository, work| {
        Box::pin(async move { work.remove_tag(*repository, &"v7".parse().unwrap(), MARK).await })
    });
    untagged.await.unwrap();
    let team = RegistryPlace { organisation: "values".parse().unwrap(), registry: "team".parse().unwrap() };
    let rights = store.registry_rights(&Actor::job("contract"), &team).await.unwrap();
    let all = ValuesOf {
        registry: rights.registry.expect("the registry was made").id,
        format: "helm".to_owned(),
        attribute: "keyword".to_owned(),
        last: None,
        most: 10,
        most_bytes: 1_000_000,
    };
    let listed = async |wanted: ValuesOf| {
        let rows = view(store, wanted, |wanted, work| Box::pin(async move { work.values(wanted).await }));
        versions(&rows.await)
    };
    let after = |value: &str| ValuesOf { last: Some(value.to_owned()), ..all.clone() };
    assert_eq!(
        listed(all.clone()).await,
        [4, 4, 3],
        "of a, all and b; what is untagged or elsewhere has none"
    );
    assert_eq!(listed(ValuesOf { most: 2, ..all.clone() }).await, [4, 4]);
    assert_eq!(listed(ValuesOf { most_bytes: 1, ..all.clone() }).await, [4], "the one too much is the last");
    assert_eq!(listed(after("a")).await, [4, 3]);
    assert_eq!(listed(after("all")).await, [3]);
    assert!(listed(after("b")).await.is_empty());
    assert!(listed(ValuesOf { attribute: "other".to_owned(), ..all }).await.is_empty());
}

async fn a_fact_shows_so_many_tags_and_counts_them(store: &dyn Store, wanted: &FactsOf) {
    let before = list(store, wanted.clone()).await;
    let (repository, digest) = (repository(store, "facts/team/chart").await, before[0].digest);
    commit(store, (repository, digest), |(repository, digest), work| {
        Box::pin(async move {
            for number in 0..MOST_SHOWN_TAGS + 50 {
                let tag: Tag = format!("t{number:0>127}").parse().unwrap();
                work.set_tag(*repository, &tag, digest, MARK).await?;
            }
            Ok(())
        })
    })
    .await
    .unwrap();
    let of_manifest = view(store, (repository, digest), |(repository, digest), work| {
        Box::pin(async move { work.facts_of(*repository, digest).await })
    });
    let first: Vec<String> = (0..MOST_SHOWN_TAGS).map(|number| format!("t{number:0>127}")).collect();
    let grown = first.join(",").len() - before[0].tags.join(",").len();
    for row in list(store, wanted.clone()).await.into_iter().chain(of_manifest.await) {
        assert_eq!(row.tags, first, "the first in byte order");
        assert_eq!(row.size, before[0].size + grown, "a tag that is shown counts");
    }
}

async fn what_is_untagged_is_not_listed_and_what_is_removed_is_gone(store: &dyn Store, digest: Digest) {
    let repository = repository(store, "facts/team/chart").await;
    commit(store, (repository, digest), |(repository, digest), work| {
        Box::pin(async move {
            for tag in work.tags_of(*repository, digest, 10).await? {
                work.remove_tag(*repository, &tag, MARK).await?;
            }
            assert_eq!(versions(&work.facts_of(*repository, digest).await?), [3], "its own facts stay");
            assert!(work.remove_manifest(*repository, digest).await?);
            assert!(work.facts_of(*repository, digest).await?.is_empty());
            assert_eq!(work.document(*repository, digest, "readme").await?, None);
            Ok(())
        })
    })
    .await
    .unwrap();
}
