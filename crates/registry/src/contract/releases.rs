//! The contract of releases, of the names of their parts, and of the pages that show them.

use wharf_core::{
    Actor, Digest, Place, RegistryPlace, Tag,
    gate::{RegistryId, RepositoryId},
};

use super::store::{NOW, commit, digest, image, repository, view};
use crate::{
    format::{Claim, Document, Fact, Pair},
    port::{
        About, Held, ListedOf, ListedRow, NoticeRow, PageBody, PageOf, PageState, RightsSource, Says, Store,
    },
};

const FORMAT: &str = "parts";

pub(super) async fn suite<S: Store + RightsSource>(store: &S) {
    let place =
        RegistryPlace { organisation: "releases".parse().unwrap(), registry: "team".parse().unwrap() };
    let tool = repository(store, "releases/team/tool").await;
    let rights = store.registry_rights(&Actor::job("contract"), &place).await.unwrap();
    let registry = rights.registry.expect("the registry was made").id;
    let of = |repository| PageOf { registry, repository, format: FORMAT };

    assert_eq!(page(store, of(Some(tool))).await, None, "nothing was listed yet");
    let one = store_part(store, tool, ("a", "1.0")).await;
    let two = store_part(store, tool, ("b", "1.0")).await;
    store_part(store, tool, ("c", "2.0")).await;
    let state = |revision, listed| Some(PageState { revision, listed });
    assert_eq!(page(store, of(Some(tool))).await, state(3, true));
    assert_eq!(page(store, of(None)).await.map(|state| state.revision), Some(1), "one subject came");
    assert_eq!(subjects(store, of(None)).await, ["tool"]);
    assert_eq!(names(&listed(store, tool, None).await), ["a", "b", "c"]);
    assert_eq!(names(&listed(store, tool, Some("1.0")).await), ["a", "b"]);
    let found = view(store, (registry, tool), move |at, work| {
        Box::pin(
            async move { work.find_listed(*at, &Pair { format: FORMAT, name: "file", value: "b" }).await },
        )
    });
    assert_eq!(found.await.map(|row| (row.digest, row.release)), Some((two, "1.0".to_owned())));

    what_is_said_stands_until_it_is_taken_back(store, tool).await;
    what_stands_beside_is_found_and_not_listed(store, (registry, tool)).await;
    a_name_stands_for_one_content_even_when_that_is_gone(store, tool, one).await;
    assert_eq!(names(&listed(store, tool, Some("1.0")).await), ["b"]);
    pages_are_kept_only_of_the_revision_that_stands(store, of(Some(tool))).await;
    what_is_taken_off_the_list_is_shown_no_more(store, tool).await;
    assert_eq!(page(store, of(Some(tool))).await.map(|state| state.listed), Some(false));
    assert!(subjects(store, of(None)).await.is_empty());
    names_and_notices_outlive_their_repository(store, two).await;
}

fn part(name: &str, release: &str) -> Fact {
    Fact {
        subject: "tool".to_owned(),
        sort_key: vec![1],
        index: vec![("file", name.to_owned())],
        release: Some(release.parse().unwrap()),
        attributes: serde_json::Map::from_iter([("name".to_owned(), name.into())]),
        ..Fact::default()
    }
}

/// Stores a manifest with one part of a release.
async fn store_part(store: &dyn Store, repository: RepositoryId, (name, release): (&str, &str)) -> Digest {
    let input = (repository, image(&format!("part {name}")), part(name, release), claim(name, name));
    commit(store, input, |(repository, image, part, claim), work| {
        Box::pin(async move {
            assert!(work.insert_manifest(*repository, image, NOW).await?);
            work.show_repository(*repository).await?;
            work.insert_facts(*repository, &image.digest, (FORMAT, std::slice::from_ref(part))).await?;
            assert_eq!(work.hold(*repository, &image.digest, claim).await?, Held::Free);
            work.move_page(*repository, FORMAT, "tool").await?;
            Ok(image.digest)
        })
    })
    .await
    .unwrap()
}

fn claim(name: &str, content: &str) -> Claim {
    Claim { kind: "file", name: name.to_owned(), digest: digest(content) }
}

/// What is listed, read one row at a time.
async fn listed(store: &dyn Store, repository: RepositoryId, release: Option<&str>) -> Vec<ListedRow> {
    let release: Option<Tag> = release.map(|release| release.parse().unwrap());
    view(store, (repository, release), |(repository, release), work| {
        Box::pin(async move {
            let mut all: Vec<ListedRow> = Vec::new();
            loop {
                let wanted = ListedOf {
                    repository: *repository,
                    format: FORMAT,
                    release: release.as_ref(),
                    last: all.last(),
                    most: 1,
                };
                let rows = work.listed(wanted).await?;
                assert!(rows.len() <= 1, "{} rows came for one", rows.len());
                if rows.is_empty() {
                    return Ok(all);
                }
                all.extend(rows);
            }
        })
    })
    .await
}

