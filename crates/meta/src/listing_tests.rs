//! What a push into a project costs must not grow with the project: on PostgreSQL counted in rows, on SQLite in steps of
//! its machine, with projects of five files and of five thousand.

use std::collections::BTreeMap;

use async_trait::async_trait;
use wharf_core::{
    Actor, Algorithm, Place, Result, Tag, Timestamp,
    gate::{RegistryId, RepositoryId},
};
use wharf_registry::{
    format::Pair,
    port::{ListedOf, Maker, PageOf, Pages as _, Releases as _, Tenants as _},
};

use crate::{
    Database,
    database::Step,
    postgres::Fresh,
    rows::SqlWork,
    session::{Session, Unit},
    sqlite::count_steps,
};

const FORMAT: &str = "parts";
/// How many files a release has.
const EACH: i64 = 5;
/// How many files are read at a time.
const MOST: u32 = 100;

/// A project of so many files.
struct Fill(usize);

#[async_trait]
impl Step for Fill {
    type Output = PushReads;

    async fn run(&self, session: &mut dyn Session) -> Result<PushReads> {
        const MANIFESTS: &str = "
            INSERT INTO manifest (repository_id, digest, media_type, size, created_at, payload)
            SELECT $1, unhex(e.key), 'a/b', 1, 0, unhex(e.key) FROM json_each($2) e";
        const FACTS: &str = "
            INSERT INTO fact
                (manifest_id, registry_id, format, subject, sort_key, attributes, repository_id, release, listed)
            SELECT m.id, $1, $2, $3, m.digest, '{}', m.repository_id, '1.' || (m.id / $4), 1
            FROM manifest m WHERE m.repository_id = $5";
        const PAIRS: &str = "
            INSERT INTO fact_pair (registry_id, format, name, value, subject, sort_key, fact_id)
            SELECT f.registry_id, f.format, 'file', f.release, f.subject, f.sort_key, f.id
            FROM fact f WHERE f.repository_id = $1";
        const LAST: &str =
            "SELECT f.release FROM fact f WHERE f.repository_id = $1 ORDER BY f.id DESC LIMIT 1";
        let name = format!("project{}", self.0);
        let place: Place = format!("listing/main/{name}").parse()?;
        let mut work = SqlWork::on(&mut *session);
        let registry = work
            .ensure_registry(&place, Maker { actor: &Actor::job("contract"), at: Timestamp::default() })
            .await?;
        let repository = work
            .ensure_repository(
                registry,
                &place,
                Maker { actor: &Actor::job("contract"), at: Timestamp::default() },
            )
            .await?;
        let digest = |number: usize| {
            let digest = wharf_hash::digest(Algorithm::Sha256, format!("{name} {number}").as_bytes());
            let hex = digest.to_row().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            (hex, 0)
        };
        let digests: BTreeMap<String, i64> = (0..self.0).map(digest).collect();
        let digests = serde_json::to_string(&digests).unwrap();
        session.execute(MANIFESTS, &[repository.0.into(), digests.as_str().into()]).await?;
        let values =
            [registry.id.0.into(), FORMAT.into(), name.as_str().into(), EACH.into(), repository.0.into()];
        session.execute(FACTS, &values).await?;
        session.execute(PAIRS, &[repository.0.into()]).await?;
        SqlWork::on(&mut *session).move_page(repository, FORMAT, &name).await?;
        session.execute("ANALYZE", &[]).await?;
        let release = session.query(LAST, &[repository.0.into()]).await?.remove(0).next()?;
        Ok(PushReads { registry: registry.id, repository, release })
    }
}

/// What a push into a release reads of its project, and what a reader reads who has the page.
#[derive(Clone, Debug)]
struct PushReads {
    registry: RegistryId,
    repository: RepositoryId,
    release: String,
}

#[async_trait]
impl Unit for PushReads {
    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        let Self { registry, repository, release } = self.clone();
        let mut work = SqlWork::on(session);
        let tag: Tag = release.parse()?;
        let of_release = ListedOf { repository, format: FORMAT, release: Some(&tag), last: None, most: MOST };
        let listed = work.listed(of_release).await?;
        assert!((1..=EACH as usize).contains(&listed.len()), "{} files in {release}", listed.len());
        let pair = Pair { format: FORMAT, name: "file", value: &release };
        assert!(work.find_listed((registry, repository), &pair).await?.is_some());
        assert_eq!(work.listings_of(repository, &listed[0].digest).await?.len(), 1);
        let of = PageOf { registry, repository: Some(repository), format: FORMAT };
        assert!(work.page(of).await?.is_some_and(|state| state.listed));
        Ok(())
    }
}

/// The same, counted in rows and entries of indexes. PostgreSQL's own count.
struct Rows(PushReads);

#[async_trait]
impl Step for Rows {
    type Output = i64;

    async fn run(&self, session: &mut dyn Session) -> Result<i64> {
        const COUNT: &str = "
            SELECT CAST(coalesce(sum(pg_stat_get_xact_tuples_returned(c.oid)), 0) AS BIGINT)
            FROM pg_class c WHERE c.relname LIKE 'fact%' OR c.relname LIKE 'manifest%' OR c.relname LIKE 'page%'";
        let before: i64 = session.query(COUNT, &[]).await?.remove(0).next()?;
        self.0.run(session).await?;
        let after: i64 = session.query(COUNT, &[]).await?.remove(0).next()?;
        Ok(after - before)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_into_a_large_project_costs_what_one_into_a_small_one_does_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wharf.sqlite");
    let database = Database::sqlite(&path, &folder.path().join("ballast")).unwrap();
    let mut steps = Vec::new();
    for files in [5, 5_000] {
        let reads = database.write(Fill(files)).await.unwrap();
        steps.push(count_steps(&path, &reads));
    }
    assert!(steps[1] < 2 * steps[0], "{steps:?} steps");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_into_a_large_project_costs_what_one_into_a_small_one_does_on_postgres() {
    let Some(fresh) = Fresh::make().await else { return };
    let database = Database::postgres(fresh.settings()).await.unwrap();
    database.write(Fill(5)).await.unwrap();
    let reads = database.write(Fill(5_000)).await.unwrap();
    let rows = database.read(Rows(reads)).await.unwrap();
    assert!((1..200).contains(&rows), "{rows} rows were read");
}
