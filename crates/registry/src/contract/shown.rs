//! The contract of what the page of a registry shows: facts whose own tag points to their manifest.

use wharf_core::{Actor, Digest, RegistryPlace, Tag, gate::RepositoryId};

use super::store::{MARK, NOW, commit, image, repository, view};
use crate::{
    format::{Fact, FactCursor},
    port::{PageOf, RightsSource, ShownOf, Store},
};

const FORMAT: &str = "shown";

pub(super) async fn suite<S: Store + RightsSource>(store: &S) {
    let place = RegistryPlace { organisation: "shown".parse().unwrap(), registry: "team".parse().unwrap() };
    let (app, web) = (repository(store, "shown/team/app").await, repository(store, "shown/team/web").await);
    let rights = store.registry_rights(&Actor::job("contract"), &place).await.unwrap();
    let registry = rights.registry.expect("the registry was made").id;
    let called =
        view(store, registry, |registry, work| Box::pin(async move { work.registry_place(*registry).await }));
    assert_eq!(called.await, Some(place));
    let state = Page { registry: PageOf { registry, repository: None, format: FORMAT } };

    let old = state.revision(store).await;
    let first = store_fact(store, app, ("app one", "app", 1)).await;
    let second = store_fact(store, app, ("app two", "app", 2)).await;
    store_fact(store, web, ("web", "web", 1)).await;
    assert_eq!(state.revision(store).await, old, "no tag points to them yet");
    assert!(state.shown(store).await.is_empty());

    point(store, app, ("v1", first)).await;
    point(store, app, ("v2", second)).await;
    point(store, app, ("other", first)).await;
    assert_eq!(state.revision(store).await, old + 2, "a tag that is not its own moves nothing");
    assert_eq!(state.shown(store).await, [("app", "v2", second), ("app", "v1", first)]);
    assert_eq!(state.found(store, ("keyword", "own")).await, [("app", "v2", second), ("app", "v1", first)]);
    assert_eq!(state.found(store, ("number", "1")).await, [("app", "v1", first)], "no tag points to the web");
    assert!(state.found(store, ("keyword", "1")).await.is_empty());
    point(store, app, ("v1", second)).await;
    assert_eq!(state.shown(store).await, [("app", "v2", second)], "the tag is another's");
    assert_eq!(state.revision(store).await, old + 3);
    point(store, app, ("v1", first)).await;
    commit(store, app, |app, work| {
        Box::pin(async move { work.remove_tag(*app, &"v2".parse()?, MARK).await.map(drop) })
    })
    .await
    .unwrap();
    assert_eq!(state.revision(store).await, old + 5);
    assert_eq!(state.shown(store).await, [("app", "v1", first)]);
}

/// A subject, the tag under which it is shown, and the manifest.
type Shown = (&'static str, &'static str, Digest);

/// The page of a registry.
struct Page {
    registry: PageOf,
}

impl Page {
    async fn revision(&self, store: &dyn Store) -> i64 {
        let page = view(store, self.registry, |of, work| Box::pin(async move { work.page(*of).await }));
        page.await.map_or(0, |page| page.revision)
    }

    /// What is shown, read one by one.
    async fn shown(&self, store: &dyn Store) -> Vec<Shown> {
        self.read(store, None).await
    }

    /// What of it is found by a pair.
    async fn found(&self, store: &dyn Store, (name, value): (&str, &str)) -> Vec<Shown> {
        self.read(store, Some((name.to_owned(), value.to_owned()))).await
    }

    async fn read(&self, store: &dyn Store, pair: Option<(String, String)>) -> Vec<Shown> {
        let (mut found, mut last): (Vec<_>, Option<FactCursor>) = (Vec::new(), None);
        loop {
            let (registry, pair) = (self.registry.registry, pair.clone());
            let wanted = ShownOf { registry, format: FORMAT.to_owned(), pair, last, most: 1 };
            let rows = view(store, wanted, |wanted, work| Box::pin(async move { work.shown(wanted).await }));
            let Some(row) = rows.await.pop() else { return found };
            assert_eq!((row.created_at, row.attributes.as_str()), (NOW, "{}"));
            let known = |text: &str| ["app", "web", "v1", "v2"].into_iter().find(|known| *known == text);
            let subject = known(&row.cursor.subject).expect("a known subject");
            assert_eq!(row.place.repository.as_str(), subject);
            found.push((subject, known(row.tag.as_str()).expect("a known tag"), row.digest));
            last = Some(row.cursor);
        }
    }
}

/// Stores a manifest with a fact that is found by its number, and shown as `v` and that, the greater number first.
async fn store_fact(
    store: &dyn Store,
    repository: RepositoryId,
    (name, subject, number): (&str, &str, u8),
) -> Digest {
    let fact = Fact {
        subject: subject.to_owned(),
        sort_key: vec![u8::MAX - number],
        shown_as: Some(format!("v{number}").parse().unwrap()),
        index: vec![("keyword", "own".to_owned()), ("number", number.to_string())],
        ..Fact::default()
    };
    commit(store, (repository, image(&format!("shown {name}")), fact), |(repository, image, fact), work| {
        Box::pin(async move {
            assert!(work.insert_manifest(*repository, image, NOW).await?);
            work.show_repository(*repository).await?;
            work.insert_facts(*repository, &image.digest, (FORMAT, std::slice::from_ref(fact))).await?;
            Ok(image.digest)
        })
    })
    .await
    .unwrap()
}

async fn point(store: &dyn Store, repository: RepositoryId, (tag, digest): (&str, Digest)) {
    let input = (repository, tag.parse::<Tag>().unwrap(), digest);
    commit(store, input, |(repository, tag, digest), work| {
        Box::pin(async move { work.set_tag(*repository, tag, digest, MARK).await.map(drop) })
    })
    .await
    .unwrap();
}