fn names(rows: &[ListedRow]) -> Vec<String> {
    let name =
        |row: &ListedRow| serde_json::from_str::<serde_json::Value>(&row.attributes).unwrap()["name"].clone();
    rows.iter().map(|row| name(row).as_str().unwrap().to_owned()).collect()
}

async fn page(store: &dyn Store, of: PageOf) -> Option<PageState> {
    view(store, of, |of, work| Box::pin(async move { work.page(*of).await })).await
}

async fn subjects(store: &dyn Store, of: PageOf) -> Vec<String> {
    view(store, of, |of, work| {
        Box::pin(async move {
            let all = work.listed_subjects(of.registry, of.format, ("", 9)).await?;
            assert!(work.listed_subjects(of.registry, of.format, ("", 0)).await?.is_empty());
            let last = all.last().map(String::as_str).unwrap_or_default();
            assert!(work.listed_subjects(of.registry, of.format, (last, 9)).await?.is_empty());
            Ok(all)
        })
    })
    .await
}

async fn a_name_stands_for_one_content_even_when_that_is_gone(
    store: &dyn Store,
    repository: RepositoryId,
    one: Digest,
) {
    let input = (repository, image("part b").digest, one);
    commit(store, input, |(repository, other, one), work| {
        Box::pin(async move {
            assert_eq!(work.hold(*repository, other, &claim("a", "other")).await?, Held::Taken);
            assert_eq!(
                work.hold(*repository, other, &claim("a", "a")).await?,
                Held::Free,
                "the same content"
            );
            let listings = work.listings_of(*repository, one).await?;
            assert_eq!(listings, [(FORMAT.to_owned(), "tool".to_owned(), "1.0".parse().unwrap())]);
            assert!(work.remove_manifest(*repository, one).await?);
            assert_eq!(work.hold(*repository, other, &claim("a", "other")).await?, Held::Buried);
            work.move_page(*repository, FORMAT, "tool").await
        })
    })
    .await
    .unwrap();
}

async fn pages_are_kept_only_of_the_revision_that_stands(store: &dyn Store, of: PageOf) {
    let standing = page(store, of).await.expect("something is listed").revision;
    let body = |bytes: &'static str| PageBody {
        kind: "json".to_owned(),
        encoding: "identity".to_owned(),
        media_type: "a/b".to_owned(),
        etag: bytes.to_owned(),
        bytes: bytes.into(),
    };
    for (revision, bytes, keeps) in
        [(standing - 1, "old", false), (standing, "first", true), (standing, "new", true)]
    {
        let kept = commit(store, (of, revision, body(bytes)), |(of, revision, body), work| {
            Box::pin(async move { work.keep_bodies(*of, *revision, std::slice::from_ref(body)).await })
        });
        assert_eq!(kept.await.unwrap(), keeps, "{bytes}");
    }
    let found = async |revision: i64| {
        view(store, (of, revision), |(of, revision), work| {
            Box::pin(async move { work.page_bodies(*of, *revision).await })
        })
        .await
    };
    assert_eq!(found(standing).await, [body("new")]);
    assert_eq!(found(standing + 1).await, []);
}

async fn what_is_taken_off_the_list_is_shown_no_more(store: &dyn Store, repository: RepositoryId) {
    for release in ["1.0", "2.0"] {
        let release: Tag = release.parse().unwrap();
        commit(store, (repository, release), |(repository, release), work| {
            Box::pin(async move {
                let gone = work.unlist(*repository, release).await?;
                assert_eq!(gone, [(FORMAT.to_owned(), "tool".to_owned())]);
                assert!(work.unlist(*repository, release).await?.is_empty(), "it is off the list");
                work.move_page(*repository, FORMAT, "tool").await
            })
        })
        .await
        .unwrap();
    }
    assert!(listed(store, repository, None).await.is_empty());
    let input = (repository, image("part c").digest);
    commit(store, input, |(repository, digest), work| {
        Box::pin(async move { work.list_facts(*repository, digest, &"2.0".parse()?).await })
    })
    .await
    .unwrap();
    assert_eq!(names(&listed(store, repository, None).await), ["c"], "it is listed again");
    let input = (repository, "2.0".parse::<Tag>().unwrap());
    commit(store, input, |(repository, release), work| {
        Box::pin(async move { work.unlist(*repository, release).await.map(drop) })
    })
    .await
    .unwrap();
}

