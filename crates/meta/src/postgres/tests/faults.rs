//! What goes wrong in the middle: dropped requests, races, dead backends, commits without an answer.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll, time::Duration};

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;
use wharf_core::{Kind, Result};

use super::{Fresh, Insert, numbers, open, settings};
use crate::{
    postgres::{Access, carry_out},
    session::{Session, Unit},
};

/// Polls a future so often, then drops it; whether it came to its end.
async fn poll_times<F: Future>(future: F, times: u32) -> bool {
    let mut future = pin!(future);
    for _ in 0..times {
        let polled = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
        if polled.is_ready() {
            return true;
        }
        // The server answers, so that the next poll gets on.
        sleep(Duration::from_millis(2)).await;
    }
    false
}

/// Waits until no transaction is open on the server but the observer's own.
async fn quiet(observer: &Client) {
    const OPEN: &str = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()";
    let quiet = async {
        while observer.query_one(OPEN, &[]).await.unwrap().get::<_, i64>(0) > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(2), quiet).await.expect("a transaction stayed open");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_dropped_at_any_await_happened_once_or_never() {
    let Some(fresh) = Fresh::make().await else { return };
    let (postgres, observer) = (fresh.open().await, fresh.observer().await);

    for polls in 0.. {
        let unit = Insert::number(i64::from(polls));
        let ended = poll_times(carry_out(&postgres.pool, unit.as_ref(), Access::Write), polls).await;
        quiet(&observer).await;
        postgres.write(Insert::number(1000 + i64::from(polls))).await.unwrap();
        assert_eq!(numbers(&observer).await.last(), Some(&(1000 + i64::from(polls))));
        if ended {
            // One poll may get past several awaits where the server answers at once.
            assert!(polls > 1, "the operation has more awaits than {polls}");
            assert!(numbers(&observer).await.contains(&i64::from(polls)));
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_caller_hangs_up_is_carried_to_its_end() {
    let Some(fresh) = Fresh::make().await else { return };
    let (postgres, observer) = (fresh.open().await, fresh.observer().await);

    for number in 0..20 {
        let write = postgres.write(Insert::number(number));
        assert!(!poll_times(write, 1).await || number > 0);
    }

    let all = async {
        while numbers(&observer).await.len() < 20 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(3), all).await.expect("a write was lost with its caller");
    quiet(&observer).await;
}

/// A statement that fails like the server does, with this code.
macro_rules! failing {
    ($code:literal) => {
        concat!("DO $$ BEGIN RAISE EXCEPTION 'crafted' USING ERRCODE = '", $code, "'; END $$")
    };
}

#[tokio::test]
async fn each_fault_is_run_again_as_often_as_makes_sense() {
    let Some(fresh) = Fresh::make().await else { return };
    let (postgres, observer) = (fresh.open().await, fresh.observer().await);

    for (statement, runs, kind) in [
        (failing!("40001"), 5, Kind::Unavailable),
        (failing!("40P01"), 5, Kind::Unavailable),
        (failing!("55P03"), 5, Kind::Unavailable),
        (failing!("23505"), 5, Kind::Conflict),
        (failing!("25006"), 2, Kind::Unavailable),
        (failing!("0A000"), 2, Kind::Unavailable),
        (failing!("53100"), 1, Kind::Unavailable),
        (failing!("53300"), 1, Kind::Unavailable),
        (failing!("57014"), 1, Kind::Unavailable),
        (failing!("22012"), 1, Kind::Internal),
        ("SELECT pg_terminate_backend(pg_backend_pid())", 2, Kind::Unavailable),
    ] {
        let unit = Insert::after(statement, 1);
        let error = postgres.write(unit.clone()).await.unwrap_err();
        assert_eq!((error.kind(), unit.runs()), (kind, runs), "{statement}: {error:?}");
        postgres.write(Insert::number(2)).await.unwrap();
        observer.batch_execute("TRUNCATE number").await.unwrap();
    }
    quiet(&observer).await;
}

#[tokio::test]
async fn a_commit_that_died_under_its_backend_is_run_again_and_counts_once() {
    const DIE_ONCE: &str = "
        CREATE SEQUENCE deaths;
        CREATE FUNCTION die_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('deaths') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
            RETURN NULL;
        END $$;
        CREATE CONSTRAINT TRIGGER die AFTER INSERT ON number DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION die_once()";
    let Some(fresh) = Fresh::make().await else { return };
    let (postgres, observer) = (fresh.open().await, fresh.observer().await);
    observer.batch_execute(DIE_ONCE).await.unwrap();
    let unit = Insert::number(1);

    postgres.write(unit.clone()).await.unwrap();

    assert_eq!(unit.runs(), 2);
    assert_eq!(numbers(&observer).await, [1]);
}

/// Fails, and says that all went well.
struct Careless;

#[async_trait::async_trait]
impl Unit for Careless {
    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        session.execute("INSERT INTO number VALUES ($1)", &[7.into()]).await?;
        session.execute(failing!("22012"), &[]).await.ok();
        Ok(())
    }
}

#[tokio::test]
async fn a_commit_that_the_server_would_turn_into_a_rollback_is_no_success() {
    let Some(fresh) = Fresh::make().await else { return };
    let (postgres, observer) = (fresh.open().await, fresh.observer().await);

    assert!(postgres.write(Arc::new(Careless)).await.is_err());
    assert!(numbers(&observer).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_connection_left_is_told_and_comes_back() {
    let Some(fresh) = Fresh::make().await else { return };
    let (_, observer) = (fresh.open().await, fresh.observer().await);
    let role = format!("{}_role", fresh.name);
    let make = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'secret' CONNECTION LIMIT 2; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}"
    );
    observer.batch_execute(&make).await.unwrap();
    let (_, host) = fresh.server.rsplit_once('@').unwrap();
    let url = format!("postgres://{role}:secret@{host}{}?sslmode=disable", fresh.name);
    let postgres = open(settings(url)).await.unwrap();

    let slow = (0..4).map(|number| postgres.write(Insert::after("SELECT pg_sleep(0.3)", number)));
    let answers = join_all(slow).await;
    postgres.write(Insert::number(9)).await.unwrap();
    let stored = numbers(&observer).await;
    drop(postgres);
    quiet(&observer).await;
    observer.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();

    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count() + 1, stored.len());
    let refused: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
    assert_eq!(refused.len(), 2);
    for error in refused {
        assert_eq!(error.kind(), Kind::Unavailable);
        assert!(format!("{error:?}").contains("raise max_connections"), "{error:?}");
    }
}

/// Reads a column whose type changes.
struct ReadNote;

#[async_trait::async_trait]
impl Unit for ReadNote {
    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        session.query("SELECT n, note FROM number LIMIT 10", &[]).await.map(drop)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_may_change_under_load() {
    let Some(fresh) = Fresh::make().await else { return };
    let (postgres, observer) = (fresh.open().await, fresh.observer().await);
    observer.batch_execute("ALTER TABLE number ADD note TEXT").await.unwrap();
    let load = async {
        for number in 0..60 {
            postgres.write(Insert::number(number)).await.unwrap();
            postgres.read(Arc::new(ReadNote)).await.unwrap();
        }
    };
    let change = async {
        for kind in ["BIGINT", "TEXT", "BIGINT", "TEXT"] {
            sleep(Duration::from_millis(20)).await;
            let alter = format!("ALTER TABLE number ALTER note TYPE {kind} USING NULL");
            observer.batch_execute(&alter).await.unwrap();
        }
    };

    futures_util::future::join(load, change).await;

    assert_eq!(numbers(&observer).await.len(), 60);
}
