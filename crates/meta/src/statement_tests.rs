//! How many statements a push costs: as many for a large manifest as for a small one, on both databases.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use wharf_core::{
    Actor, Algorithm, Digest, Place, Result, Timestamp, gate::RepositoryId, manifest::Manifest,
};
use wharf_registry::port::{Blobs, Maker, Manifests, NewManifest, Tenants};

use crate::{
    Database,
    database::Step,
    memory::Content,
    postgres::Fresh,
    rows::SqlWork,
    session::{Row, Session, Value, Writers},
};

const NOW: Timestamp = Timestamp::from_microseconds(1_700_000_000_000_000);

/// A session that counts its statements.
struct CountingSession<'s> {
    session: &'s mut dyn Session,
    statements: u32,
}

#[async_trait]
impl Session for CountingSession<'_> {
    async fn execute(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<u64> {
        self.statements += 1;
        self.session.execute(sql, values).await
    }

    async fn query(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>> {
        self.statements += 1;
        self.session.query(sql, values).await
    }

    fn writers(&self) -> Writers {
        self.session.writers()
    }

    fn changes(&mut self, content: Content) {
        self.session.changes(content);
    }
}

fn digest(text: &str) -> Digest {
    wharf_hash::digest(Algorithm::Sha256, text.as_bytes())
}

/// Stores a manifest that names these layers; yields the statements it took and the edges it has.
struct StoreManifest(Vec<Digest>);

impl StoreManifest {
    fn manifest(&self) -> NewManifest {
        let layer = |digest| format!(r#"{{"mediaType":"a/b","digest":"{digest}","size":1}}"#);
        let (config, layers): (_, Vec<_>) = (layer(&digest("config")), self.0.iter().map(layer).collect());
        let bytes = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{}]}}"#, layers.join(","));
        let manifest = Arc::new(Manifest::parse(None, bytes.as_bytes()).unwrap());
        NewManifest::new(digest(&bytes), Bytes::from(bytes), manifest).unwrap()
    }

    async fn store(&self, repository: RepositoryId, session: &mut dyn Session) -> Result<u32> {
        let mut counted = CountingSession { session, statements: 0 };
        let mut work = SqlWork::on(&mut counted);
        work.touch_members(repository, &self.0).await?;
        work.known_manifests(repository, &self.0).await?;
        assert!(work.insert_manifest(repository, &self.manifest(), NOW).await?);
        Ok(counted.statements)
    }
}

#[async_trait]
impl Step for StoreManifest {
    type Output = (u32, i64);

    async fn run(&self, session: &mut dyn Session) -> Result<(u32, i64)> {
        let place: Place = format!("statements/n{}", self.0.len()).parse().unwrap();
        let mut work = SqlWork::on(session);
        let registry =
            work.ensure_registry(&place, Maker { actor: &Actor::job("contract"), at: NOW }).await?;
        let repository = work
            .ensure_repository(registry, &place, Maker { actor: &Actor::job("contract"), at: NOW })
            .await?;
        let statements = self.store(repository, session).await?;
        let count = "SELECT count(*) FROM manifest_edge WHERE repository_id = $1";
        let mut edges = session.query(count, &[repository.0.into()]).await?;
        Ok((statements, edges.remove(0).next()?))
    }
}

async fn a_manifest_costs_as_many_statements_whatever_it_names(database: &Database) {
    let layers = |many: u32| (0..many).map(|number| digest(&number.to_string())).collect();
    let (few, edges) = database.write(StoreManifest(layers(3))).await.unwrap();
    assert_eq!((few, edges), (5, 4));
    assert_eq!(database.write(StoreManifest(layers(2000))).await.unwrap(), (few, 2001));
    let repeated = StoreManifest(vec![digest("the same"); 9999]);
    assert_eq!(database.write(repeated).await.unwrap(), (few, 2), "what is named again has one edge");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_manifest_is_as_many_statements_as_a_small_one() {
    let folder = tempfile::tempdir().unwrap();
    let (file, ballast) = (folder.path().join("wharf.sqlite"), folder.path().join("ballast"));
    a_manifest_costs_as_many_statements_whatever_it_names(&Database::sqlite(&file, &ballast).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_manifest_is_as_many_statements_as_a_small_one_on_postgres() {
    let Some(fresh) = Fresh::make().await else { return };
    let database = Database::postgres(fresh.settings()).await.unwrap();
    a_manifest_costs_as_many_statements_whatever_it_names(&database).await;
}