async fn what_stands_beside_is_found_and_not_listed(
    store: &dyn Store,
    (registry, repository): (RegistryId, RepositoryId),
) {
    let note = |bytes: &[u8]| Document { name: "note", media_type: "a/b", bytes: bytes.to_vec() };
    let fact = Fact {
        index: vec![("about", "b".to_owned())],
        documents: vec![note(b"seen")],
        release: None,
        ..part("beside", "1.0")
    };
    let input = (registry, repository, image("beside"), fact);
    let found = commit(store, input, |(registry, repository, image, fact), work| {
        Box::pin(async move {
            assert!(work.insert_manifest(*repository, image, NOW).await?);
            work.insert_facts(*repository, &image.digest, (FORMAT, std::slice::from_ref(fact))).await?;
            assert_eq!(
                work.beside_of(*repository, &image.digest).await?,
                [(FORMAT.to_owned(), "tool".to_owned())]
            );
            assert!(work.listings_of(*repository, &image.digest).await?.is_empty(), "it is of no release");
            let pair = Pair { format: FORMAT, name: "about", value: "b" };
            let at = (*registry, *repository);
            assert!(work.documents_beside(at, &pair, ("other", 2)).await?.is_empty());
            let documents = work.documents_beside(at, &pair, ("note", 2)).await?;
            assert_eq!(
                documents.iter().map(|(_, document)| &document.bytes[..]).collect::<Vec<_>>(),
                [b"seen"]
            );
            assert!(work.beside(*repository, FORMAT, (0, 0)).await?.is_empty());
            let beside = work.beside(*repository, FORMAT, (0, 9)).await?;
            assert!(work.beside(*repository, FORMAT, (beside[0].id, 9)).await?.is_empty());
            assert!(work.remove_manifest(*repository, &image.digest).await?);
            assert!(work.beside(*repository, FORMAT, (0, 9)).await?.is_empty());
            Ok(beside)
        })
    });
    let found = found.await.unwrap();
    assert_eq!(found.iter().map(|row| row.attributes.as_str()).collect::<Vec<_>>(), [r#"{"name":"beside"}"#]);
}

fn notice(about: About, says: Says, reason: Option<&str>) -> NoticeRow {
    NoticeRow { about, says, reason: reason.map(str::to_owned), at: NOW, by: "somebody".to_owned() }
}

async fn what_is_said_stands_until_it_is_taken_back(store: &dyn Store, repository: RepositoryId) {
    let part = notice(About::Part("b".to_owned()), Says::Yanked, Some("it breaks"));
    let release = notice(About::Release("1.0".parse().unwrap()), Says::Yanked, None);
    let all = notice(About::All, Says::Archived, Some("no more"));
    let said = [part, release, notice(About::All, Says::Deprecated, None), all.clone()];
    commit(store, (repository, said), |(repository, said), work| {
        Box::pin(async move {
            for notice in said {
                work.set_notice(*repository, FORMAT, notice).await?;
            }
            Ok(())
        })
    })
    .await
    .unwrap();
    let found = view(store, repository, |repository, work| {
        Box::pin(async move {
            let other = work.notices(*repository, "other", (None, 9)).await?;
            let mut all = work.notices(*repository, FORMAT, (None, 2)).await?;
            assert_eq!(all.len(), 2);
            let last = all.last().map(|notice| &notice.about);
            let rest = work.notices(*repository, FORMAT, (last, 2)).await?;
            all.extend(rest);
            Ok((all, other))
        })
    });
    let (found, other) = found.await;
    let words: Vec<_> = found.iter().map(|notice| (notice.about.word(), notice.reason.as_deref())).collect();
    assert_eq!(words, [("all", Some("no more")), ("part", Some("it breaks")), ("release", None)]);
    assert_eq!((&found[0], other), (&all, Vec::new()), "the last word counts");
    commit(store, repository, |repository, work| {
        Box::pin(async move {
            let about = About::Release("1.0".parse()?);
            assert!(work.notice(*repository, FORMAT, &about).await?.is_some());
            assert!(work.remove_notice(*repository, FORMAT, &about).await?);
            assert!(!work.remove_notice(*repository, FORMAT, &about).await?, "it is taken back");
            assert_eq!(work.notice(*repository, FORMAT, &about).await?, None);
            Ok(())
        })
    })
    .await
    .unwrap();
}

async fn names_and_notices_outlive_their_repository(store: &dyn Store, other: Digest) {
    let gone = repository(store, "releases/team/gone").await;
    let manifest = store_part(store, gone, ("a", "1.0")).await;
    let said = notice(About::All, Says::Quarantined, None);
    commit(store, (gone, manifest, said), |(gone, manifest, said), work| {
        Box::pin(async move {
            work.set_notice(*gone, FORMAT, said).await?;
            assert!(work.remove_manifest(*gone, manifest).await?);
            assert!(work.remove_repository(*gone).await?);
            Ok(())
        })
    })
    .await
    .unwrap();
    for (path, was_held) in [("releases/team/gone", true), ("releases/team/never", false)] {
        let place: Place = path.parse().unwrap();
        let held = commit(store, place, |place, work| Box::pin(async move { work.was_held(place).await }));
        assert_eq!(held.await.unwrap(), was_held, "{path}");
    }
    let anew = repository(store, "releases/team/gone").await;
    assert_ne!(anew, gone);
    let manifest = store_part(store, anew, ("b", "1.0")).await;
    commit(store, (anew, manifest, other), |(anew, manifest, other), work| {
        Box::pin(async move {
            let claim = Claim { kind: "file", name: "a".to_owned(), digest: *other };
            assert_eq!(work.hold(*anew, manifest, &claim).await?, Held::Buried);
            assert_eq!(work.notices(*anew, FORMAT, (None, 9)).await?.len(), 1);
            Ok(())
        })
    })
    .await
    .unwrap();
}
