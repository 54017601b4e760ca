//! Sources that answer at once, late, never, and without the key.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::sleep;
use wharf_core::{Clock, Timestamp, gate::OrganisationId};

use super::*;
use crate::issuers::{
    Documents, Issuer, Wanted,
    tests::issuer::{NOW, Signer, URL},
};

const QUICK: (i64, &str) = (1, "https://quick.example/keys");
const SLOW: (i64, &str) = (2, "https://slow.example/keys");
const SILENT: (i64, &str) = (3, "https://silent.example/keys");

/// Longer than all sources together are waited for, and shorter than one is.
const LATE: Duration = Duration::from_secs(5);

/// What is published where, and the time.
#[derive(Default)]
struct World {
    keys: HashMap<&'static str, Value>,
    passed: AtomicI64,
}

#[async_trait]
impl Documents for World {
    async fn fetch(&self, wanted: Wanted, _: usize) -> Result<Vec<u8>> {
        match self.keys.get(wanted.url.as_str()) {
            Some(keys) => {
                sleep(if wanted.url == SLOW.1 { LATE } else { Duration::ZERO }).await;
                Ok(json!({ "keys": [keys] }).to_string().into_bytes())
            }
            None => std::future::pending().await,
        }
    }

    fn expect_open(&self, _: &Wanted) -> Result<()> {
        Ok(())
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        NOW.plus_seconds(self.passed.load(Ordering::Relaxed))
    }
}

fn source((id, keys): (i64, &str)) -> IssuerSource {
    let keys_url = Some(keys.parse().unwrap());
    let issuer = Issuer { url: URL.parse().unwrap(), keys_url, authorities: None };
    IssuerSource { id, issuer, organisations: vec![OrganisationId(id)] }
}

fn token(signer: &Signer, issued: Timestamp) -> Secret<String> {
    let issued = issued.seconds();
    Secret::new(signer.sign(&json!({ "iss": URL, "iat": issued, "exp": issued + 300 })))
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_vain_is_to_come_again_and_was_not_refused() {
    let world = Arc::<World>::default();
    let issuers = Issuers::new(world.clone(), world);
    let token = token(&Signer::p256("a"), NOW);

    let error = hear(&issuers, vec![source(SILENT)], &token).await.err().unwrap();

    assert_eq!(error.kind(), Kind::Unavailable, "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn who_depends_on_a_slow_source_waits_for_its_word_and_nobody_else_does() {
    let signer = Signer::p256("a");
    let keys = [QUICK, SLOW].map(|(_, url)| (url, signer.jwk())).into();
    let world = Arc::new(World { keys, ..World::default() });
    let issuers = Issuers::new(world.clone(), world);
    let began = Instant::now();

    let sources = vec![source(SILENT), source(SLOW), source(QUICK)];
    let mut heard = hear(&issuers, sources, &token(&signer, NOW)).await.ok().unwrap();

    assert_eq!(began.elapsed(), GRACE);
    assert_eq!(heard.possible(), [QUICK.0, SILENT.0, SLOW.0], "those that signed it come first");
    assert!(heard.is_signed_by(QUICK.0).await.unwrap());
    assert_eq!(began.elapsed(), GRACE);
    assert!(heard.is_signed_by(SLOW.0).await.unwrap());
    assert_eq!(began.elapsed(), LATE);
    assert_eq!(heard.is_signed_by(SILENT.0).await.unwrap_err().kind(), Kind::Unavailable);
    assert_eq!(began.elapsed(), PATIENCE);
    assert_eq!(heard.signers().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn keys_that_were_read_before_a_token_was_made_refuse_it_only_where_nobody_knows_better() {
    let (old, new) = (Signer::p256("old"), Signer::p256("new"));
    let keys = [(SLOW.1, old.jwk()), (QUICK.1, new.jwk())].into();
    let world = Arc::new(World { keys, ..World::default() });
    let issuers = Issuers::new(world.clone(), world.clone());
    hear(&issuers, vec![source(SLOW)], &token(&old, NOW)).await.ok().unwrap();
    world.passed.store(10, Ordering::Relaxed);
    let sources = || vec![source(SLOW), source(QUICK)];

    let mut heard = hear(&issuers, sources(), &token(&new, NOW.plus_seconds(10))).await.ok().unwrap();
    assert_eq!(heard.possible(), [QUICK.0, SLOW.0]);
    let unsure = heard.is_signed_by(SLOW.0).await.unwrap_err();
    assert_eq!((unsure.kind(), unsure.detail()), (Kind::Unavailable, Some(&Detail::Wait(50))));

    // This one was made before: its key would have been there.
    let mut heard = hear(&issuers, sources(), &token(&new, NOW.plus_seconds(-1))).await.ok().unwrap();
    assert_eq!(heard.possible(), [QUICK.0]);
    assert!(!heard.is_signed_by(SLOW.0).await.unwrap());

    let alone = hear(&issuers, vec![source(SLOW)], &token(&new, NOW.plus_seconds(10))).await;
    assert_eq!(alone.err().unwrap().kind(), Kind::Unauthenticated, "as for anybody whom nobody believes");
}
