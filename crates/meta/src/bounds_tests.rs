//! What a list costs must not grow with what belongs to others: on PostgreSQL counted in rows, on SQLite in steps of
//! its machine, with twenty thousand repositories that the caller may not read.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use wharf_auth::port::Accounts as _;
use wharf_core::{AccountId, Digest, Result, gate::RepositoryId};
use wharf_registry::port::{Blobs as _, Catalog as _, CatalogOf, Extent, Store, Transaction, Work};

use crate::{
    Database,
    database::Step,
    postgres::Fresh,
    rows::SqlWork,
    session::{Session, Unit},
    sqlite::count_steps,
};

/// Private repositories, which all hold one blob, and organisations they are of.
const OTHERS: (i64, i64) = (20_000, 200);

fn digest() -> Digest {
    format!("sha256:{}", "5".repeat(64)).parse().unwrap()
}

/// Fills the tables: the private ones; `zoo`, whose main registry is public and whose other one is not, after them in
/// order; three public registries of one repository each; and an account that is a member of `org7` and `zoo`.
struct Fill;

#[async_trait]
impl Step for Fill {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const ORGANISATIONS: &str = "
            INSERT INTO organisation (name, settings, created_at)
            WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $1)
            SELECT 'org' || i, '{}', 0 FROM n
            UNION ALL SELECT 'zoo', '{}', 0 UNION ALL SELECT 'library', '{}', 0 UNION ALL SELECT 'open', '{}', 0";
        const REGISTRIES: &str = "
            INSERT INTO registry (organisation_id, name, kind, public, settings, created_at)
            SELECT o.id, n.name, 'hosted', CASE WHEN o.name LIKE 'org%' OR n.name = 'team' THEN 0 ELSE 1 END, '{}', 0
            FROM organisation o CROSS JOIN (SELECT 'main' AS name UNION ALL SELECT 'team' UNION ALL SELECT 'free') n
            WHERE n.name = 'main' OR o.name = 'zoo'";
        const OTHERS_OWN: &str = "
            INSERT INTO repository (registry_id, name, path, shown, sequence, created_at, looked_at)
            WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $1)
            SELECT r.id, 'app' || n.i, o.name || '/app' || n.i, 1, 0, 0, 0
            FROM organisation o JOIN registry r ON r.organisation_id = o.id CROSS JOIN n WHERE o.name LIKE 'org%'";
        const OWN: &str = "
            INSERT INTO repository (registry_id, name, path, shown, sequence, created_at, looked_at)
            WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < 50)
            SELECT r.id, 'r' || n.i, CASE WHEN o.name = 'library' THEN '' ELSE o.name || '/' END
                || CASE WHEN r.name = 'main' THEN '' ELSE r.name || '/' END || 'r' || n.i, 1, 0, 0, 0
            FROM organisation o JOIN registry r ON r.organisation_id = o.id CROSS JOIN n
            WHERE o.name NOT LIKE 'org%' AND (n.i < 2 OR o.name <> 'open')";
        const HELD: [&str; 2] = [
            "INSERT INTO blob (digest, size, object_key, epoch, created_at) SELECT $1, 1, $1, 0, 0",
            "INSERT INTO repository_blob (repository_id, blob_id, organisation_id, epoch, created_at)
            SELECT p.id, b.id, r.organisation_id, 0, 0
            FROM repository p JOIN registry r ON r.id = p.registry_id CROSS JOIN blob b WHERE b.digest = $1",
        ];
        const ACCOUNT: [&str; 2] = [
            "INSERT INTO account (name, kind, operator, disabled, version, created_at)
            VALUES ('vera', 'user', 0, 0, 1, 0)",
            "INSERT INTO membership (organisation_id, account_id, role, created_at)
            SELECT o.id, a.id, 'viewer', 0 FROM organisation o CROSS JOIN account a WHERE o.name IN ('org7', 'zoo')",
        ];
        session.execute(ORGANISATIONS, &[OTHERS.1.into()]).await?;
        session.execute(REGISTRIES, &[]).await?;
        session.execute(OTHERS_OWN, &[(OTHERS.0 / OTHERS.1).into()]).await?;
        session.execute(OWN, &[]).await?;
        let digest = digest().to_row();
        for statement in HELD {
            session.execute(statement, &[digest.as_slice().into()]).await?;
        }
        for statement in ACCOUNT {
            session.execute(statement, &[]).await?;
        }
        session.execute("ANALYZE", &[]).await.map(drop)
    }
}

/// Somebody's whole catalog, by asking for what comes after each page.
struct WholeCatalog {
    of: CatalogOf,
    most: u32,
}

#[async_trait]
impl Step for WholeCatalog {
    type Output = Vec<String>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        loop {
            let (last, most) = (names.last().cloned(), self.most);
            let page = SqlWork::on(session).catalog(self.of, last.as_deref(), most).await?;
            assert!(page.len() <= most as usize);
            names.extend(page.iter().cloned());
            if page.len() < most as usize {
                return Ok(names);
            }
        }
    }
}

/// What is measured: a page of nobody's catalog, and of a member's; a mount.
#[derive(Clone, Copy, Debug)]
enum Read {
    Page(Option<AccountId>),
    Mount,
}

#[async_trait]
impl Unit for Read {
    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        match self {
            Self::Page(account) => {
                let page = SqlWork::on(session).catalog(CatalogOf::ReadableBy(*account), None, 20).await?;
                assert_eq!(page.len(), 20);
            }
            Self::Mount => {
                let found = SqlWork::on(session).mount_sources(None, &digest(), 100).await?;
                assert!(found.is_empty(), "the public ones come after more than are looked at");
            }
        }
        Ok(())
    }
}

/// How many rows and entries of indexes a read took, of tables that begin so. PostgreSQL's own count.
struct Rows(Read, &'static str);

#[async_trait]
impl Step for Rows {
    type Output = i64;

    async fn run(&self, session: &mut dyn Session) -> Result<i64> {
        const COUNT: &str = "
            SELECT CAST(coalesce(sum(pg_stat_get_xact_tuples_returned(c.oid)), 0) AS BIGINT)
            FROM pg_class c WHERE c.relname LIKE $1";
        let before: i64 = session.query(COUNT, &[self.1.into()]).await?.remove(0).next()?;
        self.0.run(session).await?;
        let after: i64 = session.query(COUNT, &[self.1.into()]).await?.remove(0).next()?;
        Ok(after - before)
    }
}

/// The catalogs of all kinds of callers hold what they may read, in byte order, whatever the length of a page.
async fn catalogs_are_whole_and_in_order(database: &Database) -> AccountId {
    struct FindVera;
    #[async_trait]
    impl Step for FindVera {
        type Output = i64;
        async fn run(&self, session: &mut dyn Session) -> Result<i64> {
            session.query("SELECT id FROM account WHERE name = 'vera'", &[]).await?.remove(0).next()
        }
    }
    let vera = AccountId(database.read(FindVera).await.unwrap());
    let all = database.read(WholeCatalog { of: CatalogOf::Everything, most: 1000 }).await.unwrap();
    assert_eq!(all.len(), 20_000 + 1 + 50 + 150);
    assert!(all.is_sorted());
    for (account, is_readable) in [
        (None, (|name: &str| !name.starts_with("org") && !name.starts_with("zoo/team/")) as fn(&str) -> bool),
        (Some(vera), |name| !name.starts_with("org") || name.starts_with("org7/")),
    ] {
        let expected: Vec<_> = all.iter().filter(|name| is_readable(name)).cloned().collect();
        for most in [1, 2, 7, 9, 1000] {
            let of = CatalogOf::ReadableBy(account);
            let names = database.read(WholeCatalog { of, most }).await.unwrap();
            assert_eq!(names, expected, "{account:?} in pages of {most}");
        }
    }
    vera
}

/// A list that takes its time.
struct LongList(Arc<AtomicBool>);

#[async_trait]
impl Transaction for LongList {
    type Output = ();

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        work.has_manifest(RepositoryId(0), &digest()).await?;
        // A unit over SQLite must not wait, so this thread does.
        tokio::task::block_in_place(|| {
            while !self.0.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        Ok(())
    }
}

/// Eight lists, more than there are connections, are not at their end before the last login was answered.
async fn long_lists_hold_no_login_up(database: Database) {
    /// Ends the lists, also where the test fails.
    struct End(Arc<AtomicBool>);
    impl Drop for End {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let ended = Arc::new(AtomicBool::new(false));
    let end = End(ended.clone());
    let store: Arc<dyn Store> = Arc::new(database.clone());
    let lists: Vec<_> = (0..8)
        .map(|_| {
            let (store, list) = (store.clone(), LongList(ended.clone()));
            tokio::spawn(async move { store.view(list).await })
        })
        .collect();
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(2)).await;
        // As every login does.
        database.any().await.expect("a login was told that the database is busy");
    }
    drop(end);
    for list in lists {
        list.await.unwrap().unwrap();
    }
}

async fn sqlite() -> (tempfile::TempDir, std::path::PathBuf, Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wharf.sqlite");
    let database = Database::sqlite(&path, &folder.path().join("ballast")).unwrap();
    database.write(Fill).await.unwrap();
    (folder, path, database)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_have_costs_nobody_anything_on_sqlite() {
    let (_folder, path, database) = sqlite().await;
    let vera = catalogs_are_whole_and_in_order(&database).await;
    let steps = |read: Read| count_steps(&path, &read);
    let bounds = [(Read::Page(None), 10_000), (Read::Page(Some(vera)), 10_000), (Read::Mount, 100_000)];
    for (read, most) in bounds {
        let steps = steps(read);
        assert!((100..most).contains(&steps), "{read:?} took {steps} steps");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_have_costs_nobody_anything_on_postgres() {
    let Some(fresh) = Fresh::make().await else { return };
    let database = Database::postgres(fresh.settings()).await.unwrap();
    database.write(Fill).await.unwrap();
    let vera = catalogs_are_whole_and_in_order(&database).await;
    for read in [Read::Page(None), Read::Page(Some(vera))] {
        let rows = database.read(Rows(read, "repository%")).await.unwrap();
        assert!((20..300).contains(&rows), "{read:?} read {rows} rows");
    }
    let rows = database.read(Rows(Read::Mount, "repository_blob%")).await.unwrap();
    assert!((1_000..1_100).contains(&rows), "a mount read {rows} memberships");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn long_lists_hold_no_login_up_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wharf.sqlite");
    long_lists_hold_no_login_up(Database::sqlite(&path, &folder.path().join("ballast")).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn long_lists_hold_no_login_up_on_postgres() {
    let Some(fresh) = Fresh::make().await else { return };
    long_lists_hold_no_login_up(Database::postgres(fresh.settings()).await.unwrap()).await;
}
